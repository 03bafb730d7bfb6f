"""LMTP with a real client (smtplib) and with bytes by hand: nothing is acknowledged before the log has it."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from schemas.config import Config
from schemas.errors import Misconfigured, Transient
from streams.inbox.lmtp import LmtpServer
from streams.inbox.service import keepers_of, serve
from tests.unit.streams.inbox.keeping import MAIL, MemoryLog, keeper

TRACE = b"Return-Path: <>\r\nDelivered-To: <bounce+ada=example.com@shop.example>\r\n"
VERP = "bounce+ada=example.com@shop.example"


@asynccontextmanager
async def listening(log: MemoryLog, **inbox: object) -> AsyncIterator[int]:
    server = LmtpServer(keeper(log, kind="lmtp", host="127.0.0.1", port=1, **inbox))
    object.__setattr__(server._keeper.source.inbox, "port", 0)  # any free one, which a configuration cannot ask for
    port = await server.open()
    try:
        yield port
    finally:
        await server.close()


async def send(port: int, mail: bytes = MAIL, to: tuple[str, ...] = (VERP,)) -> dict[str, tuple[int, bytes]]:
    def deliver() -> dict[str, tuple[int, bytes]]:
        with smtplib.LMTP("127.0.0.1", port) as client:
            return client.sendmail("", to, mail)

    return await asyncio.to_thread(deliver)


async def talk(port: int, lines: bytes) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(lines)
    writer.write_eof()
    answer = b""
    with contextlib.suppress(ConnectionError):  # the server has hung up, which is what some tests want
        answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.splitlines()


async def test_a_mail_is_kept_under_its_trace_lines_before_it_is_acknowledged() -> None:
    log = MemoryLog()
    async with listening(log) as port:
        assert await send(port) == {}
    assert log.bodies() == [TRACE + MAIL]
    assert log.stored()[0].url == "inbox:lmtp"


async def test_leading_dots_are_undone_and_several_mails_share_a_connection() -> None:
    log = MemoryLog()
    body = b"Subject: dots\r\n\r\n.hidden\r\n..\r\n...\r\n"
    async with listening(log) as port:
        assert await send(port, body) == {}
        mail = b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nSubject: 1\r\n\r\n.\r\n"
        answers = await talk(port, b"LHLO x\r\n" + mail * 3 + b"QUIT\r\n")
    assert log.bodies()[0] == TRACE + body
    assert answers.count(b"250 2.0.0 kept") == 3
    assert len(log.records) == 4


async def test_every_recipient_gets_an_answer() -> None:
    async with listening(MemoryLog()) as port:
        lines = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<c@b.example>\r\nDATA\r\n"
        answers = await talk(port, lines + b"Subject: 1\r\n\r\n.\r\n")
    assert answers[-2:] == [b"250 2.0.0 kept"] * 2


async def test_what_the_log_does_not_take_is_put_off() -> None:
    log = MemoryLog(Transient("the broker is away"))
    async with listening(log) as port:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            await send(port)
        assert caught.value.smtp_code == 451
        assert await send(port) == {}
    assert len(log.records) == 1


async def test_a_mail_that_is_too_large_is_refused_by_its_size_and_by_its_bytes() -> None:
    log = MemoryLog()
    async with listening(log, max_mail_bytes=10_240) as port:
        with pytest.raises(smtplib.SMTPSenderRefused) as declared:
            await send(port, b"x" * 20_000)  # smtplib declares it with SIZE=
        assert declared.value.smtp_code == 552
        lines = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" + b"x" * 70 + b"\r\n"
        answers = await talk(port, lines + (b"x" * 70 + b"\r\n") * 20_000 + b".\r\nRSET\r\nQUIT\r\n")
    assert answers[-3:] == [b"552 5.3.4 larger than mailweir takes", b"250 2.0.0 forgotten", b"221 2.0.0 bye"]
    assert log.records == []


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r"])
async def test_no_second_mail_is_smuggled_within_one(end: bytes) -> None:
    log = MemoryLog()
    inner = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nSubject: smuggled\r\n"
    lines = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nSubject: 1\r\n\r\n" + end + inner
    async with listening(log) as port:
        await talk(port, lines + b"\r\n.\r\nQUIT\r\n")
    (mail,) = log.bodies()
    assert b"Subject: smuggled" in mail


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (b"EHLO x\r\n", b"500 5.5.1"),
        (b"MAIL FROM:<>\r\n", b"503 5.5.1"),
        (b"LHLO\r\n", b"501 5.5.4"),
        (b"LHLO x\r\nRCPT TO:<a@b.example>\r\n", b"503 5.5.1"),
        (b"LHLO x\r\nMAIL FROM:nobody\r\n", b"501 5.5.4"),
        (b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\n", b"501 5.5.4"),
        (b"LHLO x\r\nMAIL FROM:<>\r\nDATA\r\n", b"503 5.5.1"),
        (b"LHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<a@b.example>\r\n" * 101, b"452 4.5.3"),
        (b"\xff\x00\r\n", b"500 5.5.1"),
        (b"NOOP\r\nVRFY x\r\n", b"252 2.5.0"),
    ],
    ids=range(10),
)
async def test_what_is_out_of_order_is_refused(lines: bytes, answer: bytes) -> None:
    log = MemoryLog()
    async with listening(log) as port:
        assert (await talk(port, lines))[-1].startswith(answer)
        assert await send(port) == {}
    assert len(log.records) == 1


@pytest.mark.parametrize("lines", [b"x" * 600_000, b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhalf"])
async def test_half_a_mail_and_endless_lines_are_not_kept(lines: bytes) -> None:
    log = MemoryLog()
    async with listening(log) as port:
        await talk(port, lines)
    assert log.records == []


async def test_a_unix_socket_is_listened_on_again_after_a_kill(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "lmtp.sock"
    for _ in range(2):
        server = LmtpServer(keeper(log, kind="lmtp", path=str(path)))
        assert await server.open() == 0
        reader, writer = await asyncio.open_unix_connection(path)
        assert (await reader.readline()).startswith(b"220")
        writer.close()
        await server.close()
    (tmp_path / "precious").write_text("x")
    with pytest.raises(OSError):  # noqa: PT011 - the system words it
        await LmtpServer(keeper(log, kind="lmtp", path=str(tmp_path / "precious"))).open()
    assert (tmp_path / "precious").read_text() == "x"


async def test_the_service_runs_every_inbox_until_it_is_told_to_stop(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1").write_bytes(MAIL)
    log, stop = MemoryLog(), asyncio.Event()
    keepers = [
        keeper(log, kind="maildir", path=str(tmp_path)),
        keeper(log, kind="lmtp", path=str(tmp_path / "lmtp.sock")),
    ]
    running = asyncio.create_task(serve(keepers, stop))
    async with asyncio.timeout(10):
        while not log.records or not (tmp_path / "lmtp.sock").exists():  # noqa: ASYNC110 - a list has no event to await
            await asyncio.sleep(0.01)
        stop.set()
        await running
    assert log.bodies() == [MAIL]


async def test_an_address_that_is_taken_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Misconfigured, match="LMTP address"):
        await serve([keeper(MemoryLog(), kind="lmtp", path=str(tmp_path / "file"))], asyncio.Event())


def test_a_configuration_without_inboxes_has_nothing_to_read() -> None:
    with pytest.raises(Misconfigured, match="nothing to read"):
        keepers_of(Config(), lambda **_: keeper(MemoryLog()))
