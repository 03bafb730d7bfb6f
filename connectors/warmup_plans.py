"""Warm-up plans: how much mail a new sending IP may carry at each step, as vendors publish it.

`warmup_plans.toml` has them with their sources. `streams.core.warmup` follows one; nothing here knows how far an IP
has come.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from schemas.errors import Misconfigured

FILE = Path(__file__).with_name("warmup_plans.toml")
PERIODS = ("day", "hour")
SENT_SHARE = 0.8
_FIELDS = {"title", "source", "per", "sent_share", "steps"}
_STEEPEST = 3.0  # times the step before; the steepest published is 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`steps`: messages of one IP per `per` (day or hour), rising. `sent_share` of a step's volume must have been sent
    before the next begins."""

    name: str
    title: str
    source: str
    per: str
    steps: tuple[int, ...]
    sent_share: float = SENT_SHARE


@cache
def plans() -> dict[str, Plan]:
    """All plans by name. Raises Misconfigured naming plan and field."""
    return read_plans(tomllib.loads(FILE.read_text(encoding="utf-8")))


def read_plans(data: Mapping[str, Any]) -> dict[str, Plan]:
    """The plans of a TOML file's content. Raises Misconfigured with the first thing that is wrong in it."""
    return {name: _plan(name, fields) for name, fields in data.items()}


def _plan(name: str, fields: Mapping[str, Any]) -> Plan:
    def must(field: str, sentence: str, *, holds: bool) -> None:
        if not holds:
            raise Misconfigured(f"{FILE.name}: [{name}] {field}: {sentence}")

    must("it", "is no table", holds=isinstance(fields, dict))
    unknown = sorted(set(fields) - _FIELDS)
    must(", ".join(unknown), f"unknown; known are {', '.join(sorted(_FIELDS))}", holds=not unknown)
    for field in ("title", "source"):
        said = fields.get(field)
        must(field, "say whose practice this is, and where", holds=isinstance(said, str) and bool(said))
    must("per", "expected day or hour", holds=fields.get("per") in PERIODS)
    share = fields.get("sent_share", SENT_SHARE)
    is_share = isinstance(share, float) and 0.0 < share <= 1.0
    must("sent_share", "expected a share above 0, at most 1", holds=is_share)
    steps = fields.get("steps") or ()
    must("steps", "expected a list of numbers", holds=isinstance(steps, list))
    must("steps", "expected whole numbers above 0", holds=all(type(step) is int and step > 0 for step in steps))
    for place, (one, next_) in enumerate(pairwise(steps), 2):
        must("steps", f"step {place} ({next_:,}) is not above the one before ({one:,})", holds=next_ > one)
        must("steps", f"step {place} ({next_:,}) is over {_STEEPEST:g} times {one:,}", holds=next_ <= _STEEPEST * one)
    return Plan(
        name=name, title=fields["title"], source=fields["source"], per=fields["per"], steps=tuple(steps),
        sent_share=share,
    )  # fmt: skip
