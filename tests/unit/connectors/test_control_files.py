"""The file that Postfix reads, written for real; and the way of a decision into it and into a topic."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import httpx
import pytest

from connectors.control import FileLine, TopicRecord
from connectors.control_files import MAX_BYTES, write
from connectors.control_send import Sender
from connectors.controls.postfix import HEADING, POSTFIX
from connectors.controls.standard_webhooks import signature, signing_key
from connectors.postfix_lines import header
from schemas.config import Control, Source
from schemas.errors import Permanent, Transient
from schemas.remediation import Action, Decision, Mode, Outcome
from streams.core.remediation.execute import Executor
from tests.unit.connectors.control_cases import control_of, decision_of

NOW = 1_763_780_000_000
HELD = "/^[Xx]-[Cc]ampaign-[Ii][Dd]:[[:space:]]*{}[[:space:]]*$/i HOLD mailweir 0123456789abcdef0123456789abcdef"


class Log:
    """A topic's records; the first `lost` acknowledgements do not arrive, whether or not the record did."""

    def __init__(self, lost: int = 0) -> None:
        self.records: list[TopicRecord] = []
        self._lost = lost

    async def produce(self, record: TopicRecord) -> None:
        self.records.append(record)
        if len(self.records) <= self._lost:
            raise Transient("no acknowledgement within 8 s")


async def carried_out(decision: Decision, control: Control, log: Log | None = None) -> Outcome:
    async def no_time(_: float) -> None:
        return

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(418))) as client:
        executor = Executor(Sender(client, (log or Log()).produce), lambda: NOW, no_time)
        return await executor.execute(decision, Source(name="esp", provider="postfix", control=control))


def hold(path: Path, campaign: str = "spring-2026", action: Action = Action.PAUSE_CAMPAIGN) -> FileLine:
    line = POSTFIX.request(decision_of(action, campaign_id=campaign), control_of("postfix", path=str(path)), NOW)
    assert line is not None
    return line


async def test_a_pause_writes_the_line_that_holds_the_campaign_and_a_resume_removes_it(tmp_path: Path) -> None:
    path, control = tmp_path / "hold.regexp", control_of("postfix", path=str(tmp_path / "hold.regexp"))
    assert (await carried_out(decision_of(), control)).status == "done"
    assert (await carried_out(decision_of(), control)).status == "done"
    assert path.read_text() == f"{HEADING}\n{HELD.format('spring-2026')}\n"
    outcome = await carried_out(decision_of(Action.RESUME_CAMPAIGN), control)
    assert (outcome.status, outcome.http_status) == ("done", 0)
    assert "held mail stays held" in outcome.detail
    assert path.read_text() == f"{HEADING}\n"


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.SUGGEST, Mode.APPROVE])
async def test_only_the_mode_act_writes_the_file_or_a_record(tmp_path: Path, mode: Mode) -> None:
    path, log = tmp_path / "hold.regexp", Log()
    outcome = await carried_out(decision_of(mode=mode), control_of("postfix", path=str(path)))
    assert f"would write {path}" in outcome.detail
    outcome = await carried_out(decision_of(mode=mode), control_of("kafka"), log)
    assert "would write to the topic acme.decisions" in outcome.detail
    assert (path.exists(), log.records) == (False, [])


async def test_a_folder_that_cannot_be_written_is_for_a_person(tmp_path: Path) -> None:
    outcome = await carried_out(decision_of(), control_of("postfix", path=str(tmp_path / "none" / "hold.regexp")))
    assert (outcome.status, outcome.attempt) == ("misconfigured", 0)
    assert "control.path" in outcome.detail


@pytest.mark.parametrize("path", ["", "hold.regexp", "./hold.regexp"])
async def test_a_path_that_is_not_absolute_is_for_a_person(path: str) -> None:
    assert (await carried_out(decision_of(), control_of("postfix", path=path))).status == "misconfigured"


def test_lines_of_other_campaigns_and_of_the_owner_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "hold.regexp"
    write(hold(path, "one"))
    path.write_text(path.read_text() + "/^X-Other:/ WARN\n")
    write(hold(path, "one.b"))
    write(hold(path, "one", Action.RESUME_CAMPAIGN))
    assert path.read_text().splitlines() == [HEADING, "/^X-Other:/ WARN", HELD.format("one[.]b")]


def test_a_file_that_was_there_before_is_never_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "header_checks"
    path.write_text("/^Subject:/ INFO\n")
    with pytest.raises(Permanent, match="was not written by mailweir"):
        write(hold(path))
    assert path.read_text() == "/^Subject:/ INFO\n"


def test_a_file_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hold.regexp"
    path.write_text(f"{HEADING}\n" + "#" * MAX_BYTES)
    with pytest.raises(Permanent, match="grown"):
        write(hold(path))


def test_a_reader_sees_the_old_file_or_the_new_one_and_may_be_another_user(tmp_path: Path) -> None:
    path = tmp_path / "hold.regexp"
    write(hold(path, "one"))
    with path.open() as before:
        write(hold(path, "two"))
        assert "two" not in before.read(), "the open file was not written into"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["hold.regexp"]


@pytest.mark.parametrize("campaign", ["a b", "a/b", "a$", "^a", "a|b", "(a)", "a\nb", "ä", "x" * 101])
def test_a_campaign_that_could_be_read_as_a_pattern_is_refused(campaign: str, tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        hold(tmp_path / "hold.regexp", campaign)


@pytest.mark.parametrize(
    ("line", "is_held"),
    [
        ("X-Campaign-ID: one.b", True), ("x-campaign-id:one.b ", True), ("X-Campaign-ID: one-b", False),
        ("X-Campaign-ID: one.b2", False), ("X-Campaign-ID: ONE.B", False), ("Subject: X-Campaign-ID: one.b", False),
    ],
)  # fmt: skip
def test_the_pattern_fits_this_campaign_and_no_other(line: str, is_held: bool, tmp_path: Path) -> None:
    pattern = hold(tmp_path / "f", "one.b").start.removeprefix("/").removesuffix("/i ").replace("[[:space:]]", r"\s")
    assert (re.search(pattern, line) is not None) == is_held


def test_a_header_that_holds_its_mail_still_names_the_campaign() -> None:
    text = "hold: header X-Campaign-ID: spring-2026 from app[192.0.2.7]; from=<a@example.com> to=<b@example.net>: x"
    assert header(text) == ("x-campaign-id", "spring-2026")


async def test_a_decision_goes_to_the_topic_in_the_form_of_the_webhook_with_the_keys_own_order() -> None:
    log, control = Log(), control_of("kafka")
    outcome = await carried_out(decision_of(Action.THROTTLE, share=0.25), control, log)
    assert (outcome.status, outcome.attempt) == ("done", 1)
    [record] = log.records
    assert (record.topic, record.key) == ("acme.decisions", b"acme\x1fcampaign\x1fspring-2026")
    document = json.loads(record.value)
    assert (document["type"], document["data"]["share"]) == ("mailweir.throttle", 0.25)
    assert record.headers == {
        "webhook-id": decision_of().decision_id,
        "webhook-timestamp": "1763780000",
        "webhook-signature": signature(signing_key(control), decision_of().decision_id, "1763780000", record.value),
    }
    assert "webhook-signature" not in repr(record)


async def test_a_record_without_acknowledgement_is_written_again_under_the_same_id() -> None:
    log = Log(lost=2)
    outcome = await carried_out(decision_of(), control_of("kafka"), log)
    assert (outcome.status, outcome.attempt) == ("done", 3)
    assert len({record.headers["webhook-id"] for record in log.records}) == 1
    assert len({record.value for record in log.records}) == 1


async def test_a_log_that_stays_away_fails_the_decision() -> None:
    outcome = await carried_out(decision_of(), control_of("kafka"), Log(lost=99))
    assert (outcome.status, outcome.attempt) == ("failed", 5)
    assert "no acknowledgement" in outcome.detail


async def test_without_a_secret_a_record_is_not_signed() -> None:
    log = Log()
    await carried_out(decision_of(), control_of("kafka", secret=""), log)
    assert "webhook-signature" not in log.records[0].headers


@pytest.mark.parametrize("topic", ["", "mailweir.decisions.v1", "a b", "..", "x" * 250])
async def test_a_topic_that_is_mailweirs_own_or_none_is_for_a_person(topic: str) -> None:
    log = Log()
    outcome = await carried_out(decision_of(), control_of("kafka", topic=topic), log)
    assert (outcome.status, log.records) == ("misconfigured", [])
    assert "control.topic" in outcome.detail
