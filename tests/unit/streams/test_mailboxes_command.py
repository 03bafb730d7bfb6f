"""`mailweir mailboxes`: real DNS over UDP from a server on this machine, and the file it keeps."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from connectors.mailbox_providers import learn, provider_of
from schemas.errors import Misconfigured
from streams import mailbox_domains
from streams.commands import mailboxes
from streams.mail_exchangers import Exchangers
from streams.mailbox_domains import Known

NOW_S = 1_800_000_000
DAY_S = 86_400
ZONE = {
    "google.example": (3_600, ["aspmx.l.google.com.", "alt1.aspmx.l.google.com."]),
    "office.example": (5 * DAY_S, ["office-example.mail.protection.outlook.com."]),
    "filtered.example": (400 * DAY_S, ["mxa-1.gslb.pphosted.com.", "mxb-1.gslb.pphosted.com."]),
    "both.example": (3_600, ["aspmx.l.google.com.", "mail.both.example."]),
    "nothing.example": (3_600, ["."]),
    "bare.example": (3_600, []),
}


@dataclass
class DnsServer:
    """Answers MX queries from `zone` over UDP; "silent.example" never, "broken.example" with a failure."""

    zone: dict[str, tuple[int, list[str]]]
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """An empty datagram ends the loop."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, whom = self._socket.recvfrom(4_096)
            if not data:
                return
            query = dns.message.from_wire(data)
            name = query.question[0].name.to_text(omit_final_dot=True)
            self.asked.append(name)
            if name != "silent.example":
                self._socket.sendto(self._answer(query, name).to_wire(), whom)

    def _answer(self, query: dns.message.Message, name: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name == "broken.example":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.zone[name][1]:
            ttl_s, hosts = self.zone[name]
            records = [f"{10 * at} {host}" for at, host in enumerate(hosts)]
            answer.answer.append(dns.rrset.from_text(f"{name}.", ttl_s, "IN", "MX", *records))
        return answer


@pytest.fixture
def server() -> Iterator[DnsServer]:
    running = DnsServer(ZONE)
    yield running
    running.close()


def run(path: Path, *domains: str, server: DnsServer, now_s: int = NOW_S) -> int:
    lines = [f"{domain}\n" for domain in domains]
    return mailboxes.run(path, lines, io.StringIO(), nameserver=server.address, now_s=now_s)


def test_domains_are_looked_up_and_kept(tmp_path: Path, server: DnsServer) -> None:
    path = tmp_path / "domains.tsv"
    assert run(path, *ZONE, "gone.example", server=server) == 0
    found = mailbox_domains.read(path)
    assert {domain: known.provider for domain, known in found.items()} == {
        "google.example": "google_workspace",
        "office.example": "microsoft_365",
        "filtered.example": "proofpoint",
        **dict.fromkeys(("both.example", "nothing.example", "bare.example", "gone.example"), "other"),
    }
    assert found["google.example"].until == NOW_S + DAY_S  # never less than a day
    assert found["office.example"].until == NOW_S + 5 * DAY_S
    assert found["filtered.example"].until == NOW_S + 30 * DAY_S  # never more than a month


def test_only_new_and_old_domains_are_asked_for(tmp_path: Path, server: DnsServer) -> None:
    path = tmp_path / "domains.tsv"
    run(
        path,
        "google.example",
        "Office.Example.",
        "gmail.com",
        "localhost",
        "",
        "a b.example",
        "google.example",
        server=server,
    )
    assert sorted(server.asked) == ["google.example", "office.example"]
    server.asked.clear()
    run(path, "google.example", "office.example", server=server, now_s=NOW_S + 2 * DAY_S)
    assert server.asked == ["google.example"]


def test_without_an_answer_the_old_one_stays(tmp_path: Path, server: DnsServer) -> None:
    path = tmp_path / "domains.tsv"
    mailbox_domains.write(path, {"broken.example": Known("proofpoint", NOW_S - 1)}, NOW_S)
    assert run(path, "broken.example", "google.example", server=server) == 1
    found = mailbox_domains.read(path)
    assert found["broken.example"] == Known("proofpoint", NOW_S - 1)
    assert found["google.example"].provider == "google_workspace"


def test_silence_is_no_answer(server: DnsServer) -> None:
    assert asyncio.run(Exchangers(server.address, patience_s=0.2).find("silent.example")) is None


def test_what_is_no_name_for_dns_is_nobodys(tmp_path: Path, server: DnsServer) -> None:
    path = tmp_path / "domains.tsv"
    assert run(path, "a..example", f"{'x' * 64}.example", server=server) == 0
    assert {known.provider for known in mailbox_domains.read(path).values()} == {"other"}
    assert not server.asked


def test_domains_that_nobody_asks_for_are_dropped_in_time(tmp_path: Path) -> None:
    path = tmp_path / "domains.tsv"
    mailbox_domains.write(
        path, {"old.example": Known("apple", NOW_S - 91 * DAY_S), "new.example": Known("apple", NOW_S)}, NOW_S
    )
    assert set(mailbox_domains.read(path)) == {"new.example"}


def test_what_was_found_is_the_mailbox_provider(tmp_path: Path, server: DnsServer) -> None:
    path = tmp_path / "domains.tsv"
    run(path, "google.example", "both.example", server=server)
    learn(mailbox_domains.providers(mailbox_domains.read(path)))
    try:
        assert provider_of("Google.example.") == "google_workspace"
        assert provider_of("both.example") == "other"
        assert provider_of("gmail.com") == "gmail"
    finally:
        learn({})
    assert provider_of("google.example") == "other"


@pytest.mark.parametrize("content", [None, b"google.example\tgoogle\n", b"a.example\tx\tsoon\n", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "domains.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"domains\.tsv"):
        mailbox_domains.read(path)


@pytest.mark.parametrize("nameserver", ["nonsense", "127.0.0.1:dns"])
def test_a_name_server_that_is_none_is_a_mistake_of_the_caller(tmp_path: Path, nameserver: str) -> None:
    with pytest.raises(Misconfigured, match="nameserver"):
        mailboxes.run(tmp_path / "domains.tsv", [], io.StringIO(), nameserver=nameserver, now_s=NOW_S)
