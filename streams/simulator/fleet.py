"""Who sends: two organisations, four sending services, their addresses, domains and campaigns.

A literal table. Addresses are from the documentation ranges (RFC 5737), domains end in `.example`
(RFC 2606). Weights are shares of all messages; they need not sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Campaign:
    """One mailing. `weight`: its share of the fleet's messages while it runs. `category`: a tag of its mails."""

    name: str
    subject: str
    domain: str  # the sending domain
    weight: float
    category: str = "marketing"


@dataclass(frozen=True, slots=True)
class Sender:
    """One configured source: a tenant's account at a sending service."""

    source: str  # the last part of the webhook's URL
    provider: str
    tenant: str
    ips: tuple[str, ...]
    campaigns: tuple[Campaign, ...]
    tracks_engagement: bool = True  # an MTA reports neither opens nor clicks


SHOP_TENANT = "atelier"  # has a shop, and customers who get several of its mails

FLEET: tuple[Sender, ...] = (
    Sender(
        "sendgrid",
        "sendgrid",
        "atelier",
        ("198.51.100.11", "198.51.100.12", "198.51.100.13"),
        (
            Campaign("spring-lookbook", "The spring lookbook is here", "news.atelier.example", 0.16),
            Campaign("loyalty-points", "Your points this month", "news.atelier.example", 0.14),
            Campaign("order-updates", "Your order is on its way", "shop.atelier.example", 0.14, "transactional"),
        ),
    ),
    Sender(
        "kumomta",
        "kumomta",
        "harbour",
        ("192.0.2.21", "192.0.2.22", "192.0.2.23"),
        (
            Campaign("daily-briefing", "Your briefing for today", "brief.harbour.example", 0.16),
            Campaign("account-notices", "A notice about your account", "post.harbour.example", 0.12, "transactional"),
            Campaign("weekend-reading", "Five long reads", "brief.harbour.example", 0.10),
        ),
        tracks_engagement=False,
    ),
    Sender(
        "mailgun",
        "mailgun",
        "atelier",
        ("203.0.113.31", "203.0.113.32"),
        (
            Campaign("welcome-series", "Welcome to Atelier", "hello.atelier.example", 0.08),
            Campaign("back-in-stock", "It is back", "hello.atelier.example", 0.07),
        ),
    ),
    Sender(
        "ses",
        "ses",
        "harbour",
        ("203.0.113.41", "203.0.113.42"),
        (
            Campaign("receipts", "Your receipt", "pay.harbour.example", 0.05, "transactional"),
            Campaign("renewal-reminder", "Your subscription renews soon", "pay.harbour.example", 0.03, "transactional"),
        ),
    ),
)


def sender_of(source: str) -> Sender:
    """The sender behind a source. Raises KeyError for a name that is not in the fleet."""
    for sender in FLEET:
        if sender.source == source:
            return sender
    raise KeyError(source)
