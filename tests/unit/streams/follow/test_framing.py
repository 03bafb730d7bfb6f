"""A body says the same alone as the whole log would: wherever the log is cut into batches, the events are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.base import Context as Whose
from connectors.base import Request
from connectors.registry import connector
from schemas.config import Source
from streams.follow.context import Context
from streams.follow.framing import Body, PostfixLog, frame_of
from streams.follow.record import raw_record
from tests.unit.streams.follow.followed import Followed, together

FIXTURES = Path(__file__).parents[3] / "fixtures" / "webhooks"
NOW = 1_767_225_700_000
WHOSE = Whose(tenant="acme", source="own", received_at=NOW)


def read(*cases: str) -> bytes:
    return b"".join((FIXTURES / case / "body.txt").read_bytes() for case in cases)


def events(provider: str, *bodies: Body) -> list[tuple[str, ...]]:
    """What tells events apart, and what is joined from other lines."""
    found = []
    for body in bodies:
        result = connector(provider).parse(Request(headers=body.headers, body=body.data, received_at=NOW), WHOSE)
        assert not result.failures
        for event in result.events:
            said = [
                str(getattr(event, name, "")) for name in ("event_type", "smtp_message_id", "sending_domain", "subject")
            ]
            found.append((event.event_id, getattr(event, "recipient", ""), *said))
    return found


@pytest.mark.parametrize("provider", ["postfix", "powermta"])
def test_wherever_the_log_is_cut_the_events_are_the_same(provider: str, tmp_path: Path) -> None:
    lines = {
        "postfix": read(
            "postfix/sent", "postfix/bounced", "postfix/deferred", "postfix/expired", "postfix/local_and_pools"
        ),
        "powermta": read("powermta/delivered", "powermta/bounced", "powermta/feedback", "powermta/deferred"),
    }[provider].splitlines(keepends=True)
    expected = events(provider, Body(b"".join(lines), {}))
    assert len(expected) >= 10
    for cut in range(1, len(lines), 2):
        for again in (cut, len(lines) // 2):  # the second process begins at `cut`, with a batch up to `again`
            log = Followed(tmp_path / f"{cut}-{again}")
            log.folder.mkdir(exist_ok=True)
            first, second = lines[:cut], lines[cut:]
            log.follow(log.write(b"".join(first).decode()), frame=frame_of(provider, "UTC", lambda: NOW))
            more = [log.write(b"".join(part).decode()) for part in (second[: again - cut], second[again - cut :])]
            log.follow(*more, frame=frame_of(provider, "UTC", lambda: NOW), most_bytes=700 + cut)
            assert events(provider, *log.bodies) == expected, f"cut before line {cut + 1}"


def test_columns_that_change_in_the_middle_of_a_file_hold_from_there_on(tmp_path: Path) -> None:
    log = Followed(tmp_path, "acct.csv")
    old, new = "type,rcpt,jobId\nd,ada@example.com,one\n", "type,jobId,rcpt\nd,two,bob@example.com\n"
    log.follow(
        log.write(old), log.write(new), log.write("d,two,cyd@example.com\n"), frame=frame_of("powermta", "", int)
    )
    log.follow(log.write("d,two,dan@example.com\n"), frame=frame_of("powermta", "", int))
    assert [body.data.splitlines()[0] for body in log.bodies[1:]] == [b"type,jobId,rcpt"] * 3
    assert {item[1] for item in events("powermta", *log.bodies)} == {
        f"{name}@example.com" for name in ("ada", "bob", "cyd", "dan")
    }


def test_lines_of_json_need_nothing_before_them(tmp_path: Path) -> None:
    log = Followed(tmp_path, "acct.json")
    for _ in range(2):
        log.follow(log.write('{"type":"d","rcpt":"ada@example.com"}\n'), frame=frame_of("powermta", "", int))
    assert [body.data.count(b"\n") for body in log.bodies] == [1, 1]


def test_a_message_whose_first_lines_are_in_a_rotated_file_is_known(tmp_path: Path) -> None:
    log, frame = Followed(tmp_path), frame_of("postfix", "UTC", lambda: NOW)
    lines = read("postfix/sent").decode().splitlines(keepends=True)
    log.follow(
        log.write("".join(lines[:4])),
        together(log.rename("mail.log.1"), log.write("".join(lines[4:]))),
        frame=frame,
    )
    assert "abc@shop.example" in events("postfix", *log.bodies)[0]


def test_the_zone_of_the_machine_goes_along_unless_another_is_named() -> None:
    assert PostfixLog("Europe/Berlin", lambda: NOW).body(b"").headers["x-log-zone"] == "Europe/Berlin"
    own = PostfixLog("", lambda: NOW).body(b"").headers["x-log-zone"]
    assert own[0] in "+-"
    assert own[1:].isdecimal()


def line(queue_id: str, text: str) -> bytes:
    return f"2026-01-01T00:00:00Z mx1 postfix/qmgr[1]: {queue_id}: {text}\n".encode()


def test_what_is_done_is_forgotten() -> None:
    context = Context()
    context.before(line("3D770111AF50", "from=<a@shop.example>, size=1, nrcpt=1 (queue active)"))
    assert context.size_bytes
    context.before(line("3D770111AF50", "removed"))
    assert context.size_bytes == 0
    context.before(line("3D770111AF50", "to=<x@example.com>, relay=none, delay=1, dsn=2.0.0, status=sent (ok)"))
    assert not context.before(line("3D770111AF50", "from=<a@shop.example>, status=expired, returned to sender"))


def test_memory_is_bounded_and_the_longest_unseen_go_first() -> None:
    context = Context(most_bytes=1_000)
    ids = [f"{number:06X}AF" for number in range(100)]
    for queue_id in ids:
        context.before(line(queue_id, "from=<a@shop.example>, size=1, nrcpt=1 (queue active)"))
        assert context.size_bytes <= 1_000
    outcome = "to=<x@example.com>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"
    assert context.before(line(ids[-1], outcome))
    assert not context.before(line(ids[0], outcome))


def test_a_message_of_many_recipients_keeps_its_sender() -> None:
    context = Context()
    context.before(line("3D770111AF50", "from=<a@shop.example>, size=1, nrcpt=900 (queue active)"))
    waits = "relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connection timed out)"
    for number in range(900):
        context.before(line("3D770111AF50", f"to=<r{number}@example.com>, {waits}"))
    known = context.before(line("3D770111AF50", "from=<a@shop.example>, status=expired, returned to sender"))
    assert b"size=1" in known[0]
    assert len(known) == 200


def test_the_raw_record_is_like_one_of_the_gateways(tmp_path: Path) -> None:
    source = Source(name="own", provider="postfix", tenant="default")
    body = Body(b"line\n", {"content-type": "text/plain"})
    record = raw_record(source, tmp_path / "mail.log", body, NOW)
    assert (record.tenant, record.source, record.provider, record.received_at) == ("default", "own", "postfix", NOW)
    assert (record.body, record.secret_index, len(record.request_id)) == (b"line\n", -1, 32)
    assert record.url == f"file://{tmp_path}/mail.log"
    assert record.request_id == raw_record(source, tmp_path / "mail.log", body, NOW + 1).request_id
