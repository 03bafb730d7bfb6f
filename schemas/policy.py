"""Policies: how far remediation may go for a tenant, as frozen models.

Precedence, first answer wins: an exemption (alert only), the first rule that names the action and the kind, the
policy's own mode. Limits and quiet hours apply to what is left. `docs/policies.md` has it with examples. What cannot
mean anything is refused here; what can be loaded but is hardly meant is found by `mailweir policy check`.
"""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.aggregates import KeyKind
from schemas.remediation import Action, Mode

EVERYONE = "*"  # the tenant of a policy or alert that is for all
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
DAY_MIN = 24 * 60


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """The mode for some actions on some kinds of keys; no list means all of them."""

    actions: list[Action] = Field(default_factory=list)
    kinds: list[KeyKind] = Field(default_factory=list)
    mode: Mode

    def matches(self, action: Action, kind: KeyKind) -> bool:
        """Does it speak about this?"""
        return (not self.actions or action in self.actions) and (not self.kinds or kind in self.kinds)


class Exemption(_Strict):
    """Keys that are never acted on, only reported: transactional mail, say. `key`: a pattern with * and ?."""

    kind: KeyKind = KeyKind.CAMPAIGN
    key: str = Field(min_length=1)

    def matches(self, key: str) -> bool:
        """Does the pattern read the whole key? Upper and lower case differ; only * and ? are special."""
        return fnmatchcase(key, self.key.replace("[", "[[]"))


class QuietHours(_Strict):
    """Hours in which only stops go out; other actions wait until they end. `start` may be later than `end`."""

    start: str
    end: str
    zone: str = "UTC"

    @field_validator("start", "end", mode="before")
    @classmethod
    def _is_time(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):  # YAML 1.1 reads 22:00 as 22 x 60
            hours, minutes = divmod(value, 60) if 60 <= value < DAY_MIN else (value % 24, 0)
            meant = f"{hours:02d}:{minutes:02d}"
            said = f'{value} is a number, which is what YAML makes of a time; put it in quotes: "{meant}"'
            raise ValueError(said)  # noqa: TRY004 - the error that pydantic takes
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError(f'{str(value)[:20]!r} is no time of day; write hours and minutes as in "22:00"')
        return value

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = difflib.get_close_matches(zone, available_timezones(), n=1)
            hint = (
                f"did you mean `{near[0]}`?" if near else "use a name of the time zone database such as Europe/Berlin"
            )
            raise ValueError(f"{zone[:40]!r} is no time zone; {hint}") from None
        return zone

    @model_validator(mode="after")
    def _has_length(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError(f"they begin and end at {self.start}, which is no time or all day; leave them out")
        return self

    @property
    def length_min(self) -> int:
        """Minutes from `start` to `end` by the clock on the wall."""
        return (_minutes(self.end) - _minutes(self.start)) % DAY_MIN


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


class Recovery(_Strict):
    """How a stopped key comes back. `is_automatic` False: only by a person.

    After `cool_down_min` minutes a share of the mail is let through (at least `canary_messages` messages) until the
    evidence speaks; then its share grows `ramp_factor` times with every clean step, at most every `step_min` minutes.
    """

    is_automatic: bool = True
    cool_down_min: int = Field(default=60, ge=1, le=7 * DAY_MIN)
    canary_share: float = Field(default=0.01, gt=0, le=1)
    canary_messages: int = Field(default=500, ge=1)
    ramp_factor: float = Field(default=1.5, gt=1, le=10)
    step_min: int = Field(default=10, ge=1, le=DAY_MIN)
    max_repauses: int = Field(default=2, ge=0, le=20)  # in seven days; one more, and only a person resumes


class Escalation(_Strict):
    """What is said again, louder, when nobody has answered: after so many minutes, so many times at most."""

    after_min: int = Field(default=30, ge=1, le=7 * DAY_MIN)
    times: int = Field(default=3, ge=1, le=100)


class Policy(_Strict):
    """How far remediation may go for one tenant ("*": every tenant without a policy of its own).

    `actions` are those that may be taken at all. Limits bound the harm of a mistake: `max_pauses_per_hour` counts
    stops, `max_paused_share` is the share of the tenant's attempts of the last day that may stand still at once.
    An approval that has not come in `approval_min` minutes comes too late. `probation_pool`: the IP pool that a
    campaign's mail goes through while it is throttled, for senders whose API can move a campaign but not slow it down.
    """

    tenant: str = EVERYONE
    version: str = "1"
    mode: Mode = Mode.SUGGEST
    actions: list[Action] = Field(default_factory=lambda: list(Action))
    rules: list[Rule] = Field(default_factory=list)
    exempt: list[Exemption] = Field(default_factory=list)
    max_pauses_per_hour: int = Field(default=10, ge=0)
    max_paused_share: float = Field(default=1.0, gt=0, le=1)
    quiet_hours: QuietHours | None = None
    recovery: Recovery = Recovery()
    escalation: Escalation | None = None
    approval_min: int = Field(default=DAY_MIN, ge=1, le=30 * DAY_MIN)
    probation_pool: str = Field(default="", max_length=100)

    @field_validator("tenant")
    @classmethod
    def _is_name(cls, tenant: str) -> str:
        return tenant_or_everyone(tenant)

    def mode_of(self, action: Action, kind: KeyKind) -> Mode:
        """The mode for this action on this kind of key."""
        return next((rule.mode for rule in self.rules if rule.matches(action, kind)), self.mode)

    def is_exempt(self, kind: KeyKind, key: str) -> bool:
        """Is this key only ever reported? A campaign at a provider goes with its campaign."""
        parts = {(kind, key)}
        if "|" in key:
            parts.add((_NARROWED.get(kind, kind), key.rpartition("|")[0]))
        return any(other == item.kind and item.matches(name) for item in self.exempt for other, name in parts)


_NARROWED = {
    KeyKind.CAMPAIGN_PROVIDER: KeyKind.CAMPAIGN,
    KeyKind.IP_PROVIDER: KeyKind.IP,
    KeyKind.DOMAIN_PROVIDER: KeyKind.DOMAIN,
}


def tenant_or_everyone(tenant: str) -> str:
    """The name as it is. Raises ValueError when no tenant can have it."""
    if tenant != EVERYONE and not _NAME.fullmatch(tenant):
        raise ValueError(f'{tenant[:80]!r} is no tenant\'s name; "*" means every tenant')
    return tenant
