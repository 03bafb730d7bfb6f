"""What is odd about a policy's rules and exemptions, and the form in which it is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.aggregates import KeyKind
from schemas.policy import Exemption, Rule
from schemas.remediation import Action
from streams.core.remediation.policy_reach import Pair, Scope, pairs_of, possible

_PAIRED = frozenset({KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is odd: its place in the file and a sentence that says what to do."""

    place: str
    sentence: str
    is_error: bool


def error(place: str, sentence: str) -> Finding:
    """What can never work as written."""
    return Finding(place=place, sentence=sentence, is_error=True)


def warning(place: str, sentence: str) -> Finding:
    """What works, but is hardly meant."""
    return Finding(place=place, sentence=sentence, is_error=False)


def rules(scope: Scope) -> Iterator[Finding]:
    """Rules that are never used, whole or in part."""
    taken: frozenset[Pair] = frozenset()
    for index, rule in enumerate(scope.policy.rules):
        place, named = f"{scope.place}.rules[{index}]", pairs_of(rule)
        meant = named & scope.possible
        forbidden = [action for action in rule.actions if action not in scope.policy.actions]
        if not meant:
            yield error(place, f"is never used: {_never_done(scope, rule)}")
        elif forbidden and len(forbidden) == len(rule.actions):
            yield error(place, f"is never used: {_join(forbidden)} is not in this policy's `actions`; add it there")
        elif meant <= taken:
            yield error(place, f"is never used: {_before(scope, index, meant)} answers first; put this rule above")
        elif forbidden:
            yield warning(f"{place}.actions", f"{_join(forbidden)} is not in this policy's `actions`, so never done")
        taken |= meant


def _never_done(scope: Scope, rule: Rule) -> str:
    kinds = rule.kinds or list(KeyKind)
    done = sorted({action for action, kind in scope.possible if kind in kinds}, key=list(Action).index)
    if not rule.kinds:
        return f"mailweir decides {_join(rule.actions)} about no kind of key"
    return f"{_join(rule.actions)} is never done to {_join(rule.kinds)}; what is: {', '.join(done)}"


def _before(scope: Scope, index: int, meant: frozenset[Pair]) -> str:
    """The earlier rules that take what this one means."""
    places = [f"rules[{i}]" for i, rule in enumerate(scope.policy.rules[:index]) if pairs_of(rule) & meant]
    return _join(places)


def exemptions(scope: Scope) -> Iterator[Finding]:
    """Exemptions that take everything out, or nothing."""
    listed = scope.policy.exempt
    for index, item in enumerate(listed):
        place = f"{scope.place}.exempt[{index}]"
        wider = next(
            (i for i, other in enumerate(listed) if i != index and _holds(other, item, is_later=i > index)), None
        )
        if _is_all(item):
            yield error(
                f"{place}.key",
                f"{item.key!r} takes out every {item.kind}, so nothing is ever done about one; name those you mean,"
                " or use the mode suggest",
            )
        elif item.kind in _PAIRED and not set("|*?") & set(item.key):
            yield error(
                f"{place}.key",
                f"never matches: a key of the kind {item.kind} reads `name|provider`, as in '{item.key}|*'",
            )
        elif wider is not None:
            yield warning(place, f"is not needed: exempt[{wider}] takes out the same and more")
        elif {action for action, kind in possible() if kind in _with_narrower(item.kind)} == {Action.ALERT}:
            yield warning(f"{place}.kind", f"a key of the kind {item.kind} is only ever alerted about; nothing changes")


def _is_all(item: Exemption) -> bool:
    """Does it match whatever is not empty?"""
    parts = item.key.split("|", 1) if item.kind in _PAIRED else [item.key]
    return all(set(part) <= {"*", "?"} and "*" in part and part.count("?") <= 1 for part in parts)


def _holds(wide: Exemption, narrow: Exemption, *, is_later: bool) -> bool:
    """Does `wide` match all that `narrow` does? Of two that are the same the first stays."""
    if wide.kind != narrow.kind or "?" in narrow.key or _is_all(wide):
        return False
    return wide.matches(narrow.key) and not (is_later and wide.key == narrow.key)


def _with_narrower(kind: KeyKind) -> set[KeyKind]:
    """The kind and its pairs with a provider, which go with it."""
    pair = f"{kind}_provider"
    return {kind} | ({KeyKind(pair)} if pair in set(KeyKind) else set())


def _join(words: list[str] | list[Action] | list[KeyKind]) -> str:
    return " and ".join(words)
