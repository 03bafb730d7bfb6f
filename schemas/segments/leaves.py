"""The leaves of a rule: what is asked of a recipient.

Each is true or false at an instant T (ms, UTC) by the recipient's facts with `at` <= T and `known_at` <= K, each event
id once (as known first), in the order of (`at`, `event_id`): M(u, T, K). Who has none fits no rule, not even a `not`.
How facts are named is `streams/core/segments/fact.py`.

Windows are half-open: `within: 30d` is (T - 30 d, T]; `between: [90d, 30d]` is (T - 90 d, T - 30 d]; `since` is from
that instant on, `before` up to it and without it. No window: all that is known.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema, model_validator

from schemas.segments.conditions import Amount, Condition, Count, Path, Strict, Where
from schemas.segments.durations import Duration
from schemas.segments.instants import Instant
from schemas.segments.names import snake

DAY_MS = 86_400_000
MOST_MESSAGES = 50  # that `last_messages` looks back
MOST_PERIODS = 60
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
MOST_NAMES = 100
_LONGEST_NAME = 100
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _names(value: Any) -> Any:
    """One name or several, as a sorted tuple."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not given:
        raise ValueError("expected the name of an event or a list of names, such as order_completed")
    if len(given) > MOST_NAMES:
        raise ValueError(f"{len(given)} names are more than {MOST_NAMES}; make several nodes of them under any")
    return tuple(sorted({_name(name) for name in given}))


def _name(name: Any) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        return name
    meant = (snake(name[:_LONGEST_NAME]) if isinstance(name, str) else "") or "order_completed"
    raise ValueError(f"{str(name)[:40]!r} is no name of an event; names are small letters, digits and _: write {meant}")


@cache  # reading them takes 10 ms
def _zones() -> set[str]:
    return available_timezones()


def _zone(value: Any) -> Any:
    if value != "recipient" and value not in _zones():
        raise ValueError(f"{str(value)[:40]!r} is no time zone; write recipient, UTC or a name such as Europe/Berlin")
    return value


_ONE_NAME: dict[str, Any] = {"type": "string", "pattern": f"^{_NAME.pattern}$", "maxLength": _LONGEST_NAME}
_SOME_NAMES = {"type": "array", "items": _ONE_NAME, "minItems": 1, "maxItems": MOST_NAMES}
Name = Annotated[str, BeforeValidator(_name), WithJsonSchema(_ONE_NAME)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), WithJsonSchema({"anyOf": [_ONE_NAME, _SOME_NAMES]})]
Zone = Annotated[str, BeforeValidator(_zone)]
SegmentId = Annotated[str, Field(pattern=f"^{_ID.pattern}$")]


class Window(Strict):
    """Which part of the time counts; at most one of these, except `since` with `before`."""

    within: Duration | None = None
    between: tuple[Duration, Duration] | None = None
    since: Instant | None = None
    before: Instant | None = None

    @model_validator(mode="after")
    def _is_one_window(self) -> Window:
        given = [name for name in ("within", "between", "since", "before") if getattr(self, name) is not None]
        if len(given) > 1 and set(given) != {"since", "before"}:
            raise ValueError(f"{' and '.join(given)} contradict each other; keep one of them")
        if self.between is not None and self.between[0] <= self.between[1]:
            raise ValueError("between begins with the longer time, such as [90d, 30d]: from 90 to 30 days ago")
        if self.since is not None and self.before is not None and self.since >= self.before:
            raise ValueError("since is not earlier than before, so nothing can lie between them")
        return self


class Unless(Strict):
    """What takes an event back: another one with the same first value at `same`, whenever it happened (up to T)."""

    name: Names
    same: Path
    where: Where = Field(default_factory=dict)


class Events(Window):
    """Which events are meant: by name, by conditions, by time, and not taken back."""

    name: Names
    where: Where = Field(default_factory=dict)
    unless: Unless | None = None


class Done(Events):
    """How often the events happened: at least once unless `count` says otherwise; `count: 0` is never."""

    count: Count = Field(default_factory=lambda: Count(gte=1))


class Pick(Window):
    """The first or the last event of these names in the window exists and fits `where`."""

    name: Names
    where: Where = Field(default_factory=dict)


class Aggregate(Events):
    """A number made of the property `of` of the events: its sum, mean, least, greatest, or how many different values.

    The first value at the path is taken. Only numbers up to 1e12 count, to a millionth; for `distinct` texts,
    numbers and truth values do, as they are. Of nothing the sum is 0 and `distinct` 0; the others have no value: no
    bound fits.
    """

    fn: Literal["sum", "avg", "min", "max", "distinct"]
    of: Path
    is_: Amount = Field(alias="is")


class Regularly(Strict):
    """In each of the last `periods` stretches of length `every`, counted back from T, the events happened so often."""

    name: Names
    where: Where = Field(default_factory=dict)
    every: Duration
    periods: int = Field(ge=1, le=MOST_PERIODS)
    count: Count = Field(default_factory=lambda: Count(gte=1))


class Step(Strict):
    """An event of a sequence."""

    name: Names
    where: Where = Field(default_factory=dict)


class Sequence(Strict):
    """A `first` event A, and then, later than A and at most `within` after it, an event B - or its absence.

    With `then`: there is an A with such a B. With `without`: there is an A with no such B, and the time for it is over
    (T >= A + `within`); for `expire_after` more (T < A + `within` + `expire_after`), or for ever. `same`: a path whose
    first values must be equal in A and B; an event without one is neither.
    """

    first: Step
    then: Step | None = None
    without: Step | None = None
    same: Path | None = None
    within: Duration
    expire_after: Duration | None = None

    @model_validator(mode="after")
    def _has_one_end(self) -> Sequence:
        if (self.then is None) == (self.without is None):
            raise ValueError("a sequence has either then (B follows A) or without (B does not follow)")
        return self


Reaction = Literal["opened", "clicked", "opened_any", "clicked_any", "complained", "unsubscribed"]
"""`opened` and `clicked` are people's; with `_any` machines' count too."""


class LastMessages(Strict):
    """Of the last `n` messages delivered: `none`, `any` (at least one) or `all` of them had one of these reactions.

    `category`: only messages of this stream, or with this tag. A message counts once `mature_after` has passed since it
    was delivered first; it is known by its `message_id`. Who got fewer than `n` does not fit, unless `fewer` is true:
    then all that there are, one at least.
    """

    n: int = Field(ge=1, le=MOST_MESSAGES)
    category: str | None = Field(default=None, min_length=1)
    none: tuple[Reaction, ...] | None = Field(default=None, min_length=1)
    any: tuple[Reaction, ...] | None = Field(default=None, min_length=1)
    all: tuple[Reaction, ...] | None = Field(default=None, min_length=1)
    mature_after: Duration | None = None
    fewer: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def _one_reaction_is_a_list(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: [v] if k in ("none", "any", "all") and isinstance(v, str) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _asks_one_thing(self) -> LastMessages:
        given = [name for name in ("none", "any", "all") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("last_messages asks for one of none, any, all, such as none: opened")
        return self


class Trait(Strict):
    """The newest value of a trait fits; with `for_at_least` it has fitted that long without a break.

    A fact replaces the whole of a trait that it names: of `address.city` all of `address`. Before it was ever set a
    trait has no value. Each fact's value counts as a break if it does not fit, be it for no time.
    """

    path: Path
    is_: Condition = Field(alias="is")
    for_at_least: Duration | None = None


class Date(Strict):
    """A trait whose first value is a time lies ahead or back.

    `in_next: D` is (T, T + D], `ahead: D` later than that; `in_last: D` is (T - D, T], `over: D` up to T - D.
    """

    trait: Path
    in_next: Duration | None = None
    in_last: Duration | None = None
    over: Duration | None = None
    ahead: Duration | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Date:
        given = [name for name in ("in_next", "in_last", "over", "ahead") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("date asks for one of in_next, in_last, over, ahead, such as in_next: 3d")
        return self


class Anniversary(Strict):
    """Today is one of the days from `days_before` the day of the trait's date to `days_after` it, in any year.

    `zone`: whose today; `recipient` takes the trait `time_zone`, UTC where there is none. 29 February counts as the
    28th in other years. The date's own year, and those before, count as well. The day is the one that the text has,
    whatever its offset; of a number the one in UTC.
    """

    trait: Path
    days_before: int = Field(default=0, ge=0, le=180)
    days_after: int = Field(default=0, ge=0, le=180)
    zone: Zone = "UTC"


class Consent(Strict):
    """The newest word on a purpose.

    That is an opt-in or opt-out by mail (for its stream; "marketing" where it has none), or a `privacy` event with the
    properties `purpose` and `granted` (true or false).
    """

    purpose: str = Field(min_length=1)
    is_: Literal["granted", "denied", "unknown"] = Field(alias="is")


class Bucket(Strict):
    """A share of all recipients, the same ones always.

    The first 52 bits of SHA-256 over `salt:recipient_key`, as a number in [0, 1), lie in [from, to).
    """

    salt: str = Field(min_length=1)
    from_: float = Field(alias="from", ge=0, le=1)
    to: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _has_width(self) -> Bucket:
        if self.from_ >= self.to:
            raise ValueError("from is not below to, so nobody is in the bucket; write for example from: 0, to: 0.5")
        return self


class Engagement(Strict):
    """A score of what people did with their mail: a weight for each event, halved with every `half_life`.

    It counts to a billionth, so that the order of summing does not matter.
    """

    is_: Amount = Field(alias="is")
    half_life: Duration = 30 * DAY_MS
    weights: dict[Name, float] = Field(
        default_factory=lambda: {"email_opened": 1.0, "email_clicked": 3.0}, min_length=1, max_length=20
    )


class InSegment(Strict):
    """The recipient is in that segment (now, not as it was when something happened)."""

    in_: SegmentId = Field(alias="in")

    @model_validator(mode="before")
    @classmethod
    def _bare_id(cls, value: Any) -> Any:
        return {"in": value} if isinstance(value, str) else value
