"""The stories a run can tell: what goes wrong, where, from when on, and how rough the delivery is.

A literal registry. Moments are shares of the run (0.25: after a quarter of it). What a scenario makes
bad is what remediation may stop; stopping anything else is a false pause.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.simulator.fleet import Campaign


@dataclass(frozen=True, slots=True)
class Traits:
    """How one campaign's recipients behave: shares of its messages.

    `complaint` is the share of all delivered mail; only mailboxes with a feedback loop report it.
    Healthy values: the 2 % and 0.03 to 0.05 % that the large services call good.
    """

    unknown_user: float = 0.018
    inactive: float = 0.002
    complaint: float = 0.0004
    deferral: float = 0.03
    refusal: float = 0.002  # content and authentication
    suppressed: float = 0.003
    open: float = 0.26
    click: float = 0.14  # of those who open
    unsubscribe: float = 0.0015


@dataclass(frozen=True, slots=True)
class BadList:
    """A campaign with a bought list that begins `starts_at` into the run, at `source`."""

    source: str
    campaign: Campaign
    starts_at: float
    traits: Traits


@dataclass(frozen=True, slots=True)
class BlockedIp:
    """From `starts_at` on, the mailbox provider refuses `share` of what comes from this address."""

    source: str
    ip: str
    mailbox_provider: str
    starts_at: float
    share: float


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How rough the delivery of webhooks is: shares of posts, except `mistyped` (of events).

    `repeats`: how often a post that is repeated comes again, at most. `delay_s`: posts are held back
    up to so long (wall seconds), which puts them out of order.
    """

    duplicates: float = 0.01
    repeats: int = 1
    forged: float = 0.005
    garbage: float = 0.0
    mistyped: float = 0.0
    unreadable: float = 0.0  # of posts that carry lists: one item more that is no object
    delay_share: float = 0.02
    delay_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. At most one thing goes wrong with reputation, so that cause and effect are plain."""

    name: str
    doc: str
    bad_list: BadList | None = None
    blocked_ip: BlockedIp | None = None
    disturbance: Disturbance = Disturbance()


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("healthy", "Every list is clean and every address welcome: nothing may be paused."),
    Scenario(
        "bad-list",
        "A quarter into the run a campaign with a bought list begins: 12 % unknown users, 0.6 % complaints.",
        bad_list=BadList(
            source="sendgrid",
            campaign=Campaign("winter-clearance", "Last chance: winter clearance", "shop.atelier.example", 0.15),
            starts_at=0.25,
            traits=Traits(unknown_user=0.12, inactive=0.01, complaint=0.006, open=0.06, unsubscribe=0.006),
        ),
    ),
    Scenario(
        "blocked-ip",
        "A quarter into the run one sending address is put on Outlook's block list; the others stay welcome.",
        blocked_ip=BlockedIp("mailgun", "203.0.113.32", "microsoft", starts_at=0.25, share=0.92),
    ),
    Scenario(
        "flaky",
        "Healthy mail, rough webhooks: repeats, disorder, 5 % forged posts, garbage bodies, mistyped fields.",
        disturbance=Disturbance(
            duplicates=0.3, repeats=2, forged=0.05, garbage=0.01, mistyped=0.02, unreadable=0.02,
            delay_share=0.3, delay_s=2.0,
        ),
    ),
)  # fmt: skip


def scenario_named(name: str) -> Scenario:
    """The scenario of that name. Raises KeyError whose text lists the known names."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise KeyError(f"no scenario {name!r}; known: {', '.join(s.name for s in SCENARIOS)}")
