"""What `mailweir policy check` says of policies that can be loaded: each mistake in one exact sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.config import Config
from schemas.config_file import parse_config
from streams.core.remediation.policy_findings import findings
from streams.core.remediation.policy_reach import possible
from streams.core.remediation.policy_table import bounds, lines

ROOT = Path(__file__).parents[4]
HEAD = """
tenants: [{name: acme}, {name: beta}]
sources:
  - {name: esp, provider: sendgrid, tenant: acme, is_unsigned: true, control: {driver: webhook}}
alerts:
  - {name: ops, kind: slack, url: https://chat.example/x}
policies:
"""


def read(text: str, head: str = HEAD) -> Config:
    data: dict[str, Any] = yaml.safe_load(head + text)
    return parse_config(data, {}, "mailweir.yaml")


def said(config: Config) -> list[str]:
    return [f"{'error' if f.is_error else 'warning'} {f.place}: {f.sentence}" for f in findings(config)]


MISTAKES = {
    "a tenant that does not exist": (
        "  - {tenant: acmee}",
        "error policies[0].tenant: no tenant is named 'acmee'; did you mean `acme`?",
    ),
    "a tenant that is like none": (
        "  - {tenant: zzz}",
        "error policies[0].tenant: no tenant is named 'zzz'; known: acme, beta",
    ),
    "a rule below one that takes all of it": (
        "  - {tenant: acme, rules: [{mode: act}, {actions: [pause_campaign], mode: approve}]}",
        "error policies[0].rules[1]: is never used: rules[0] answers first; put this rule above",
    ),
    "a rule that two others cover together": (
        (
            "  - {tenant: acme, rules: [{kinds: [campaign], mode: act}, {actions: [rest_ip], kinds: [ip], mode: act},"
            " {actions: [rest_ip], kinds: [ip_provider], mode: suggest}, {actions: [rest_ip], mode: observe}]}"
        ),
        "error policies[0].rules[3]: is never used: rules[1] and rules[2] answers first; put this rule above",
    ),
    "an action that is never done to this kind": (
        "  - {tenant: acme, rules: [{actions: [pause_campaign], kinds: [domain], mode: act}]}",
        "error policies[0].rules[0]: is never used: pause_campaign is never done to domain; what is: alert",
    ),
    "an action that is decided about nothing": (
        "  - {tenant: acme, rules: [{actions: [move_pool], mode: act}]}",
        "error policies[0].rules[0]: is never used: mailweir decides move_pool about no kind of key",
    ),
    "a rule about an action that is not allowed": (
        "  - {tenant: acme, actions: [alert], rules: [{actions: [rest_ip], mode: act}]}",
        "error policies[0].rules[0]: is never used: rest_ip is not in this policy's `actions`; add it there",
    ),
    "a rule about one allowed and one forbidden action": (
        "  - {tenant: acme, actions: [alert, throttle], rules: [{actions: [rest_ip, throttle], mode: act}]}",
        "warning policies[0].rules[0].actions: rest_ip is not in this policy's `actions`, so never done",
    ),
    "an exemption of everything": (
        "  - {tenant: acme, exempt: [{key: '*'}]}",
        (
            "error policies[0].exempt[0].key: '*' takes out every campaign, so nothing is ever done about one; name"
            " those you mean, or use the mode suggest"
        ),
    ),
    "an exemption of everything at any provider": (
        "  - {tenant: acme, exempt: [{kind: ip_provider, key: '?*|*'}]}",
        (
            "error policies[0].exempt[0].key: '?*|*' takes out every ip_provider, so nothing is ever done about one;"
            " name those you mean, or use the mode suggest"
        ),
    ),
    "an exemption that matches nothing": (
        "  - {tenant: acme, exempt: [{kind: campaign_provider, key: receipts}]}",
        (
            "error policies[0].exempt[0].key: never matches: a key of the kind campaign_provider reads `name|provider`,"
            " as in 'receipts|*'"
        ),
    ),
    "an exemption inside of another": (
        "  - {tenant: acme, exempt: [{key: receipts-2026}, {key: 'receipts-*'}]}",
        "warning policies[0].exempt[0]: is not needed: exempt[1] takes out the same and more",
    ),
    "an exemption of what is only alerted about": (
        "  - {tenant: acme, exempt: [{kind: domain, key: mail.example}]}",
        "warning policies[0].exempt[0].kind: a key of the kind domain is only ever alerted about; nothing changes",
    ),
    "nothing allowed": (
        "  - {tenant: acme, actions: []}",
        (
            "error policies[0].actions: nothing may be done, not even `alert`, so nobody is ever told; name some, or"
            " leave it out"
        ),
    ),
    "nobody told": (
        "  - {tenant: acme, actions: [pause_campaign, resume_campaign]}",
        "warning policies[0].actions: without `alert` nobody hears of what a limit or this list holds back; add it",
    ),
    "a stop without a way back": (
        "  - {tenant: acme, mode: act, actions: [pause_campaign, alert]}",
        (
            "warning policies[0].actions: pause_campaign without resume_campaign: what is stopped stays so until a"
            " person ends it by hand"
        ),
    ),
    "act without any control": (
        "  - {tenant: beta, mode: act}",
        (
            "warning policies[0].mode: something is to be done, but no source of beta has a `control`, so nothing can"
            " be; give it one"
        ),
    ),
    "no stop allowed at all": (
        "  - {tenant: acme, mode: act, max_pauses_per_hour: 0}",
        (
            "error policies[0].max_pauses_per_hour: at 0 nothing is ever stopped, yet pause_campaign and rest_ip may be"
            " done; allow some, or take them out of `actions`"
        ),
    ),
    "quiet hours that cover the day": (
        '  - {tenant: acme, quiet_hours: {start: "08:00", end: "07:45"}}',
        (
            "error policies[0].quiet_hours: they leave 15 min of a day, so alerts and resumes hardly ever go out; leave"
            " at least 60"
        ),
    ),
    "a way back that nobody goes": (
        "  - {tenant: acme, recovery: {is_automatic: false, cool_down_min: 30}}",
        "warning policies[0].recovery.cool_down_min: says nothing while `is_automatic` is false; take it away",
    ),
    "a trial with all the mail": (
        "  - {tenant: acme, recovery: {canary_share: 1}}",
        "warning policies[0].recovery.canary_share: at 1 all the mail comes back at once, with no trial; 0.01 is usual",
    ),
    "a time limit for approvals that nobody waits for": (
        "  - {tenant: acme, mode: act, approval_min: 30}",
        "warning policies[0].approval_min: nothing is in the mode `approve`, so there is nothing to wait for",
    ),
    "a reminder after the end": (
        "  - {tenant: acme, mode: approve, approval_min: 30, escalation: {after_min: 45}}",
        (
            "error policies[0].escalation.after_min: the first reminder comes after 45 min, when an approval is too"
            " late already (`approval_min`: 30)"
        ),
    ),
    "a probation pool that nobody can use": (
        "  - {tenant: acme, mode: act, probation_pool: slow}",
        (
            "warning policies[0].probation_pool: it says nothing: no source of acme moves campaigns and cannot slow"
            " them down (ses)"
        ),
    ),
    "a reminder that is not allowed": (
        "  - {tenant: acme, actions: [throttle], escalation: {after_min: 45}}",
        "error policies[0].escalation: repeats alerts, which `actions` does not allow; add `alert` there",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_in_one_sentence_with_its_place(text: str, sentence: str) -> None:
    assert sentence in said(read(text))


@pytest.mark.parametrize(("control", "is_wrong"), [("", True), (", ip_pool: usual", False)])
def test_a_probation_pool_needs_a_pool_to_come_back_to(control: str, is_wrong: bool) -> None:
    head = HEAD.replace("driver: webhook", f"driver: ses, tls_policy: require{control}")
    found = [line for line in said(read("  - {tenant: acme, mode: act, probation_pool: slow}", head)) if "pool" in line]
    wrong = (
        "error policies[0].probation_pool: the control of source `esp` has no `ip_pool`, so nothing says where mail"
        " goes back to; name its usual pool there"
    )
    assert found == ([wrong] if is_wrong else [])


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_once_and_drags_no_more_than_one_other_in(text: str, sentence: str) -> None:
    found = said(read(text))
    assert found.count(sentence) == 1
    assert len(found) <= 2


def test_an_action_that_no_driver_of_the_tenant_supports_is_named_with_those_that_can() -> None:
    head = HEAD.replace("driver: webhook", "driver: sparkpost, secret: x")
    text = "  - {tenant: acme, mode: act, rules: [{actions: [pause_campaign], mode: act}, {mode: suggest}]}"
    (found,) = said(read(text, head))
    assert found.startswith(
        "warning policies[0].rules[0].mode: no source of acme can do this, so it ends as `unsupported`: pause_campaign"
        " (drivers that can: sendgrid, ses, postmark, brevo, klaviyo, listmonk, kumomta, "
    )


def test_a_dry_run_is_no_control() -> None:
    head = HEAD.replace("driver: webhook", "driver: none")
    assert "no source of acme has a `control`" in said(read("  - {tenant: acme, mode: act}", head))[0]


def test_an_approval_that_nobody_is_told_of_is_named() -> None:
    head = HEAD.replace("name: ops", "name: ops, tenant: beta")
    assert said(read("  - {tenant: acme, mode: approve}", head)) == [
        "warning policies[0].mode: decisions wait for an approval, but no channel of `alerts` tells anybody"
    ]


def test_an_alert_for_a_tenant_that_does_not_exist_is_named() -> None:
    head = HEAD.replace("name: ops", "name: ops, tenant: betta")
    assert said(read("  - {tenant: acme}", head)) == [
        "error alerts[0].tenant: no tenant is named 'betta'; did you mean `beta`?"
    ]


def test_the_policy_for_all_is_judged_by_the_tenants_that_have_no_other() -> None:
    text = "  - {tenant: acme, mode: act}\n  - {mode: act}"
    assert [line.split(",")[0] for line in said(read(text))] == ["warning policies[1].mode: something is to be done"]


@pytest.mark.parametrize(
    "text",
    [
        "  - {tenant: acme, mode: act}",
        "  - {tenant: acme, mode: approve, escalation: {after_min: 30}}",
        "  - {tenant: acme, rules: [{actions: [rest_ip], mode: approve}, {kinds: [campaign], mode: act}]}",
        "  - {tenant: acme, exempt: [{key: 'receipts-*'}, {kind: ip, key: 192.0.2.1}]}",
        '  - {tenant: acme, quiet_hours: {start: "22:00", end: "07:00", zone: Europe/Berlin}}',
        "  - {mode: observe}",
    ],
)
def test_a_sensible_policy_is_left_in_peace(text: str) -> None:
    assert said(read(text)) == []


def test_the_default_configuration_and_the_example_are_left_in_peace() -> None:
    example = yaml.safe_load((ROOT / "deploy/mailweir.example.yaml").read_text(encoding="utf-8"))
    names = ["RECIPIENT_SECRET", "SENDGRID_WEBHOOK_KEY", "SENDGRID_API_KEY", "MAILGUN_SIGNING_KEY"]
    names += ["KUMOMTA_WEBHOOK_SECRET", "KUMOMTA_ADMIN_SECRET", "OPS_CHAT_URL"]
    assert said(parse_config(example, dict.fromkeys(names, "https://chat.example/x"), "example")) == []
    assert said(Config()) == []


def test_the_table_has_a_row_for_every_possible_pair_of_action_and_kind() -> None:
    policy = read("  - {tenant: acme, mode: act}").policy("acme")
    assert {(line.action, line.kind) for line in lines(policy)} | {
        pair for pair in possible() if pair[0] == "alert"
    } == possible()


def test_the_table_says_which_line_of_the_policy_answers() -> None:
    policy = read(
        "  - {tenant: acme, mode: suggest, actions: [pause_campaign, alert],"
        " rules: [{actions: [pause_campaign], mode: act}]}"
    ).policy("acme")
    rows = {(line.kind.value, line.level.value): (line.action, line.mode, line.why) for line in lines(policy)}
    assert rows["campaign", "paused"] == ("pause_campaign", "act", "rules[0]")
    assert rows["campaign", "throttled"] == ("alert", "suggest", "mode; throttle is not in `actions`")
    silent = read("  - {tenant: acme, actions: [pause_campaign]}").policy("acme")
    assert next(line for line in lines(silent) if line.kind == "domain").action == "nothing"


def test_limits_and_hours_are_said_below_the_table() -> None:
    policy = read(
        "  - {tenant: acme, max_pauses_per_hour: 3, max_paused_share: 0.25, exempt: [{key: 'receipts-*'}],"
        ' escalation: {}, quiet_hours: {start: "22:00", end: "07:00"}}'
    ).policy("acme")
    assert dict(bounds(policy)) == {
        "limits": "at most 3 stops an hour, 25 % of a day's mail stopped at once",
        "exempt": "campaign receipts-*: alert only",
        "quiet hours": "22:00 to 07:00 UTC: only stops go out, the rest waits",
        "recovery": "after 60 min 1 % (at least 500), then x 1.5 every 10 min",
        "approvals": "too late after 1440 min",
        "escalation": "alerts again every 30 min, 3 times at most",
    }
