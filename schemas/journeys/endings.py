"""What begins and ends things in a journey: an event that happens, a rule that is so, and who gets in.

What happens (`event`) is an instant; what is so (`if`) is any node of a segment's rule (`schemas/segments/rules.py`),
which holds or does not hold at each instant.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from schemas.segments.conditions import Path, Strict, Where
from schemas.segments.leaves import Names, SegmentId
from schemas.segments.rules import Rule, Segment
from schemas.segments.sentences import parse_segment

RULE_ERROR = "rule"
"""Pydantic's kind of error for what is wrong with a rule; its context has the findings, placed from the rule on."""

_ALONE = "rule"  # a rule is read as a segment's


def _rule(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """The rule, read as that of a segment, so that what is wrong is said in the same words."""
    if isinstance(value, Strict):
        return read(value)
    found = parse_segment({"id": _ALONE, "tenant": "default", "rule": value}, _ALONE)
    if isinstance(found, Segment):
        return found.rule
    raise PydanticCustomError(
        RULE_ERROR, "a rule that cannot be read", {"findings": [_from_rule_on(finding) for finding in found]}
    )


def _from_rule_on(finding: Any) -> Any:
    return finding._replace(place=finding.place.removeprefix(_ALONE).removeprefix(f".{_ALONE}").removeprefix("."))


If = Annotated[Rule, WrapValidator(_rule)]


class Happens(Strict):
    """An event: one of these names, fitting `where`, and with the value that the run has as its key at `same`."""

    name: Names
    where: Where = Field(default_factory=dict)
    same: Path | None = None


class Entering(Strict):
    """The event that lets in. `key`: a path; the first value there is the run's key, without one nobody gets in."""

    name: Names
    where: Where = Field(default_factory=dict)
    key: Path | None = None


class Enter(Strict):
    """Who gets in: by an event, or by entering a segment (`on: exit`: by leaving it); and whether `again`.

    `never`: once for ever. `after_exit`: when they are not in it. `per_key`: when they are not in it with that key,
    which is meant where there is a key.
    """

    event: Entering | None = None
    segment: SegmentId | None = None
    on: Literal["enter", "exit"] = "enter"
    again: Literal["never", "after_exit", "per_key"] | None = None

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Enter:
        if (self.event is None) == (self.segment is None):
            raise ValueError("one of event and segment lets in, such as event: {name: checkout_started}")
        if self.event is not None and "on" in self.model_fields_set:
            raise ValueError("`on` belongs to `segment`; take it away")
        if self.again == "per_key" and (self.event is None or self.event.key is None):
            raise ValueError("again: per_key needs a key in `event`, such as key: cart_id")
        return self

    @property
    def policy(self) -> str:
        """`again`, or what it is where nothing is said: `per_key` if there is a key."""
        has_key = self.event is not None and self.event.key is not None
        return self.again or ("per_key" if has_key else "after_exit")


class Ending(Strict):
    """What happens, or what is so."""

    event: Happens | None = None
    if_: If | None = Field(default=None, alias="if")

    @model_validator(mode="after")
    def _is_one(self) -> Ending:
        if (self.event is None) == (self.if_ is None):
            raise ValueError("one of event (it happens) and if (it is so) is needed, such as if: {segment: vip}")
        return self
