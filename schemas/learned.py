"""The file of learned numbers: how late complaints come, how often mail is usually refused. JSON, made by
`mailweir reputation learn`, read by everything that runs the detectors.

`version` goes into every verdict with that of the built-in numbers, so give the file another one if you edit it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import Misconfigured

_MOST = (
    100_000  # names in the file; a sender with more addresses and domains than that learns its providers' rates only
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Curve(_Strict):
    """Lognormal delays of complaints: medians between `fast_h` and `slow_h` hours, shape `sigma`."""

    fast_h: float = Field(ge=0.01, le=72)
    slow_h: float = Field(ge=0.01, le=72)
    sigma: float = Field(ge=0.3, le=3)

    @model_validator(mode="after")
    def _in_order(self) -> Curve:
        if self.slow_h < self.fast_h:
            raise ValueError("slow_h is below fast_h")
        return self


class Learned(_Strict):
    """What the detectors take in place of built-in numbers. Nothing of `base_rates` is a percentage: 0.02 is 2 %.

    `curves`: by mailbox provider. `base_rates`: usual shares of attempts that are blocked or put off because of the
    sender, by "ip|provider", "domain|provider" or provider; `base_rate` for all others.
    """

    version: str = Field(min_length=1, max_length=64, pattern=r"^[\w.+-]+$")
    curve: Curve | None = None
    curves: dict[str, Curve] = Field(default_factory=dict, max_length=_MOST)
    base_rate: float = Field(default=0.0, ge=0, le=1)
    base_rates: dict[str, float] = Field(default_factory=dict, max_length=_MOST)

    @model_validator(mode="after")
    def _are_shares(self) -> Learned:
        wrong = next((name for name, rate in self.base_rates.items() if not 0 <= rate <= 1), None)
        if wrong is not None:
            raise ValueError(f"the base rate of {wrong[:80]!r} is no share between 0 and 1")
        return self


def load_learned(path: Path, name: str) -> Learned:
    """The file at `path`; `name`: the option or variable that named it. Raises Misconfigured with place and remedy."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"{name}: {path} cannot be read ({error.strerror}); `mailweir reputation learn` writes such a file"
        ) from error
    try:
        return Learned.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise Misconfigured(f"{name}: {path}: `{place}`: {first['msg'].removeprefix('Value error, ')}") from None
