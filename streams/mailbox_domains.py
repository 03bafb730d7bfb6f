"""The file of looked-up recipient domains: who takes a domain's mail, and until when that is believed.

Lines of domain, provider and a time (RFC 3339, UTC), separated by tabs, sorted; "#" begins a comment. The
normaliser reads it when it starts and looks nothing up, so the log and this file give the same events
again. `mailweir mailboxes` keeps it up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import Misconfigured

OTHER = "other"
_HEAD = "# domain, who takes its mail, believed until; written by `mailweir mailboxes`\n"
_KEPT_S = 90 * 86_400  # a domain that nobody asks for any more is dropped this long after its end


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a domain. `until`: seconds since the epoch."""

    provider: str
    until: int


def read(path: Path) -> dict[str, Known]:
    """The domains of the file. Raises Misconfigured with the number of the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read ({error}); write it with `mailweir mailboxes {path}`") from error
    found = {}
    for number, line in enumerate(lines, start=1):
        if line and not line.startswith("#"):
            try:
                domain, provider, until = line.split("\t")
                found[domain] = Known(provider, int(datetime.fromisoformat(until).timestamp()))
            except ValueError as error:
                raise Misconfigured(f"{path}, line {number}: expected domain, provider, time ({error})") from error
    return found


def write(path: Path, known: Mapping[str, Known], now_s: int) -> None:
    """The file anew, in one step: a reader finds the old one or the new one."""
    fresh = sorted((domain, item) for domain, item in known.items() if item.until + _KEPT_S > now_s)
    lines = [f"{d}\t{item.provider}\t{datetime.fromtimestamp(item.until, UTC).isoformat()}\n" for d, item in fresh]
    part = path.with_name(f"{path.name}.part")
    part.write_text(_HEAD + "".join(lines), encoding="utf-8")
    part.replace(path)


def providers(known: Mapping[str, Known]) -> dict[str, str]:
    """Domain -> provider, without those that turned out to be nobody's. Times are not looked at."""
    return {domain: item.provider for domain, item in known.items() if item.provider != OTHER}


def due(domains: Iterable[str], known: Mapping[str, Known], now_s: int) -> list[str]:
    """Which of the domains are to be looked up: new ones and those whose time is over, each once."""
    wanted = {domain.strip().rstrip(".").lower() for domain in domains}
    return sorted(d for d in wanted if _is_name(d) and (d not in known or known[d].until <= now_s))


def _is_name(text: str) -> bool:
    return "." in text and not text.startswith("#") and len(text.split()) == 1
