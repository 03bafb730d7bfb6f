"""The report of a campaign: figures that agree with the senders' own, on the terminal, as files, over HTTP."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.driver.client import Client
from rich.cells import cell_len
from rich.console import Console

from dashboards.campaigns.as_rows import as_json, write_csv
from dashboards.campaigns.asking import Asked, questions
from dashboards.campaigns.figures import Report
from dashboards.campaigns.page import whole_file
from dashboards.queries import QUERIES
from schemas.errors import MailweirError, Misconfigured
from schemas.rulings import RefusedError
from sinks.migrate import apply_tables
from streams.commands.report import Files, asked_of, reported, run
from streams.commands.report_pdf import BROWSERS, browser
from streams.simulator.truth import Fact
from tests.integration.console_client import NOW, console
from tests.integration.simulated_mail import simulate
from tests.integration.store_process import ROOT, StoreProcess

BAD = "winter-clearance"
HOSTILE = "<img src=x onerror=alert(1)>/100 %\x1b[2J"
PENALTY = (
    "unknown_users",
    55.0,
    0.135,
    0.05,
    33.0,
    244.0,
    "33 of 244 attempts failed because the address does not exist",
)
SAME = ("messages", "delivered", "bounced", "deferred", "opened", "clicked", "unsubscribed", "complained")
RAW = """
SELECT event_type, count(DISTINCT event_id) FROM mailweir.email_events
WHERE tenant = {tenant:String} AND campaign_id = {campaign:String} GROUP BY event_type
"""
PEOPLE = """
SELECT uniqExactIf((message_id, recipient_key), event_type = 'opened' AND machine = 'human'),
    uniqExactIf((message_id, recipient_key), event_type = 'clicked' AND machine = 'human')
FROM mailweir.email_events FINAL WHERE tenant = {tenant:String} AND campaign_id = {campaign:String}
"""
SENDING = {"queued", "sent", "delivered", "deferred", "bounced", "rejected", "failed"}


class Filled(NamedTuple):
    """A store, and what its senders know."""

    process: StoreProcess
    store: Client
    facts: list[Fact]


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def insert(client: Client, table: str, **row: Any) -> None:
    client.insert(table, [list(row.values())], column_names=list(row), database="mailweir")


def judge(client: Client) -> None:
    """A score and a decision about the bad campaign."""
    told = {"tenant": "atelier", "as_of": at(NOW - 600_000), "scored_at": at(NOW - 600_000)}
    score = {"score": 45.0, "score_low": 38.0, "score_high": 52.0, "level": "paused", "penalties": [PENALTY], **told}
    insert(client, "reputation_scores", kind="campaign", key=BAD, version=3, **score)
    insert(client, "reputation_scores", kind="campaign", key=BAD, version=2, **score | {"score": 80.0})
    insert(client, "reputation_scores", kind="campaign_provider", key=f"{BAD}|gmail", version=3, **score)
    insert(client, "reputation_scores", kind="campaign", key=f"{BAD}-2", version=3, **score)
    what = {"kind": "campaign", "key": BAD, "campaign_id": BAD, "action": "pause_campaign", "mode": "act"}
    insert(
        client, "decisions", decision_id="d1", tenant="atelier", level="paused", reason="33 of 244 bounced.",
        evidence="{}", decided_at=at(NOW - 1_200_000), **what,
    )  # fmt: skip
    done = {
        "driver": "sendgrid",
        "status": "done",
        "attempt": 1,
        "http_status": 204,
        "executed_at": at(NOW - 1_190_000),
    }
    insert(client, "outcomes", outcome_id="o1", decision_id="d1", tenant="atelier", source="sendgrid", **done)
    counts = {"delivered": 211, "bounced_address": 32, "bounced_content": 1, "minute": at(NOW - 7_200_000)}
    insert(client, "reputation_partials", tenant="atelier", kind="campaign", key=BAD, source="s", **counts)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    process = StoreProcess(tmp_path_factory.mktemp("report") / "store")
    client = process.start()
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")  # a merge would drop the second copy before a query has to
    truths = [simulate(client, "bad-list", NOW), simulate(client, "flaky", NOW, seed=8)]
    judge(client)
    event = {"event_type": "delivered", "campaign_id": HOSTILE, "occurred_at": at(NOW - 1000), "received_at": at(NOW)}
    for tenant in ("one", "two"):
        insert(client, "email_events", event_id=tenant, tenant=tenant, message_id=tenant, **event)
    yield Filled(process, client, [fact for truth in truths for fact in truth.accepted.values()])
    client.close()
    process.stop()


def report(filled: Filled, campaign: str = BAD, tenant: str = "", **span: int) -> Report:
    return reported(filled.store, Asked(campaign=campaign, tenant=tenant, **span), NOW)


def printed(made: Report | None, filled: Filled, **files: Path) -> str:
    out = io.StringIO()
    asked = Asked(campaign=made.campaign if made else BAD, tenant=made.tenant if made else "")
    assert run(filled.store, asked, Files(**files), Console(file=out, width=80), NOW) == 0
    return out.getvalue()


def known(facts: list[Fact]) -> dict[str, Any]:
    """The figures of one campaign as its senders know them."""
    events: dict[str, int] = defaultdict(int)
    messages: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for fact in facts:
        kind = fact.key.event_type
        events[kind] += 1
        for name in {kind, *(["messages"] if kind in SENDING else [])}:
            messages[name].add((fact.key.message_id, fact.key.recipient))
    return {"events": dict(events), **{name: len(found) for name, found in messages.items()}}


def told(found: dict[str, Any]) -> dict[str, Any]:
    """The same out of a report's JSON; opens and clicks of all three kinds together."""
    figures = {name: figure["count"] for name, figure in found["total"]["figures"].items()}
    for kind in ("opened", "clicked"):
        figures[kind] = sum(figures[f"{kind}_{who}"] for who in ("human", "uncertain", "machine"))
    return {"events": found["events"], "messages": found["total"]["messages"], **figures}


async def test_report_api_and_sql_agree_with_what_the_senders_know(filled: Filled) -> None:
    by_campaign: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in filled.facts:
        by_campaign[fact.tenant, fact.campaign].append(fact)
    assert len(by_campaign) > 8
    async with console(filled.process.url) as browser_:
        for (tenant, campaign), facts in by_campaign.items():
            true = known(facts)
            answer = await browser_.get(f"/api/campaigns/{campaign}", params={"tenant": tenant})
            over_api = await answer.json()
            this = {"tenant": tenant, "campaign": campaign}
            rows = filled.store.query(RAW, this).result_rows
            assert {row[0]: row[1] for row in rows} == true["events"] == over_api["events"]
            found = told(over_api)
            assert {name: found[name] for name in SAME} == {name: true.get(name, 0) for name in SAME}, campaign
            people = (found["opened_human"], found["clicked_human"])
            assert people == tuple(filled.store.query(PEOPLE, this).result_rows[0])
            assert found["rejected"] == true.get("rejected", 0) + true.get("failed", 0)
            if campaign == BAD:
                assert told(as_json(report(filled))) == found


IN_REPORTS = {each.named.name for each in questions(Asked(campaign=BAD), Asked(campaign=BAD), 0)} | {"campaign_list"}


@pytest.mark.parametrize("name", sorted(name for name in IN_REPORTS if name.startswith("campaign_")))
def test_a_query_of_campaigns_answers_about_all_and_tells_nothing_of_another_tenant(filled: Filled, name: str) -> None:
    named = QUERIES[name]

    def asked(tenant: str) -> list[Any]:
        span = {"from_ms": "0", "to_ms": str(NOW)}
        return list(filled.store.query(named.sql, parameters=named.bind({**span, "tenant": tenant})).result_rows)

    assert asked("atelier")
    assert not asked("nobody")


def test_parts_and_steps_add_up_to_the_whole(filled: Filled) -> None:
    made = report(filled)
    for name, figure in made.total.figures.items():
        assert sum(part.figures[name].count for part in made.providers) == figure.count
    for name in ("delivered", "bounced", "deferred", "unsubscribed"):
        assert sum(point[name] for point in made.course.points) == made.events[name]


def test_the_first_sentence_says_how_it_went_and_what_was_done(filled: Filled) -> None:
    made = report(filled)
    assert made.sentence.startswith(f"{BAD} went badly: {made.total.figures['delivered'].count:,} of ")
    assert "bounced, mostly because the mailbox does not exist" in made.sentence
    assert made.sentence.endswith(f"mailweir paused it on {at(NOW - 1_200_000):%Y-%m-%d %H:%M} UTC.")
    assert [(score.provider, score.score) for score in made.scores] == [("", 45.0), ("gmail", 45.0)]
    assert report(filled, "order-updates").sentence.startswith("order-updates went well: ")


def test_refusals_are_told_in_words_and_without_addresses(filled: Filled) -> None:
    made = report(filled)
    assert made.refusals[0].outcome == "bounced"
    assert sum(each.events for each in made.refusals if each.outcome == "bounced") == made.events["bounced"]
    assert not [each.example for each in made.refusals if re.search(r"\w@\w", each.example)]


def test_a_span_counts_only_what_happened_in_it(filled: Filled) -> None:
    made = report(filled)
    middle = (made.first_at + made.last_at) // 2
    halves = [report(filled, to_ms=middle), report(filled, from_ms=middle)]
    for kind, count in made.events.items():
        assert sum(half.events.get(kind, 0) for half in halves) == count
    with pytest.raises(RefusedError, match="there is no mail of a campaign 'winter-clearance' in that time"):
        report(filled, from_ms=NOW + 1)


def test_the_terminal_gets_eighty_columns_and_nothing_that_steers_it(filled: Filled) -> None:
    for made in (report(filled), report(filled, HOSTILE, "one")):
        text = printed(made, filled)
        assert max(map(cell_len, text.splitlines())) <= 80
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    text = printed(report(filled), filled)
    for heading in (
        "What became of it",
        "Over time",
        "Complaints",
        "By mailbox provider",
        "Links",
        "Score",
        "Decisions",
    ):
        assert heading in text
    assert "33 of 245 messages" in text


def test_an_unknown_campaign_is_answered_with_the_nearest_and_one_of_two_tenants_must_be_chosen(filled: Filled) -> None:
    with pytest.raises(RefusedError, match=r"no mail of a campaign 'Winter-clerance'; did you mean winter-clearance\?"):
        report(filled, "Winter-clerance")
    with pytest.raises(
        RefusedError, match="no mail of a campaign 'winter-clearance' of the tenant harbour; the newest"
    ):
        report(filled, BAD, "harbour")
    with pytest.raises(RefusedError, match=r"several tenants have a campaign .*; choose one of one, two"):
        report(filled, HOSTILE)


def test_the_command_prints_it_and_says_what_is_not_there(filled: Filled) -> None:
    environ = {**os.environ, "MAILWEIR_CLICKHOUSE": filled.process.url, "COLUMNS": "80"}
    for arguments, code, out, err in (
        ((BAD, "--tenant", "atelier"), 0, rf"{BAD} went badly: ", r""),
        (("winter",), 1, r"", r"mailweir: there is no mail of a campaign 'winter'; did you mean winter-clearance\?\n"),
        ((BAD, "--since", "yesterday"), 2, r"", r"mailweir: --since: .*\n"),
    ):
        command = [sys.executable, "-m", "streams", "report", *arguments]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, env=environ, timeout=60)
        assert done.returncode == code
        assert re.match(out, done.stdout)
        assert re.fullmatch(err, done.stderr)


def test_the_html_is_one_file_that_loads_nothing_and_runs_nothing(filled: Filled, tmp_path: Path) -> None:
    text = printed(report(filled), filled, html=tmp_path / "r.html")
    assert text == f"written to {tmp_path / 'r.html'}\n"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<a |src=|href=|@import|url\(|\son\w+=", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert page.count("<svg") > 6
    hostile = whole_file(report(filled, HOSTILE, "one"))
    assert "<img" not in hostile
    assert "&lt;img src=x onerror=alert(1)&gt;" in hostile


def test_the_csv_has_a_row_for_each_figure_with_its_denominator(filled: Filled) -> None:
    made, out = report(filled), io.StringIO()
    write_csv(made, out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    figure = made.total.figures["bounced"]
    (row,) = [row for row in rows if (row["part"], row["figure"]) == ("campaign", "bounced")]
    assert (int(row["count"]), row["of"], int(row["denominator"])) == (figure.count, "messages", made.total.messages)
    assert float(row["share"]) == pytest.approx(figure.count / made.total.messages, abs=1e-6)
    assert {row["part"] for row in rows} >= {"events", "complaints", "provider", "refusal", "link", "course", "score"}
    assert not [row for row in rows if row["name"].startswith(("=", "+", "-", "@"))]


@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="no browser on this machine")
def test_the_pdf_is_made_by_a_browser_of_this_machine(filled: Filled, tmp_path: Path) -> None:
    printed(report(filled), filled, pdf=tmp_path / "r.pdf")
    made = (tmp_path / "r.pdf").read_bytes()
    assert made.startswith(b"%PDF")
    assert len(made) > 20_000


def test_without_a_browser_a_pdf_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MailweirError, match="needs Chromium, Chrome or Edge, and none is on the PATH; install one"):
        browser(str(tmp_path))


def test_a_file_that_cannot_be_written_and_a_wrong_span_are_said_in_a_sentence(filled: Filled, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"--html .*nowhere/r\.html: cannot be written \(No such file"):
        printed(None, filled, html=tmp_path / "nowhere" / "r.html")
    with pytest.raises(Misconfigured, match="--until must be later than --since"):
        asked_of(BAD, "", "1d", "2d", NOW)


async def test_the_console_shows_the_report_under_its_content_policy(filled: Filled) -> None:
    async with console(filled.process.url) as browser_:
        answer = await browser_.get(f"/campaigns/{BAD}?tenant=atelier")
        page = await answer.text()
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|<script(?! src=\"/static/frame\.js\")|\son\w+=", page)
        assert report(filled).sentence in page
        for path in ("/report.css", "/static/frame.js", f"/api/campaigns/{BAD}?tenant=atelier"):
            assert path in page
            assert (await browser_.get(path)).status == 200
        found = await browser_.get("/campaigns", params={"id": BAD, "tenant": "atelier"})
        assert found.url.path == f"/campaigns/{BAD}"
        hostile = await browser_.get("/campaigns?tenant=one")
        (link,) = re.findall(r'href="(/campaigns/[^"]+)"', await hostile.text())
        shown = await browser_.get(link)
        assert shown.status == 200
        assert "<img src=x" not in await shown.text()
        missing = await browser_.get("/campaigns/winter")
        assert missing.status == 404
        assert (
            "There is no mail of a campaign &#x27;winter&#x27;; did you mean winter-clearance?" in await missing.text()
        )


async def test_the_list_comes_in_pages_newest_first_each_campaign_once(filled: Filled) -> None:
    async with console(filled.process.url) as browser_:
        seen: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = await (await browser_.get("/api/campaigns", params={"limit": "4", "after": after})).json()
            seen, after = seen + page["campaigns"], page["next"]
            assert len(page["campaigns"]) <= 4
            assert len(seen) < 50, "the pages have no end"
        keys = [(row["tenant"], row["campaign_id"]) for row in seen]
        assert sorted(keys) == sorted(
            {(f.tenant, f.campaign) for f in filled.facts} | {("one", HOSTILE), ("two", HOSTILE)}
        )
        assert [row["first_at"] for row in seen] == sorted((row["first_at"] for row in seen), reverse=True)
        (bad,) = [row for row in seen if row["campaign_id"] == BAD]
        assert (bad["delivered"], bad["bounced"], bad["level"], bad["score"]) == (211, 33, "paused", 45.0)
        for query, sentence in (
            ("limit=0", "limit: expected 1 to 500, got '0'."),
            ("after=x", "after: give back what `next` of the page before said."),
            ("since=1", "no parameter 'since' here; known: tenant, prefix, limit, after."),
        ):
            refused = await browser_.get(f"/api/campaigns?{query}")
            assert refused.status == 400
            assert sentence.lower() in (await refused.json())["error"].lower()
