"""`/api/keys` over a real store: its figures are those of plain SQL over the same events, down to the single ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schemas.aggregates import KeyKind, ReputationPartial, ReputationScore
from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import digest
from schemas.remediation import Decision
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.core.meaning import metric_of
from streams.core.partials import PartitionCounts
from streams.lane.guard import apart
from tests.integration.backtest_cases import store_records
from tests.integration.console_client import NOW, console
from tests.integration.segment_console import get
from tests.integration.store_process import StoreProcess

CODEC = Codec()
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SPANS = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY}
COLUMN = {
    "campaign": "campaign_id", "ip": "sending_ip", "ip_pool": "ip_pool", "domain": "sending_domain",
    "provider": "mailbox_provider", "tenant": "tenant",
}  # fmt: skip
UNKNOWN = {"bounce_reason": "invalid_recipient", "bounce_scope": "address", "bounce_permanence": "permanent",
           "smtp_code": 550, "enhanced_status": "5.1.1"}  # fmt: skip
BLOCKED = {"bounce_reason": "blocked_ip", "bounce_scope": "ip", "bounce_permanence": "permanent", "smtp_code": 554,
           "enhanced_status": "5.7.1"}  # fmt: skip
KINDS: list[tuple[int, EventType, dict[str, Any]]] = [
    (60, EventType.DELIVERED, {}),
    (5, EventType.BOUNCED, {**UNKNOWN, "smtp_response": "550 5.1.1 <{who}> no such user, id {number}x"}),
    (5, EventType.BOUNCED, {**BLOCKED, "smtp_response": "554 5.7.1 198.51.100.{small} is blocked, see {number}"}),
    (2, EventType.BOUNCED, {"bounce_reason": "mailbox_full", "bounce_scope": "address", "smtp_response": "552 full"}),
    (2, EventType.BOUNCED, {"bounce_reason": "spam_content", "bounce_scope": "content", "smtp_response": "552 spam"}),
    (2, EventType.BOUNCED, {"bounce_reason": "suppressed", "bounce_scope": "none"}),
    (8, EventType.DEFERRED, {"bounce_reason": "rate_limited", "bounce_scope": "ip", "smtp_response": "451 slower"}),
    (8, EventType.DEFERRED, {"bounce_reason": "greylisted", "smtp_response": "450 wait {number}"}),
    (3, EventType.COMPLAINED, {}),
    (5, EventType.OPENED, {"machine": "machine"}),
    (2, EventType.REJECTED, {"bounce_reason": "policy", "smtp_response": "rejected by rule"}),
]  # fmt: skip


def events(seed: int = 7) -> list[EmailEvent]:
    """Two tenants' mail of eight days, some of it told twice; by receipt."""
    dice, found = random.Random(seed), list[EmailEvent]()
    for number in range(3_000):
        _, kind, fields = dice.choices(KINDS, [weight for weight, _, _ in KINDS])[0]
        at = NOW - int(8 * DAY * dice.random() ** 4) - 1
        if number < 300:  # around the beginnings of the spans, which are no whole minutes
            at = NOW - list(SPANS.values())[number % 3] + dice.randrange(-MINUTE, MINUTE)
        who = f"r{number % 90}@example.test"
        words = {"who": who, "number": number, "small": number % 250}
        fields = fields | {"smtp_response": fields.get("smtp_response", "").format(**words)}
        event = EmailEvent(
            event_id=digest(number), tenant=dice.choice(["acme", "acme", "other"]), source="sg", provider="sendgrid",
            event_type=kind, occurred_at=at - 400, received_at=at, recipient=who, recipient_key=digest(who),
            mailbox_provider=dice.choice(["gmail", "microsoft", "other"]), message_id=f"m{number}",
            campaign_id=dice.choice(["spring", "sale|june", "sale", ""]),
            sending_ip=dice.choice(["192.0.2.1", "192.0.2.12"]),
            ip_pool=dice.choice(["main", "bulk"]), sending_domain=dice.choice(["a.example", "b.example"]),
            raw_topic="mailweir.webhooks.v1", raw_partition=number % 4, raw_offset=number, **fields,
        )  # fmt: skip
        found.append(event)
    return sorted(found, key=lambda each: each.received_at)


LOG = events()


def partials() -> list[ReputationPartial]:
    """What the reputation service counts of the log."""
    counts = PartitionCounts(0, CODEC, apart)
    counts.start(None)
    counts.fold([CODEC.encode(each) for each in LOG], range(len(LOG)))
    last = {key: value for key, value in counts.cut(len(LOG)).rows if not key.startswith(b"\x00")}
    return [CODEC.decode(value, ReputationPartial) for value in last.values() if value is not None]


def score(at: int, value: float, key: str = "spring", tenant: str = "acme") -> ReputationScore:
    return ReputationScore(
        tenant=tenant, kind=KeyKind.CAMPAIGN, key=key, as_of=at, window_start=at - DAY, version=(at // 1000 << 32) + 9,
        score=value, score_low=value - 5, score_high=value + 5, level="watch", scored_at=at + 200, delivered=90,
    )  # fmt: skip


def decision(name: str, at: int, **fields: Any) -> Decision:
    plain: dict[str, Any] = {
        "tenant": "acme", "kind": "campaign", "key": "spring", "campaign_id": "spring", "action": "pause_campaign",
        "mode": "approve", "level": "paused", "previous_level": "watch", "reason": "10 % unknown users",
        "evidence": "{}", "policy_version": "1",
    }  # fmt: skip
    return Decision(decision_id=name, decided_at=at, **plain | fields)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    store = StoreProcess(tmp_path_factory.mktemp("keys"))
    client = store.start()
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")  # a merge would drop the second copy before a query has to
    store_records(client, LOG)
    store_records(client, LOG[::7])
    store_records(client, partials())
    store_records(client, [score(NOW - 30 * DAY, 99), score(NOW - 2 * HOUR, 80), score(NOW - HOUR, 60)])
    store_records(client, [score(NOW - 10_000, 40), score(NOW - 9_000, 38), score(NOW - 5_000, 7, tenant="other")])
    store_records(
        client,
        [
            decision("d1", NOW - MINUTE),
            decision("d2", NOW - 2 * DAY, action="throttle"),
            decision("d3", NOW - MINUTE, kind="campaign_provider", key="spring|gmail", mailbox_provider="gmail"),
            decision("d4", NOW - MINUTE, key="sale", campaign_id="sale"),
            decision("d5", NOW - MINUTE, tenant="other"),
        ],
    )
    client.close()
    yield store
    store.stop()


@pytest.fixture
def client(process: StoreProcess) -> Iterator[Client]:
    found = connect(process.url)
    yield found
    found.close()


def where(tenant: str, kind: str, key: str, span: str) -> tuple[str, dict[str, Any]]:
    """Plain SQL over the view that analysts use: from the beginning of a minute to now."""
    begin = (NOW - SPANS[span]) // MINUTE * MINUTE
    sql = (
        f"FROM mailweir.events WHERE tenant = {{tenant:String}} AND {COLUMN[kind]} = {{key:String}}"
        " AND occurred_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND received_at < {now:Int64} / 1000.0"
    )
    return sql, {"tenant": tenant, "key": key, "begin": begin, "now": NOW}


def counted(client: Client, tenant: str, kind: str, key: str, span: str) -> dict[str, Counter[str]]:
    """By mailbox provider: how many events count as what."""
    sql, given = where(tenant, kind, key, span)
    columns = "mailbox_provider, event_type, bounce_reason, bounce_permanence, machine"
    rows = client.query(f"SELECT {columns}, count() {sql} GROUP BY {columns}", parameters=given).result_rows
    found: dict[str, Counter[str]] = {}
    for provider, *meaning, number in rows:
        found.setdefault(provider, Counter())[metric_of(*meaning)] += number
    return found


CASES = [
    ("campaign", "spring"), ("campaign", "sale"), ("campaign", "sale|june"), ("ip", "192.0.2.1"), ("ip_pool", "bulk"),
    ("domain", "a.example"), ("provider", "gmail"), ("tenant", "acme"),
]  # fmt: skip


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(("kind", "key"), CASES)
async def test_the_figures_by_provider_are_those_of_plain_sql(
    process: StoreProcess, client: Client, kind: str, key: str, span: str
) -> None:
    async with console(process.url) as browser:
        found = await get(browser, f"/api/keys?tenant=acme&kind={kind}&key={key}&span={span}")
    wanted = {
        provider: {
            "delivered": each["delivered"],
            "bounced_address": each["bounced_address"],
            "blocked": each["bounced_block"] + each["bounced_content"],
            "bounced_other": each["bounced_other"],
            "deferred": each["deferred"] + each["deferred_reputation"],
            "complained": each["complained"],
        }
        for provider, each in counted(client, "acme", kind, key, span).items()
    }
    got = {row["provider"]: {name: row[name] for name in next(iter(wanted.values()))} for row in found["providers"]}
    assert got == wanted
    assert len(got) == (1 if kind == "provider" else 3)
    for row in found["providers"]:
        settled = row["delivered"] + row["bounced_address"] + row["blocked"] + row["bounced_other"]
        assert row["delivered_share"] == pytest.approx(row["delivered"] / settled)
        assert row["blocked_share"] == pytest.approx(row["blocked"] / settled)
        assert row["deferred_share"] == pytest.approx(row["deferred"] / (settled + row["deferred"]))
        assert row["complained_share"] == pytest.approx(row["complained"] / row["delivered"])


@pytest.mark.parametrize("provider", ["", "gmail"])
@pytest.mark.parametrize(("kind", "key"), CASES)
async def test_replies_are_all_refusals_and_each_leads_to_its_events(
    process: StoreProcess, client: Client, kind: str, key: str, provider: str
) -> None:
    asked = f"tenant=acme&kind={kind}&key={key}&span=7d&provider={provider}"
    async with console(process.url) as browser:
        replies = (await get(browser, f"/api/keys/replies?{asked}"))["replies"]
        behind = {row["reply"]: await get(browser, f"/api/keys/events?{asked}&reply={row['reply']}") for row in replies}
    sql, given = where("acme", kind, key, "7d")
    sql += " AND event_type IN ('bounced', 'deferred', 'rejected') AND {provider:String} IN ('', mailbox_provider)"
    answer = client.query(
        f"SELECT event_type, bounce_reason, bounce_scope, enhanced_status, count() {sql} GROUP BY 1, 2, 3, 4",
        parameters=given | {"provider": provider},
    )
    plain = [tuple(row) for row in answer.result_rows]
    meaning = ("event_type", "bounce_reason", "bounce_scope", "enhanced_status")
    assert sorted((*(row[name] for name in meaning), row["events"]) for row in replies) == sorted(plain)
    assert not any("@example" in row["example"] for row in replies)
    stored = {each.event_id: each for each in LOG}
    for row in replies:
        shown = behind[row["reply"]]
        assert (len(shown["events"]), shown["is_cut"]) == (min(50, row["events"]), row["events"] > 50)
        for told in shown["events"]:
            event = stored[told["event_id"]]
            assert (event.event_type, event.bounce_reason) == (row["event_type"], row["bounce_reason"])
            assert (told["raw_partition"], told["raw_offset"]) == (event.raw_partition, event.raw_offset)
            assert (told["recipient_key"], told["smtp_code"]) == (event.recipient_key, event.smtp_code)
            assert "@" not in str(told)
        times = [told["occurred_at"] for told in shown["events"]]
        assert times == sorted(times, reverse=True)


async def test_the_score_runs_with_its_decisions(process: StoreProcess) -> None:
    async with console(process.url) as browser:
        day = await get(browser, "/api/keys?tenant=acme&kind=campaign&key=spring")
        hour = await get(browser, "/api/keys?tenant=acme&kind=campaign&key=spring&span=1h")
        week = await get(browser, "/api/keys?tenant=acme&kind=campaign&key=spring&span=7d")
    assert (day["score"]["score"], day["score"]["penalties"]) == (38, [])
    assert [(each["score"], each["low"], each["high"], each["level"]) for each in day["history"]] == [
        (80, 75, 85, "watch"), (60, 55, 65, "watch"), (38, 33, 43, "watch")
    ]  # fmt: skip
    assert day["history"][0]["time"] == (NOW - 2 * HOUR) // 300_000 * 300_000
    assert [each["score"] for each in hour["history"]] == [60, 38]
    assert [(each["decision_id"], each["state"]) for each in day["decisions"]] == [("d1", "waiting"), ("d3", "waiting")]
    assert [each["decision_id"] for each in week["decisions"]] == ["d1", "d3", "d2"]


async def test_another_tenants_key_of_the_same_name_is_another(process: StoreProcess, client: Client) -> None:
    async with console(process.url) as browser:
        found = await get(browser, "/api/keys?tenant=other&kind=campaign&key=spring&span=7d")
        shown = await get(browser, "/api/keys/events?tenant=other&kind=campaign&key=spring&span=7d")
    assert found["score"]["score"] == 7
    assert [each["decision_id"] for each in found["decisions"]] == ["d5"]
    plain = counted(client, "other", "campaign", "spring", "7d")
    assert {row["provider"]: row["delivered"] for row in found["providers"]} == {
        provider: each["delivered"] for provider, each in plain.items()
    }
    tenant_of = {each.event_id: each.tenant for each in LOG}
    assert {tenant_of[each["event_id"]] for each in shown["events"]} == {"other"}


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        ("tenant=acme&kind=campaign&key=sprng", 404, "Nothing is stored of the campaign 'sprng' of the tenant "),
        ("tenant=acme&kind=ip_pool&key=x&span=1h", 404, "Nothing is stored of the IP pool 'x' of the tenant 'acme'"),
        ("tenant=acme&kind=campaign", 400, "key: say which campaign."),
        ("tenant=acme&kind=planet&key=x", 400, "kind: 'planet' is none of campaign, ip, ip_pool, domain, "),
        ("tenant=acme&kind=ip_provider&key=x", 400, "kind: 'ip_provider' is none of campaign, ip, ip_pool, domain, "),
        ("tenant=acme&kind=ip&key=x&span=2h", 400, "span: '2h' is none of 24h, 1h, 7d."),
        ("tenant=acme&kind=ip&key=x&spam=2h", 400, "no parameter 'spam' here; known: tenant, kind, key, span."),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused_with_a_sentence(
    process: StoreProcess, asked: str, status: int, sentence: str
) -> None:
    async with console(process.url) as browser:
        assert (await get(browser, f"/api/keys?{asked}", status))["error"].startswith(sentence)


async def test_a_reply_that_is_not_there_is_not_found(process: StoreProcess) -> None:
    async with console(process.url) as browser:
        found = await get(browser, "/api/keys/events?tenant=acme&kind=ip&key=192.0.2.1&reply=abc", 404)
    assert found["error"] == "No event of the last 24 hours has this reply; look at the replies again."
