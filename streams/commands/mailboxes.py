"""`mailweir mailboxes FILE`: who takes the mail of the domains on stdin, looked up and kept in FILE."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from connectors.mailbox_providers import OTHER, provider_of
from schemas.errors import Misconfigured
from streams import mailbox_domains
from streams.mail_exchangers import Answer, Exchangers
from streams.mailbox_domains import Known

OK, FAILED = 0, 1


def run(path: Path, domains: Iterable[str], out: TextIO, *, nameserver: str, now_s: int) -> int:
    """Look up what is new or out of date, write the file anew. Exit code 1 when a domain got no answer.

    A domain without an answer keeps what was known of it, and is asked for again next time.
    """
    known = mailbox_domains.read(path) if path.exists() else {}
    wanted = [d for d in mailbox_domains.due(domains, known, now_s) if provider_of(d) == OTHER]
    silent: list[str] = []

    def tell(domain: str, answer: Answer | None) -> None:
        if answer is None:
            silent.append(domain)
        else:
            known[domain] = Known(answer.provider, now_s + answer.ttl_s)

    asyncio.run(_exchangers(nameserver).find_all(wanted, tell))
    mailbox_domains.write(path, known, now_s)
    out.write(f"{len(wanted)} domains looked up, {len(silent)} without an answer; {path} has {len(known)}\n")
    return FAILED if silent else OK


def _exchangers(nameserver: str) -> Exchangers:
    try:
        return Exchangers(nameserver)
    except ValueError as error:
        raise Misconfigured(
            f"--nameserver {nameserver}: expected an IP address, or one with :port ({error})"
        ) from error
