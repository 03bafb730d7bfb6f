"""The bounce rules, read from `bounce_rules.toml`: what each asks for, and the order they are tried in.

How a rule is written is at the top of that file; `bounces.py` folds replies and asks the rules.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from connectors.phrases import PhraseIndex
from schemas.events import BounceAction, BounceReason, BounceScope, Permanence

_FILE = Path(__file__).with_name("bounce_rules.toml")


@dataclass(frozen=True, slots=True)
class Reason:
    """What a reason implies. `is_fixed`: its permanence holds whatever the code says."""

    scope: BounceScope
    permanence: Permanence
    action: BounceAction
    is_fixed: bool


class Text(NamedTuple):
    """A folded reply and the rules' phrases in it."""

    words: str
    phrases: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: matches when every condition it states holds for the folded reply.

    `any_of`, `all_of`, `none_of`: phrases; `pattern`: a regular expression that must be found;
    `statuses`: enhanced statuses ("x.7.26" stands for either class); `smtp_class`: 4 or 5, 0 for both.
    `is_general`: for anybody's words, matched against the reply without URLs and names of hosts.
    """

    name: str
    reason: BounceReason
    any_of: frozenset[str]
    all_of: frozenset[str]
    none_of: frozenset[str]
    pattern: re.Pattern[str] | None
    statuses: frozenset[str]
    smtp_class: int
    scope: BounceScope | None
    permanence: Permanence | None
    action: BounceAction | None
    confidence: float
    examples: tuple[str, ...]
    is_general: bool

    def matches(self, text: Text, status: str, smtp_class: int) -> bool:
        """Whether the folded reply with its enhanced status and class (4, 5 or 0) is this rule's."""
        if self.smtp_class and smtp_class and self.smtp_class != smtp_class:
            return False
        if self.statuses and status not in self.statuses and f"x{status[1:]}" not in self.statuses:
            return False
        return (
            (not self.any_of or not self.any_of.isdisjoint(text.phrases))
            and self.all_of <= text.phrases
            and self.none_of.isdisjoint(text.phrases)
            and (self.pattern is None or self.pattern.search(text.words) is not None)
        )


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything in `bounce_rules.toml`. `statuses` by "subject.detail" or "subject", `codes` by code."""

    reasons: dict[BounceReason, Reason]
    rules: tuple[Rule, ...]
    phrases: PhraseIndex
    statuses: dict[str, tuple[BounceReason, float]]
    codes: dict[str, tuple[BounceReason, float]]
    blocklists: tuple[tuple[str, tuple[str, ...]], ...]


@cache
def rule_book() -> RuleBook:
    """The rules, read once. Raises ValueError for an unknown reason or two rules of one id."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    own, general = data["rule"], data["general"]
    rules = tuple(_rule(item, is_general=index >= len(own)) for index, item in enumerate((*own, *general)))
    names = [rule.name for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{_FILE.name}: two rules are called {twice[0]!r}")
    return RuleBook(
        reasons={
            BounceReason(name): Reason(
                BounceScope(item["scope"]), Permanence(item["permanence"]), BounceAction(item["action"]), item["fixed"]
            )
            for name, item in data["reason"].items()
        },
        rules=rules,
        phrases=PhraseIndex(p for rule in rules for p in rule.any_of | rule.all_of | rule.none_of),
        statuses={key: (BounceReason(reason), weight) for key, (reason, weight) in data["status"].items()},
        codes={key: (BounceReason(reason), weight) for key, (reason, weight) in data["code"].items()},
        blocklists=tuple((name, tuple(marks)) for name, marks in data["blocklist"].items()),
    )


def _rule(item: dict[str, Any], *, is_general: bool) -> Rule:
    return Rule(
        name=item["id"],
        reason=BounceReason(item["reason"]),
        any_of=frozenset(item.get("any", ())),
        all_of=frozenset(item.get("all", ())),
        none_of=frozenset(item.get("none", ())),
        pattern=re.compile(item["pattern"]) if "pattern" in item else None,
        statuses=frozenset(item.get("status", ())),
        smtp_class=item.get("class", 0),
        scope=BounceScope(item["scope"]) if "scope" in item else None,
        permanence=Permanence(item["permanence"]) if "permanence" in item else None,
        action=BounceAction(item["action"]) if "action" in item else None,
        confidence=item.get("confidence", 0.9),
        examples=tuple(item["examples"]),
        is_general=is_general,
    )
