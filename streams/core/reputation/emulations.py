"""What the rules of others would say: Amazon SES, Gmail, Yahoo, Outlook.com. For people, never part of the score.

None of them can be recomputed exactly from here, and each figure says what is missing:

* Amazon SES reviews an account at 5 % hard bounces or 0.1 % complaints and may pause it at 10 % or 0.5 %, over a
  "representative volume" that it does not publish (Developer Guide, "Reputation dashboard messages"; Enforcement
  FAQ). Taken here: three times the biggest day, a thousand messages at least, as far back as minutes are kept.
* Gmail asks for less than 0.10 % and never 0.30 % reported as spam, of mail that reached the inbox (Email sender
  guidelines). It tells nobody of single complaints, so the only figure is its own, from Postmaster Tools.
* Yahoo enforces 0.3 % of mail that reached the inbox (Sender Hub; 0.1 % is where its Insights warn). What reached the
  inbox is not known here: of all delivered mail the rate is lower than Yahoo's.
* Outlook.com (SNDS) colours an IP by the share of its mail that the filter took for spam: 10 % and 90 %. It also counts
  mail to spam traps, by IP and day; it names no limit, no campaign and no trap, so any hit is a warning and never more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from schemas.aggregates import Emulation, KeyKind, Mark
from schemas.reports import StandingReport
from streams.core.reputation.context import Context
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.penalties import FINAL
from streams.core.reputation.shrinkage import Counted
from streams.core.reputation.trend import DAY_MS

LEAST_VOLUME, BIGGEST_DAYS = 1_000, 3
FRESH_MS = 7 * DAY_MS  # Postmaster Tools and SNDS are days behind


class Lines(NamedTuple):
    """Whose rule, and its two lines as shares."""

    name: str
    warn: float
    limit: float

    def mark(self, rate: float) -> Mark:
        """Where a rate stands; a line is crossed when it is reached."""
        return Mark.BAD if rate >= self.limit else Mark.WARN if rate >= self.warn else Mark.OK

    def computed(self, counted: Counted, note: str) -> Emulation:
        """From counts of our own."""
        return self._made(counted.rate, counted, "computed", note)

    def reported(self, rate: float, note: str) -> Emulation:
        """The provider's own figure."""
        return self._made(rate, Counted(0.0, 0.0), "reported", note)

    def _made(self, rate: float, counted: Counted, basis: str, note: str) -> Emulation:
        return Emulation(
            name=self.name, rate=rate, warn=self.warn, limit=self.limit, mark=self.mark(rate).value,
            numerator=float(counted.adverse), denominator=float(counted.tried), basis=basis, note=note,
        )  # fmt: skip


SES_BOUNCES = Lines("ses_bounces", 0.05, 0.10)
SES_COMPLAINTS = Lines("ses_complaints", 0.001, 0.005)
GMAIL_SPAM = Lines("gmail_spam", 0.001, 0.003)
YAHOO_COMPLAINTS = Lines("yahoo_complaints", 0.001, 0.003)
SNDS_FILTER = Lines("snds_filter", 0.10, 0.90)
SNDS_TRAPS = Lines("snds_traps", 0.0, 1.0)
_COLOURS = {
    "GREEN": (0.0, "less than 10 % of its mail was taken for spam"),
    "YELLOW": (0.10, "10 % to 90 % of its mail was taken for spam"),
    "RED": (0.90, "more than 90 % of its mail was taken for spam"),
}


def emulations(view: KeyView, context: Context) -> list[Emulation]:
    """Those that speak about this kind of key; one without a figure is left out."""
    make = _BY_KIND.get(view.key.kind)
    return make(view, context) if make else []


def _of_tenant(view: KeyView, _context: Context) -> list[Emulation]:
    total = view.total("delivered", *FINAL)
    if not total:
        return []
    attempts = view.column("delivered") + sum(view.column(name) for name in FINAL)
    volume = _representative(view, attempts)
    first = _first_of(attempts, volume) if total > volume else 0

    def counted(name: str) -> int:
        return int(view.column(name)[first:].sum()) if first else view.total(name)

    tried = max(int(attempts[first:].sum()) if first else total, LEAST_VOLUME)
    bounces = Counted(counted("bounced_address"), tried)
    complaints = Counted(counted("complained"), max(counted("delivered"), LEAST_VOLUME))
    span = f"if all of it went through one SES account; over the last {tried:,} of {volume:,} representative messages"
    return [
        SES_BOUNCES.computed(bounces, f"{span}. SES does not publish its volume and may look further back."),
        SES_COMPLAINTS.computed(
            complaints, f"{span}. SES counts only mail to providers that report complaints, so its rate is higher."
        ),
    ]


def _representative(view: KeyView, attempts: np.ndarray) -> int:
    days = (view.minutes // DAY_MS) - int(view.minutes[0]) // DAY_MS
    return max(LEAST_VOLUME, BIGGEST_DAYS * int(np.bincount(days, weights=attempts).max()))


def _first_of(attempts: np.ndarray, volume: int) -> int:
    """The newest minute from which on there are `volume` attempts; the first of all if there are not so many."""
    since = attempts[::-1].cumsum()
    return max(len(attempts) - 1 - int(np.searchsorted(since, volume)), 0)


def _at_provider(view: KeyView, context: Context) -> list[Emulation]:
    provider = view.key.key.rpartition("|")[2]
    found = []
    if provider == "yahoo" and view.total("delivered"):
        counted = Counted(view.total("complained"), view.total("delivered"))
        note = "of all delivered mail; Yahoo divides by what reached the inbox, so its rate is higher."
        found.append(YAHOO_COMPLAINTS.computed(counted, note))
    return found + (_reported(view, context) if provider in _REPORTERS else [])


def _reported(view: KeyView, context: Context) -> list[Emulation]:
    subject = view.key.key.rpartition("|")[0] or view.key.key
    provider = view.key.key.rpartition("|")[2] if "|" in view.key.key else ""
    made = (
        _READERS[name](report, context)
        for report in sorted(context.standing, key=lambda report: (report.provider, report.metric))
        for name in [(report.provider, report.metric)]
        if name in _READERS
        and subject in (report.domain, report.sending_ip)
        and provider in ("", _REPORTS_OF[name[0]])
        and report.begins_at > view.as_of - FRESH_MS
    )
    return [one for one in made if one is not None]


def _gmail(report: StandingReport, _context: Context) -> Emulation | None:
    return GMAIL_SPAM.reported(report.value, "reported by Postmaster Tools, of mail in personal Gmail inboxes.")


def _snds(report: StandingReport, _context: Context) -> Emulation | None:
    share, words = _COLOURS.get(report.text.upper(), (-1.0, ""))
    if share < 0:
        return None
    return SNDS_FILTER.reported(share, f"{report.text.lower()} in SNDS: {words}. The share itself is not told.")


def _traps(report: StandingReport, context: Context) -> Emulation | None:
    """Hits of the newest day that tells of any; the rate is 0 where the day's recipients are not told."""
    hits = int(report.value)
    if hits <= 0:
        return None
    tried = sum(
        other.value
        for other in context.standing
        if (other.metric, other.sending_ip, other.begins_at)
        == ("message_recipients", report.sending_ip, report.begins_at)
    )
    note = (
        f"{hits} {'message' if hits == 1 else 'messages'} to spam traps in a day, as SNDS counts them. It does not say"
        " which campaign: look for addresses that nobody signed up with, and stop mailing them."
    )
    return SNDS_TRAPS.reported(hits / tried if tried >= hits else 0.0, note)


_READERS: dict[tuple[str, str], Callable[[StandingReport, Context], Emulation | None]] = {
    ("postmaster", "spam_rate"): _gmail,
    ("snds", "filter_result"): _snds,
    ("snds", "trap_hits"): _traps,
}
_REPORTS_OF = {"postmaster": "gmail", "snds": "microsoft"}  # reporter -> the mailbox provider it speaks for
_REPORTERS = frozenset(_REPORTS_OF.values())
_BY_KIND: dict[str, Callable[[KeyView, Context], list[Emulation]]] = {
    KeyKind.TENANT: _of_tenant,
    KeyKind.PROVIDER: _at_provider,
    KeyKind.DOMAIN: _reported,
    KeyKind.DOMAIN_PROVIDER: _at_provider,
    KeyKind.IP: _reported,
    KeyKind.IP_PROVIDER: _at_provider,
}
