"""Maildirs and IMAP folders: kept before marked, nothing lost, nothing stuck. One suite for both."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from schemas.config import Inbox
from schemas.errors import FailureCode, Permanent, Transient
from schemas.topics import WEBHOOKS
from streams.inbox.box import Box, empty, watch
from streams.inbox.imap import ImapFolder
from streams.inbox.maildir import Maildir
from tests.unit.streams.inbox.imap_server import Mailbox, certificate, imap_server
from tests.unit.streams.inbox.keeping import MAIL, NOW_MS, MemoryLog, counted, keeper

SMALL = 10 * 1024


class Place(Protocol):
    """A mailbox from the outside."""

    box: Box

    def deliver(self, mail: bytes) -> None: ...

    def waiting(self) -> list[bytes]: ...

    def kept(self) -> list[bytes]: ...

    def aside(self) -> list[bytes]: ...


class MaildirPlace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("new", "cur", "tmp"):
            (folder / name).mkdir()
        self.box: Box = Maildir(folder)
        self._count = 0

    def deliver(self, mail: bytes) -> None:
        self._count += 1
        (self.folder / "new" / f"1767225600.M{self._count}P1.mx:2,").write_bytes(mail)

    def waiting(self) -> list[bytes]:
        return self._read("new/*")

    def kept(self) -> list[bytes]:
        return self._read("cur/*:2,S")

    def aside(self) -> list[bytes]:
        return self._read("cur/*:2,F")

    def _read(self, pattern: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob(pattern))]


class ImapPlace:
    def __init__(self, port: int, box: Mailbox, pem: Path, **more: Any) -> None:
        self.mailbox = box
        of = {"kind": "imap", "host": "localhost", "port": port, "user": "reader", "password": "s3cret pass"}
        trusted = ssl.create_default_context(cafile=str(pem))
        self.box: Box = ImapFolder(Inbox.model_validate({**of, "folder": "Bounces", **more}), trusted)

    def deliver(self, mail: bytes) -> None:
        self.mailbox.add(mail)

    def waiting(self) -> list[bytes]:
        return [mail for mail, flags in self.mailbox.mails.values() if not flags]

    def kept(self) -> list[bytes]:
        return [mail for mail, flags in self.mailbox.mails.values() if flags == {"\\Seen"}]

    def aside(self) -> list[bytes]:
        return [mail for mail, flags in self.mailbox.mails.values() if "\\Flagged" in flags]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["maildir", "imap"])
def place(request: pytest.FixtureRequest, tmp_path: Path, pem: Path) -> Iterator[Place]:
    if request.param == "maildir":
        yield MaildirPlace(tmp_path)
        return
    box = Mailbox()
    with imap_server(box, pem) as port:
        found = ImapPlace(port, box, pem)
        yield found
        found.box.close()


def limits(**more: Any) -> dict[str, Any]:
    return {"kind": "maildir", "path": "x", "max_mail_bytes": SMALL, **more}


async def once(place: Place, log: MemoryLog) -> bool:
    return await empty(place.box, keeper(log, **limits()), asyncio.Event(), set())


async def test_a_mail_is_kept_byte_for_byte_and_marked(place: Place) -> None:
    log = MemoryLog()
    mails = [MAIL, b"From: x@example.com\nDate: now\n\nbare newlines\n\xff\x00", b"Subject: empty\r\n\r\n"]
    for mail in mails:
        place.deliver(mail)
    assert await once(place, log)
    assert log.bodies() == mails
    assert (place.waiting(), place.kept()) == ([], mails)
    record = log.stored()[0]
    assert (record.source, record.provider, record.received_at) == ("feedback", "mail", NOW_MS)
    assert log.records[0][0] == WEBHOOKS.name
    assert not await once(place, log)
    assert len(log.records) == 3


async def test_a_mail_that_the_log_does_not_take_stays_where_it_is(place: Place) -> None:
    log = MemoryLog(Transient("the broker is away"))
    place.deliver(MAIL)
    with pytest.raises(Transient):
        await once(place, log)
    assert place.waiting() == [MAIL]
    assert await once(place, log)
    assert (log.bodies(), place.kept()) == ([MAIL], [MAIL])


async def test_a_crash_between_keeping_and_marking_brings_the_same_record_again(place: Place) -> None:
    log = MemoryLog()
    place.deliver(MAIL)
    await keeper(log, **limits()).keep(place.box.read(place.box.waiting()[0], SMALL))
    assert await once(place, log)
    assert log.bodies() == [MAIL, MAIL]
    assert len({record.request_id for record in log.stored()}) == 1


async def test_what_is_too_large_is_put_aside_and_the_others_go_on(place: Place) -> None:
    log = MemoryLog()
    place.deliver(b"Subject: large\r\n\r\n" + b"x" * SMALL)
    place.deliver(MAIL)
    of = keeper(log, **limits())
    assert await empty(place.box, of, asyncio.Event(), set())
    assert (log.bodies(), place.kept(), len(place.aside())) == ([MAIL], [MAIL], 1)
    assert (counted(of, "kept"), counted(of, "body_too_large")) == (1, 1)
    assert place.box.waiting() == []


async def test_what_the_log_refuses_for_good_is_put_aside(place: Place) -> None:
    place.deliver(MAIL)
    assert await once(place, MemoryLog(Permanent(FailureCode.BODY_TOO_LARGE, "larger than the log takes")))
    assert place.aside() == [MAIL]


async def test_a_mailbox_is_watched_until_it_is_told_to_stop(place: Place) -> None:
    log, stop = MemoryLog(Transient("the broker is away")), asyncio.Event()
    place.deliver(MAIL)
    watching = asyncio.create_task(watch(place.box, keeper(log, **limits()), stop))
    async with asyncio.timeout(20):
        while not log.records:  # noqa: ASYNC110  # files and other objects have no event
            await asyncio.sleep(0.01)
        place.deliver(b"Subject: later\r\n\r\n")
        while len(log.records) < 2:  # noqa: ASYNC110 - a list has no event to await
            await asyncio.sleep(0.01)
        stop.set()
        await watching
    assert log.bodies() == [MAIL, b"Subject: later\r\n\r\n"]


# ---------------------------------------------------------------- Maildir


async def test_a_maildir_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="new cannot be read"):
        Maildir(tmp_path / "none").waiting()


async def test_an_unreadable_mail_costs_no_other(tmp_path: Path) -> None:
    place, log, troubled = MaildirPlace(tmp_path), MemoryLog(), set[str]()
    (tmp_path / "new" / "0000").mkdir()  # a name that cannot be read as a file
    place.deliver(MAIL)
    for _ in range(2):
        with pytest.raises(Transient):
            await empty(place.box, keeper(log, **limits()), asyncio.Event(), troubled)
    assert log.bodies() == [MAIL]


# ---------------------------------------------------------------- IMAP


async def test_kept_mails_are_moved_where_a_folder_is_named(pem: Path) -> None:
    for capabilities in ("IMAP4rev1 MOVE", "IMAP4rev1"):
        box, log = Mailbox(capabilities=capabilities), MemoryLog()
        with imap_server(box, pem) as port:
            place = ImapPlace(port, box, pem, done_folder="Kept")
            place.deliver(MAIL)
            assert await once(place, log)
            assert place.box.waiting() == []
            place.box.close()
        assert (box.moved, log.bodies()) == ({"Kept": [MAIL]}, [MAIL])


async def test_a_lost_connection_is_made_anew(pem: Path) -> None:
    box, log = Mailbox(hangs_up_at="UID STORE"), MemoryLog()
    with imap_server(box, pem) as port:
        place = ImapPlace(port, box, pem)
        place.deliver(MAIL)
        with pytest.raises(Transient, match="IMAP folder Bounces"):
            await once(place, log)
        place.box.close()
        assert await once(place, log)
        place.box.close()
    assert (log.bodies(), place.kept(), box.logins) == ([MAIL, MAIL], [MAIL], 2)


async def test_a_mail_that_the_server_does_not_send_costs_no_other(pem: Path) -> None:
    box, log, troubled = Mailbox(), MemoryLog(), set[str]()
    with imap_server(box, pem) as port:
        place = ImapPlace(port, box, pem)
        box.broken.add(box.add(b"Subject: broken\r\n\r\n"))
        place.deliver(MAIL)
        for _ in range(2):
            with pytest.raises(Transient):
                await empty(place.box, keeper(log, **limits()), asyncio.Event(), troubled)
        place.box.close()
    assert log.bodies() == [MAIL]


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"folder": "None"}, {"host": "127.0.0.1"}])
def test_what_is_wrong_at_the_door_is_transient_and_says_no_secret(pem: Path, change: dict[str, Any]) -> None:
    box = Mailbox()
    with imap_server(box, pem) as port:
        place = ImapPlace(port, box, pem, **change)  # 127.0.0.1: the certificate is for localhost
        with pytest.raises(Transient) as caught:
            place.box.waiting()
    assert "s3cret" not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_certificate_that_nobody_trusts_is_refused(pem: Path) -> None:
    box = Mailbox()
    with imap_server(box, pem) as port:
        of = Inbox.model_validate({"kind": "imap", "host": "localhost", "port": port, "user": "reader"})
        with pytest.raises(Transient, match="SSLCertVerificationError"):
            ImapFolder(of).waiting()
    assert box.commands == []
