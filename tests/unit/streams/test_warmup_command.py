"""`mailweir warmup`: what is printed, what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from connectors.warmup_plans import plans, read_plans
from schemas.aggregates import Level
from schemas.config import Config
from schemas.config_file import parse_config
from schemas.errors import Misconfigured
from schemas.warmup import Warmup
from sinks.warmup_days import DayRow
from streams.commands import warmup as command

TODAY = date(2026, 11, 5)


def config(*warmups: dict[str, str]) -> Config:
    return parse_config({"warmups": list(warmups)}, {}, "mailweir.yaml")


def one(**changes: str) -> dict[str, str]:
    return {"ip": "192.0.2.7", "plan": "sparkpost", "started_on": "2026-11-02"} | changes


def days_of(warmup: Warmup) -> Sequence[DayRow]:
    assert warmup.ip == "192.0.2.7"
    return [
        DayRow(date(2026, 11, 2), 200, 40, Level.HEALTHY),
        DayRow(date(2026, 11, 3), 480, 90, Level.HEALTHY),
        DayRow(date(2026, 11, 4), 900, 300, Level.WATCH),
        DayRow(date(2026, 11, 5), 120, 60, Level.HEALTHY),
    ]


def shown(*, as_json: bool, ip: str = "") -> str:
    out = io.StringIO()
    assert command.run_show(config(one()), days_of, ip, TODAY, out, as_json=as_json) == 0
    return out.getvalue()


def test_show_says_the_limit_the_reason_and_what_comes_next() -> None:
    assert shown(as_json=False).splitlines() == [
        "192.0.2.7 (default, plan sparkpost): 1,000 messages per day",
        "  step 3 of 29, held so far for 1 day; sent today: 120",
        "  2026-11-06: 2,000 per day, if 900 are sent today and no detector warns",
    ]


def test_show_of_one_ip_lists_its_days() -> None:
    assert shown(as_json=False, ip="192.0.2.7").splitlines()[3:] == [
        "  2026-11-02  step  1          200 sent  healthy    clean, 200 of 200 sent: next step",
        "  2026-11-03  step  2          480 sent  healthy    clean, 480 of 500 sent: next step",
        "  2026-11-04  step  3          900 sent  watch      watch: held",
    ]


def test_show_as_json_has_the_same_facts() -> None:
    (answer,) = json.loads(shown(as_json=True))
    assert answer["limit"] == 1000
    assert (answer["step"], answer["steps"], answer["phase"]) == (3, 29, "warming")
    assert (answer["next_on"], answer["next_limit"], answer["needed_today"]) == ("2026-11-06", 2000, 900)
    assert [day["reason"] for day in answer["days"]][-1] == "watch: held"


def test_show_names_the_ips_it_knows_when_asked_for_another() -> None:
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.9 is not being warmed up; .*: 192\.0\.2\.7$"):
        command.run_show(config(one()), days_of, "192.0.2.9", TODAY, io.StringIO(), as_json=False)


def test_show_without_any_warmup_says_where_to_list_them() -> None:
    out = io.StringIO()
    assert command.run_show(config(), days_of, "", TODAY, out, as_json=False) == 0
    assert "list them under `warmups`" in out.getvalue()


def test_plans_are_printed_with_their_source() -> None:
    out = io.StringIO()
    assert command.run_plans(out, as_json=False) == 0
    assert "sparkpost: SparkPost, IP warm-up overview" in out.getvalue()
    assert "messages per hour: 20, 28, 39, 55, 77" in out.getvalue()
    out = io.StringIO()
    command.run_plans(out, as_json=True)
    assert {plan["name"] for plan in json.loads(out.getvalue())} == set(plans())


def test_check_is_content_with_a_sound_configuration() -> None:
    out = io.StringIO()
    assert command.run_check(config(one()), TODAY, out) == 0
    assert out.getvalue().splitlines()[1] == "192.0.2.7 (default): sparkpost since 2026-11-02, 29 steps"


def test_check_names_every_mistake_and_its_place() -> None:
    wrong = config(one(plan="sparkpots"), one(ip="192.0.2.8", started_on="2027-01-01"))
    with pytest.raises(Misconfigured) as caught:
        command.run_check(wrong, TODAY, io.StringIO())
    assert str(caught.value).splitlines() == [
        (
            "`warmups[0].plan`: the warm-up of 192.0.2.7 names the plan 'sparkpots', which there is not;"
            " did you mean `sparkpost`?"
        ),
        "`warmups[1].started_on`: 2027-01-01 lies ahead; until then nothing limits 192.0.2.8",
    ]


@pytest.mark.parametrize(
    ("warmups", "sentence"),
    [
        ([one(ip="192.0.2")], "'192.0.2' is no IP address"),
        ([one(), one(plan="sendgrid")], "the IP 192.0.2.7 is warmed up twice"),
        ([one(tenant="nobody")], "names the tenant 'nobody', which is not under `tenants`; known: default"),
        ([one(plans="x")], "unknown key `warmups[0].plans`; did you mean `plan`?"),
        ([one(started_on="soon")], "`warmups[0].started_on`"),
    ],
)
def test_a_wrong_configuration_is_refused_with_a_sentence(warmups: list[dict[str, str]], sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        config(*warmups)
    assert sentence in str(caught.value)


def test_an_ip_is_known_in_its_shortest_form() -> None:
    assert config(one(ip="2001:0DB8::0001")).warmups[0].ip == "2001:db8::1"


GOOD = {"title": "t", "source": "https://example.com", "per": "day", "steps": [10, 20]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"per": "week"}, "[x] per: expected day or hour"),
        ({"steps": [10, 10]}, "[x] steps: step 2 (10) is not above the one before (10)"),
        ({"steps": [10, 40]}, "[x] steps: step 2 (40) is over 3 times 10"),
        ({"steps": []}, "[x] steps: expected a list of numbers"),
        ({"steps": [1.5]}, "[x] steps: expected whole numbers above 0"),
        ({"source": ""}, "[x] source: say whose practice this is, and where"),
        ({"sent_share": 1.5}, "[x] sent_share: expected a share above 0, at most 1"),
        ({"step": 3}, "[x] step: unknown"),
    ],
)
def test_a_broken_plan_is_named_with_its_field(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_plans({"x": GOOD | changes})
    assert sentence in str(caught.value)
