"""`mailweir parse` and `mailweir classify`, called the way the command line calls them."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.registry import connector
from schemas.events import EmailEvent, EventType
from streams.commands import classify, parse
from tests.contract.cases import signable
from tests.contract.signers.scaleway import ScalewaySigner, signing_certificate
from tests.contract.signers.sendgrid import SendGridSigner
from tests.contract.signers.ses import CERTIFICATE_URL, FakeCertificates, SesSigner
from tests.contract.signing import SIGNERS

FIXTURES = Path(__file__).parents[2] / "fixtures"
WEBHOOKS = FIXTURES / "webhooks"
NOW = 1_767_225_600_000


def body_of(provider: str, case: str) -> bytes:
    return next((WEBHOOKS / provider / case).glob("body.*")).read_bytes()


def run(provider: str, body: bytes, headers: Path | None = None, secret: str = "") -> tuple[int, list[Any], list[str]]:
    out, err = io.StringIO(), io.StringIO()
    code = parse.run(provider, headers, "", secret, io.BytesIO(body), out, err, NOW)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue().splitlines()


def batch(*lines: Any) -> list[Any]:
    out = io.StringIO()
    texts = [line if isinstance(line, (str, bytes)) else json.dumps(line) for line in lines]
    assert parse.run_batch(texts, out, NOW) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def job(provider: str, body: bytes, **more: Any) -> dict[str, Any]:
    return {"id": "a", "provider": provider, "body_b64": base64.b64encode(body).decode(), **more}


def test_what_is_about_no_mail_is_said_and_is_no_failure() -> None:
    code, events, err = run("klaviyo", body_of("klaviyo", "other_channels"))
    assert (code, len(events)) == (0, 1)
    assert err[1].startswith("4 items are about no e-mail and were passed over: event:api.viewed_product, event:kla")


def test_events_are_printed_under_the_canonical_names() -> None:
    code, events, err = run("sendgrid", body_of("sendgrid", "delivery_events"))
    assert (code, len(events)) == (0, 8)
    assert err == [parse.UNVERIFIED]
    bounce = events[3]
    assert bounce["event_type"] == "bounced"
    assert bounce["occurred_at"] == "2025-12-31T23:00:00.000Z"
    assert bounce["received_at"] == "2026-01-01T00:00:00.000Z"
    assert bounce["metadata"] == {"campaign_id": "winter-sale", "user_ref": "u-42"}
    assert bounce["tags"] == ["newsletter", "january"]
    assert (bounce["client_ip"], bounce["attempt"], bounce["sent_at"]) == (None, None, None)
    assert bounce["bounce_class"]["reason"] == "invalid_recipient"
    assert set(bounce["bounce_class"]) == {
        "reason", "scope", "permanence", "action", "retry_after_s", "blocklist", "rule", "confidence",
    }  # fmt: skip
    assert events[0]["bounce_class"] is None


def test_every_canonical_field_is_printed_once() -> None:
    _, events, _ = run("kumomta", body_of("kumomta", "delivery"))
    expected = {name for name in EmailEvent.__slots__ if not name.startswith(("raw_", "bounce_"))} | {"bounce_class"}
    assert set(events[0]) == expected


def test_what_is_unreadable_goes_to_stderr_with_its_bytes_and_fails() -> None:
    code, events, err = run("sendgrid", b'[{"event": "open"}, 5]')
    assert (code, len(events)) == (1, 1)
    failure = json.loads(err[1])
    assert (failure["code"], failure["index"]) == ("item_unreadable", 1)
    assert base64.b64decode(failure["item_b64"]) == b"5"


def test_garbage_is_one_failure_and_no_traceback() -> None:
    code, events, err = run("mailgun", b"\x00\xff garbage")
    assert (code, events) == (1, [])
    assert json.loads(err[1])["code"] == "not_json"


def test_an_unknown_provider_is_a_wrong_command_line() -> None:
    code, _, err = run("sendgird", b"[]")
    assert code == 2
    assert "did you mean 'sendgrid'?" in err[0]


def test_headers_are_read_as_json_or_as_lines(tmp_path: Path) -> None:
    signed = SendGridSigner().sign(b"[]", NOW, 0)
    as_json, as_lines = tmp_path / "headers.json", tmp_path / "headers.txt"
    as_json.write_text(json.dumps({name.title(): value for name, value in signed.headers.items()}))
    as_lines.write_text("".join(f"{name.title()}: {value}\n" for name, value in signed.headers.items()))
    for path in (as_json, as_lines):
        assert run("sendgrid", b"[]", path, SendGridSigner().public(0)) == (0, [], [])


@pytest.mark.parametrize("text", ["{broken", "no colon here", ": no name"])
def test_broken_headers_are_a_wrong_command_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "headers").write_text(text)
    code, _, err = run("sendgrid", b"[]", tmp_path / "headers")
    assert code == 2
    assert "--headers" in err[0]


def test_a_missing_headers_file_is_a_wrong_command_line(tmp_path: Path) -> None:
    code, _, err = run("sendgrid", b"[]", tmp_path / "none")
    assert code == 2
    assert "cannot be read" in err[0]


def secret_of(provider: str, key: int) -> str:
    signer = next(signer for signer in SIGNERS if signer.provider == provider)
    if isinstance(signer, ScalewaySigner):
        return signing_certificate(key).decode()
    if isinstance(signer, SesSigner):
        return FakeCertificates().get(CERTIFICATE_URL.format(key)).decode()
    return signer.source(key).secrets[0].get_secret_value()


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.provider)
def test_with_a_secret_only_genuine_requests_are_parsed(signer: Any) -> None:
    signed = signer.sign(signable(connector(signer.provider)), NOW, 0)
    secret, changed = secret_of(signer.provider, 0), signer.alter(signed)
    right = job(signer.provider, signed.body, headers=signed.headers, url=signed.url, secret=secret)
    good, wrong_key, altered = batch(
        right,
        {**right, "secret": secret_of(signer.provider, 1)},
        job(signer.provider, changed.body, headers=changed.headers, url=changed.url, secret=secret),
    )
    assert (good["rc"], good["stderr"], bool(good["events"])) == (0, "", True)
    for answer in (wrong_key, altered):
        assert (answer["rc"], answer["events"]) == (1, [])
        assert answer["stderr"].startswith("refused: ")


def test_a_batch_answers_every_line_and_goes_on_after_a_broken_one() -> None:
    good = job("sendgrid", body_of("sendgrid", "engagement_events"))
    answers = batch(
        good, "{broken", "[]", "5", {"id": 7}, {**good, "body_b64": "???"}, {**good, "provider": "nobody"},
        {**good, "headers": [1]}, json.dumps(good).encode(), job("ses", b"junk"),
    )  # fmt: skip
    assert [answer["rc"] for answer in answers] == [0, 2, 2, 2, 2, 2, 2, 2, 0, 1]
    assert answers[4]["id"] == 7
    assert all(set(answer) == {"id", "rc", "events", "failures", "stderr"} for answer in answers)
    assert len(answers[8]["events"]) == 7
    assert answers[9]["failures"][0]["code"] == "not_json"


def test_line_separators_inside_a_text_do_not_break_the_lines() -> None:
    body = json.dumps([{"event": "open", "category": ["a\u2028b\x85c\nd"]}]).encode()
    _, events, _ = run("sendgrid", body)
    assert events[0]["tags"] == ["a\u2028b\x85c\nd"]
    assert events[0]["event_type"] == EventType.OPENED


def test_replies_are_classified_line_by_line() -> None:
    out = io.StringIO()
    lines: list[str | bytes] = ["550 5.1.1 user unknown\n", "\n", b"421 4.7.0 try again in 300 seconds \xff\r\n"]
    assert classify.run(lines, out) == 0
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first == {
        "input": "550 5.1.1 user unknown", "reason": "invalid_recipient", "scope": "address", "permanence": "permanent",
        "action": "suppress", "retry_after_s": None, "blocklist": None, "rule": "unknown_recipient", "confidence": 0.95,
    }  # fmt: skip
    assert second["retry_after_s"] == 300


def test_bounce_mails_are_classified_recipient_by_recipient(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    mails = FIXTURES / "bounces"
    paths = [mails / "postfix_rfc3464.eml", mails / "ordinary_mail.eml", tmp_path / "missing.eml"]
    assert classify.run_dsn(paths, out, err) == 1
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["recipient"], line["status"], line["reason"]) for line in found] == [
        ("ada@example.com", "5.1.1", "invalid_recipient"),
        ("grace@example.org", "4.2.2", "mailbox_full"),
    ]
    assert "no bounced recipient" in err.getvalue()
    assert "missing.eml: cannot be read" in err.getvalue()


def test_neither_command_imports_anything_heavy() -> None:
    heavy = {"faust", "numba", "chdb", "confluent_kafka", "aiohttp", "numpy", "pandas"}
    code = "import sys, streams.commands.parse, streams.commands.classify; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not heavy & set(loaded)


def test_events_can_be_written_in_the_words_of_anymail() -> None:
    out, err = io.StringIO(), io.StringIO()
    body = io.BytesIO(body_of("mailgun", "suppressed_bounce"))
    assert parse.run("mailgun", None, "", None, body, out, err, NOW, write=parse.as_anymail) == 0
    found = json.loads(out.getvalue())
    assert (found["event_type"], found["reject_reason"], found["esp_name"]) == ("rejected", "bounced", "mailgun")
    assert found["timestamp"].endswith("Z")
