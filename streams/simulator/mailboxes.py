"""Who receives: mailbox providers with their share of a European list, invented people, their readers.

Every address is invented and ends in a real mailbox domain only so that provider maps are exercised;
nothing is ever sent there. Shares and reader habits are plausible round figures, not measurements.
Gmail sends no feedback-loop reports, so its users never complain here (`has_feedback_loop`).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox domain: `provider` as control calls name it, `weight` its share of every list."""

    provider: str
    domain: str
    mx_host: str
    weight: float
    has_feedback_loop: bool


MAILBOXES: tuple[Mailbox, ...] = (
    Mailbox("gmail", "gmail.com", "gmail-smtp-in.l.google.com", 0.33, has_feedback_loop=False),
    Mailbox("microsoft", "outlook.com", "outlook-com.olc.protection.outlook.com", 0.12, has_feedback_loop=True),
    Mailbox("microsoft", "hotmail.com", "hotmail-com.olc.protection.outlook.com", 0.10, has_feedback_loop=True),
    Mailbox("yahoo", "yahoo.com", "mta5.am0.yahoodns.net", 0.10, has_feedback_loop=True),
    Mailbox("apple", "icloud.com", "mx01.mail.icloud.com", 0.10, has_feedback_loop=True),
    Mailbox("gmx", "gmx.net", "mx00.gmx.net", 0.07, has_feedback_loop=True),
    Mailbox("orange", "orange.fr", "smtp-in.orange.fr", 0.06, has_feedback_loop=True),
    Mailbox("other", "harbourside-joinery.example", "mx.harbourside-joinery.example", 0.04, has_feedback_loop=True),
    Mailbox("other", "lindqvist-partners.example", "mx1.lindqvist-partners.example", 0.04, has_feedback_loop=True),
    Mailbox("other", "uni-westmoor.example", "mail.uni-westmoor.example", 0.04, has_feedback_loop=True),
)
PROVIDERS = frozenset(box.provider for box in MAILBOXES)
FEEDBACK_SHARE = sum(box.weight for box in MAILBOXES if box.has_feedback_loop)

_FIRST = (
    "anna", "ben", "carla", "david", "elena", "farid", "greta", "hugo", "ines", "jonas",
    "katja", "luca", "marie", "nils", "olga", "paul", "rosa", "sami", "tara", "viktor",
)  # fmt: skip
_LAST = (
    "abel", "berg", "costa", "dupont", "eriksen", "fischer", "garcia", "haas",
    "ito", "jansen", "keller", "lopez", "moreau", "novak", "okafor", "pereira", "rossi",
)  # fmt: skip
_CUMULATIVE = tuple(sum(box.weight for box in MAILBOXES[: n + 1]) for n in range(len(MAILBOXES)))


class Customer(NamedTuple):
    """Somebody who gets several mails, and visits the shop."""

    address: str
    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class Agent:
    """What fetches a pixel or a link. `bot`: the label that Mailgun gives it ("" for people)."""

    user_agent: str
    network: str  # the first three octets of its addresses
    is_machine: bool
    bot: str


_CHROME = Agent(
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "203.0.113",
    is_machine=False,
    bot="",
)
_IPHONE = Agent(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "198.18.7",
    is_machine=False,
    bot="",
)
_GMAIL = Agent(
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "66.249.84",
    is_machine=False,
    bot="gmail",
)
APPLE_PRIVACY = Agent("Mozilla/5.0", "104.28.42", is_machine=True, bot="apple")
LINK_SCANNER = Agent(
    "Mozilla/5.0 (X11; Linux x64) HeadlessChrome/138.0.0.0 Safari/537.36", "198.18.200", is_machine=True, bot="generic"
)


def pick_mailbox(rng: Random) -> Mailbox:
    """A mailbox domain by its share."""
    draw = rng.random() * _CUMULATIVE[-1]
    return next(box for box, edge in zip(MAILBOXES, _CUMULATIVE, strict=True) if draw <= edge)


def pick_address(rng: Random, mailbox: Mailbox) -> str:
    """An invented address at the mailbox domain, in lower case."""
    return f"{rng.choice(_FIRST)}.{rng.choice(_LAST)}{rng.randrange(10_000)}@{mailbox.domain}"


def pick_customers(rng: Random, count: int) -> tuple[Customer, ...]:
    """So many people, each with one mailbox for ever."""
    mailboxes = [pick_mailbox(rng) for _ in range(count)]
    return tuple(Customer(pick_address(rng, mailbox), mailbox) for mailbox in mailboxes)


def opening_agent(rng: Random, mailbox: Mailbox) -> Agent:
    """What a person at this mailbox opens mail with."""
    if mailbox.provider == "gmail":
        return _GMAIL
    return clicking_agent(rng)


def clicking_agent(rng: Random) -> Agent:
    """What a person follows a link with."""
    return _CHROME if rng.random() < 0.55 else _IPHONE
