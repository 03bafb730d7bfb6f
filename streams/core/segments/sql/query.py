"""A rule as one SELECT of the recipients for whom it holds.

One pass over the facts: each leaf is a column, aggregated over a recipient's facts; the tree is a condition on these
columns. Who has any fact by now is asked, also where a rule is about what did not happen. ClickHouse 24.8 or newer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import Misconfigured
from schemas.segments.rules import NODES, NotNode, Rule, SegmentNode
from streams.core.segments.sql import events, recipients
from streams.core.segments.sql.draft import Draft
from streams.core.segments.sql.facts import stored
from streams.core.segments.sql.functions import used_in

Facts = Callable[[Collection[str]], str]
SAMPLE = 10
MOST_DEPTH = 100  # of nodes in nodes and segments in segments: a cycle is found there


@dataclass(frozen=True, slots=True)
class Query:
    """`text` has placeholders for `parameters`, and for `tenant`, `now` and `known` (ms)."""

    text: str
    parameters: Mapping[str, Any]

    def at(self, tenant: str, now_ms: int, known_ms: int | None = None) -> dict[str, Any]:
        """All parameters, to ask for M(u, `now_ms`, `known_ms`); None: as known at `now_ms`."""
        known = now_ms if known_ms is None else known_ms
        return {**self.parameters, "tenant": tenant, "now": now_ms, "known": known}

    @property
    def counting(self) -> str:
        """The text of a query for how many there are, and the first ten of them."""
        return f"SELECT count(), groupArray({SAMPLE})(recipient_key)\nFROM\n(\n{_indented(self.text, 4)}\n)"


def compile_sql(rule: Rule, segments: Mapping[str, Rule] | None = None, facts: Facts = stored) -> Query:
    """The query for a rule; `segments` are those that it may name, `facts` gives a SELECT like `stored`.

    Raises Misconfigured where segments name one another in a circle.
    """
    draft = Draft(segments or {})
    condition = _condition(rule, draft, 0)
    columns = "".join(f",\n        {aggregate} AS {name}" for aggregate, name in draft.columns.items())
    functions = used_in(condition + columns)
    text = _TEXT.format(
        functions="".join(f"    ({body}) AS {name},\n" for name, body in functions.items()),
        columns=columns,
        facts=_indented(facts(draft.properties), 8),
        condition=condition,
    )
    return Query(text, draft.parameters)


_TEXT = """WITH
{functions}    {{now:Int64}} AS instant
SELECT recipient_key
FROM
(
    SELECT
        recipient_key{columns}
    FROM
    (
{facts}
    )
    WHERE at <= instant
    GROUP BY recipient_key
)
WHERE {condition}
ORDER BY recipient_key"""


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def _condition(rule: Rule, draft: Draft, depth: int) -> str:
    if depth > MOST_DEPTH:
        raise Misconfigured("the rule is too deep, or its segments name one another in a circle; take one of them out")
    if isinstance(rule, NotNode):
        return f"NOT {_condition(rule.not_, draft, depth + 1)}"
    if isinstance(rule, SegmentNode):
        found = draft.segments.get(rule.segment.in_)
        return "0" if found is None else _condition(found, draft, depth + 1)
    kind = next(kind for kind, node in NODES.items() if type(rule) is node)
    if kind in _JOINED:
        line = "\n" + "    " * depth
        parts = (_condition(each, draft, depth + 1) for each in getattr(rule, kind))
        return f"({line}    {f'{line}    {_JOINED[kind]} '.join(parts)}{line})"
    return f"({_LEAVES[kind](getattr(rule, kind), draft)})"


_JOINED = {"all": "AND", "any": "OR"}
_LEAVES: dict[str, Callable[[Any, Draft], str]] = {
    "event": events.done,
    "first": lambda leaf, draft: events.picked("argMinIf", leaf, draft),
    "latest": lambda leaf, draft: events.picked("argMaxIf", leaf, draft),
    "aggregate": events.aggregate,
    "regularly": events.regularly,
    "sequence": events.sequence,
    "last_messages": recipients.last_messages,
    "trait": recipients.trait,
    "date": recipients.date,
    "anniversary": recipients.anniversary,
    "consent": recipients.consent,
    "suppressed": lambda is_wanted, draft: f"{recipients.suppressed(draft)} = {int(is_wanted)}",
    "known_for": recipients.known_for,
    "bucket": recipients.bucket,
    "engagement": events.engagement,
}
