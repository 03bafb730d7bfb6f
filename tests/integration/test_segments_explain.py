"""`mailweir segments explain` says of the stored events what SQL says of them, and since and until when."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from benchmarks.recipients import TENANT
from dashboards.segments.why import Asked
from schemas.errors import MailweirError, Misconfigured
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.segments.files import load_segments
from schemas.segments.rules import Segment
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.segments_why import run_explain, tenant_of
from streams.core.segments.sql.query import compile_sql
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess
from tests.integration.test_segments_agree import DAY, DAYS, START, events

EXAMPLES = [
    segment.model_copy(update={"tenant": TENANT})
    for segment in load_segments([Path(__file__).parents[2] / "examples" / "segments"])
]
RULES = {segment.id: segment.rule for segment in EXAMPLES}
LOG = events()
WHO = sorted({event.recipient_key for event in LOG if event.recipient_key})
END = START + (DAYS + 3) * DAY


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    apply_tables(client)
    store_records(client, [event for event in LOG if isinstance(event, EmailEvent)])
    store_records(client, [event for event in LOG if isinstance(event, ActivityEvent)])
    yield client
    client.close()
    process.stop()


def told(store: Client, who: str, at: int, id_: str = "", segments: list[Segment] | None = None, **options: Any) -> str:
    out = io.StringIO()
    asked = Asked(tenant=TENANT, recipient_key=who, segment_id=id_, at=at)
    assert run_explain(store, segments or EXAMPLES, asked, out, **options) == 0
    return out.getvalue()


def data(store: Client, who: str, at: int, id_: str = "", **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(store, who, at, id_, as_json=True, **options))
    return found


def members(store: Client, at: int) -> dict[str, set[str]]:
    """Who is in each segment by SQL."""
    found = {}
    for segment in EXAMPLES:
        query = compile_sql(segment.rule, RULES)
        found[segment.id] = {who for (who,) in store.query(query.text, query.at(TENANT, at)).result_rows}
    return found


@pytest.mark.parametrize("day", [15, 33, DAYS + 3])
def test_the_answer_is_that_of_sql_for_each_example_and_recipient(store: Client, day: int) -> None:
    at, seen = START + day * DAY, Counter[str]()
    by_sql = members(store, at)
    known = {event.recipient_key for event in LOG if event.received_at <= at}
    for who in sorted(known & set(WHO)):
        for segment in data(store, who, at)["segments"]:
            assert segment["is_member"] == (who in by_sql[segment["id"]]), (segment["id"], who)
            seen[segment["id"]] += segment["is_member"]
    assert +seen == Counter({id_: len(found) for id_, found in by_sql.items() if found})
    assert len(+seen) >= 4, seen


def test_until_is_the_instant_at_which_sql_changes_its_mind(store: Client) -> None:
    checked = 0
    for who in WHO[:20]:
        for segment in data(store, who, END)["segments"]:
            if segment["until"] is None or checked >= 12:
                continue
            query, until = compile_sql(RULES[segment["id"]], RULES), _ms(segment["until"])
            before, then = (
                (who,) in store.query(query.text, query.at(TENANT, at)).result_rows for at in (until - 1, until)
            )
            assert (before, then) == (segment["is_member"], not segment["is_member"]), (segment["id"], who)
            checked += 1
    assert checked >= 5


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def test_one_segment_is_told_node_by_node_in_80_columns(store: Client) -> None:
    for who in WHO[:10]:
        for segment in EXAMPLES:
            page = told(store, who, END, segment.id)
            assert max(map(len, page.splitlines())) <= 80
            assert page.startswith(("In ", "Not in "))
            assert "@" not in page
        assert told(store, who, END).endswith("`--id SEGMENT` says why.\n")


def test_nodes_have_their_words_and_agree_with_the_segment(store: Client) -> None:
    found = data(store, WHO[0], END, "winback-test-cell-b")["segments"][0]
    node = found["node"]
    assert (node["kind"], node["holds"], node["until"]) == ("all", found["is_member"], found["until"])
    lapsed = next(each for each in node["nodes"] if each["kind"] == "segment")
    assert lapsed["rule"] == "segment: lapsed-30-to-90"
    assert [each["kind"] for each in lapsed["nodes"][0]["nodes"]] == ["event", "not"]


def test_more_events_than_are_read_are_said_to_be_missing(store: Client) -> None:
    who, count = Counter(event.recipient_key for event in LOG).most_common(1)[0]
    assert count > 20
    page = told(store, who, END, "vip-90d", most=20)
    assert "Only the newest 20 events were read: what was before them is missing here." in page
    assert data(store, who, END, most=20)["events"] == 20
    assert not data(store, who, END)["is_cut"]


def test_what_cannot_be_answered_is_one_sentence(store: Client) -> None:
    with pytest.raises(MailweirError) as unknown:
        told(store, "nobody", END)
    assert str(unknown.value) == (
        f"no event of the recipient nobody of the tenant {TENANT} is stored up to 2026-05-09 00:00:00 UTC;"
        " is it the right tenant, and does the store have all events?"
    )
    with pytest.raises(Misconfigured, match="no segment has the id vip; there are abandoned-cart-2h, "):
        told(store, WHO[0], END, "vip")


def test_of_too_many_events_the_newest_are_read(store: Client) -> None:
    def page(number: int) -> ActivityEvent:
        return ActivityEvent(
            event_id=f"{number:032x}", tenant="many", source="s", provider="p", activity="page", name="",
            occurred_at=START + number * 1_000, received_at=START + number * 1_000, recipient_key="r",
        )  # fmt: skip

    store_records(store, [page(number) for number in range(30)])
    rule = {"event": {"name": "page", "before": "2026-03-27T00:00:10Z", "count": 0}}
    segments = [Segment.model_validate({"id": "late", "tenant": "many", "rule": rule})]
    asked, answers = Asked(tenant="many", recipient_key="r", segment_id="", at=END), []
    for most in (20, 21, 30):
        out = io.StringIO()
        run_explain(store, segments, asked, out, as_json=True, most=most)
        found = json.loads(out.getvalue())
        answers.append((found["events"], found["is_cut"], found["segments"][0]["is_member"]))
    assert answers == [(20, True, True), (21, True, False), (30, False, False)]


def test_somebody_is_in_since_the_last_fact_was_known_though_it_is_the_older_one(store: Client) -> None:
    def done(name: str, at: int, known: int) -> ActivityEvent:
        return ActivityEvent(
            event_id=f"{name}{at}", tenant="late", source="s", provider="p", activity="track", name=name,
            occurred_at=at, received_at=known, recipient_key="r",
        )  # fmt: skip

    store_records(store, [done("Came Late", START, START + 3 * DAY), done("At Once", START + DAY, START + DAY)])
    nodes = [{"event": {"name": name}} for name in ("at_once", "came_late")]
    segment = Segment.model_validate({"id": "both", "tenant": "late", "all": nodes})
    out = io.StringIO()
    asked = Asked(tenant="late", recipient_key="r", segment_id="", at=END)
    run_explain(store, [segment], asked, out, as_json=True)
    node = json.loads(out.getvalue())["segments"][0]["node"]
    since = [each["since"] for each in (node, *node["nodes"])]
    assert since == ["2026-03-30T00:00:00.000Z", "2026-03-28T00:00:00.000Z", "2026-03-30T00:00:00.000Z"]


def test_a_store_without_tables_says_what_to_do(tmp_path: Path) -> None:
    asked = Asked(tenant=TENANT, recipient_key=WHO[0], segment_id="", at=END)
    with pytest.raises(Misconfigured, match="run `mailweir tables apply`"):
        run_explain(connect(f"chdb://{tmp_path / 'empty'}"), EXAMPLES, asked, io.StringIO())


def test_of_two_tenants_one_must_be_chosen() -> None:
    other = EXAMPLES[0].model_copy(update={"tenant": "acme"})
    assert tenant_of(EXAMPLES, "") == TENANT
    assert tenant_of([*EXAMPLES, other], "acme") == "acme"
    with pytest.raises(Misconfigured, match="choose with --tenant one of acme, default"):
        tenant_of([*EXAMPLES, other], "")
    with pytest.raises(Misconfigured, match="no segment is for the tenant nobody; there are some for default"):
        tenant_of(EXAMPLES, "nobody")


def test_a_repeat_and_an_event_of_the_future_change_nothing(tmp_path: Path) -> None:
    client = connect(f"chdb://{tmp_path / 'store'}")
    apply_tables(client)
    opened = EmailEvent(
        event_id="1" * 32, tenant=TENANT, source="s", provider="p", event_type=EventType.OPENED,
        occurred_at=START, received_at=START + 5, recipient_key="r",
    )  # fmt: skip
    ahead = ActivityEvent(
        event_id="2" * 32, tenant=TENANT, source="s", provider="p", activity="page", name="",
        occurred_at=START + DAY, received_at=START + 5, recipient_key="r",
        properties='{"url": "/mine", "a": 1}', url="/theirs",
    )  # fmt: skip
    store_records(client, [opened])
    store_records(client, [opened])
    store_records(client, [ahead])
    client.close()
    segments = [
        Segment.model_validate({"id": "once", "tenant": TENANT, "event": {"name": "email_opened", "count": 1}}),
        Segment.model_validate({"id": "mine", "tenant": TENANT, "event": {"name": "page", "where": {"url": "/mine"}}}),
    ]
    out = io.StringIO()
    asked = Asked(tenant=TENANT, recipient_key="r", segment_id="", at=START + 10)
    run_explain(connect(f"chdb://{tmp_path / 'store'}"), segments, asked, out, as_json=True)
    once, mine = json.loads(out.getvalue())["segments"]
    assert (once["is_member"], once["since"], once["until"]) == (True, "2026-03-27T00:00:00.005Z", None)
    assert (mine["is_member"], mine["since"], mine["until"]) == (False, None, "2026-03-28T00:00:00.000Z")
