"""Conditions on one value: of an event's property or a recipient's trait.

`where: {products.sku: {eq: "X-100"}}`. A path goes through objects by key; through a list it goes into every item, so
it may lead to several values; a list in a list is not gone through, and null is no value. `eq`, `in`, `gt`, `contains`
and the like hold when *one* of the values fits all of them; `ne`, `not_in` and `exists: false` hold when *none* is so,
also when there is no value at all. A value of another type never fits: the text "5" is not the number 5, true is no
number. Numbers are doubles. A bare value means `eq`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from schemas.segments.instants import Instant

_PATH = re.compile(r"[A-Za-z_$][\w$-]*(\.[\w$-]+)*")
Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
Number = StrictInt | StrictFloat
MOST_PATH = 200
MOST_COUNT = 1_000
MOST_VALUES = 1_000  # of one `in`: a longer list belongs into a trait or another segment


def path_of(value: Any) -> str:
    """A path that can be followed. Raises ValueError."""
    if not isinstance(value, str) or not _PATH.fullmatch(value) or len(value) > MOST_PATH:
        raise ValueError(f"{str(value)[:40]!r} is no path; write keys with dots between them, such as products.sku")
    return value


Path = Annotated[
    str,
    BeforeValidator(path_of),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATH.pattern}$", "maxLength": MOST_PATH}),
]


class Strict(BaseModel):
    """Base of all that a rule consists of."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Near(Strict):
    """Within `km` of a place on the great circle; the value is an object with `lat` and `lon` in degrees (WGS 84)."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    km: float = Field(gt=0, le=20_038)


class Condition(Strict):
    """What is asked of a value; several are all asked of one and the same value.

    `gt` ... `lte` compare numbers, `before` and `after` times: RFC 3339 text (a date alone is its midnight; no offset
    means UTC), or a number: seconds since 1970, from 1e11 on milliseconds; in whole milliseconds, years 1 to 9999.
    `contains` looks for a part of a text; upper and lower case differ everywhere.
    """

    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: tuple[Scalar, ...] | None = Field(default=None, alias="in", min_length=1, max_length=MOST_VALUES)
    not_in: tuple[Scalar, ...] | None = Field(default=None, min_length=1, max_length=MOST_VALUES)
    gt: Number | None = None
    gte: Number | None = None
    lt: Number | None = None
    lte: Number | None = None
    contains: StrictStr | None = Field(default=None, min_length=1)
    starts_with: StrictStr | None = Field(default=None, min_length=1)
    ends_with: StrictStr | None = Field(default=None, min_length=1)
    before: Instant | None = None
    after: Instant | None = None
    near: Near | None = None
    exists: StrictBool | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_value_means_eq(cls, value: Any) -> Any:
        return {"eq": value} if isinstance(value, (str, int, float, bool)) else value

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        if not self.asked:
            raise ValueError("nothing is asked of the value; write a value, or for example {gte: 100}")
        return self

    @property
    def asked(self) -> dict[str, Any]:
        """The operators that are set, by the names they have in a rule."""
        return {
            (name.rstrip("_")): value for name in type(self).model_fields if (value := getattr(self, name)) is not None
        }


class Amount(Strict):
    """Bounds of a number: `{gte: 3}`, `{gt: 0, lt: 10}`; a bare number means `eq`."""

    eq: Number | None = None
    gt: Number | None = None
    gte: Number | None = None
    lt: Number | None = None
    lte: Number | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_number_means_eq(cls, value: Any) -> Any:
        return {"eq": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _says_something(self) -> Amount:
        if not self.asked:
            raise ValueError("no bound is given; write for example {gte: 3}")
        return self

    @property
    def asked(self) -> dict[str, int | float]:
        """The bounds that are set."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    def holds(self, number: float) -> bool:
        """Is the number within all bounds?"""
        return (
            (self.eq is None or number == self.eq)
            and (self.gt is None or number > self.gt)
            and (self.gte is None or number >= self.gte)
            and (self.lt is None or number < self.lt)
            and (self.lte is None or number <= self.lte)
        )


class Count(Amount):
    """Bounds of how many."""

    @field_validator("eq", "gt", "gte", "lt", "lte")
    @classmethod
    def _is_count(cls, value: Number | None) -> Number | None:
        if value is not None and (value != int(value) or not 0 <= value <= MOST_COUNT):
            raise ValueError(f"{value} is no count; write a whole number from 0 to {MOST_COUNT}")
        return value


Where = dict[Path, Condition]
"""Conditions by path; all must hold."""
