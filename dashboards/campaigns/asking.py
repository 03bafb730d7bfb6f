"""What a campaign's report asks the store: which campaign is meant, then everything about it. Pure.

The command line and the console ask the same; each puts the answers into `report.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.campaigns.words import clean
from dashboards.decisions import FOREVER_MS
from dashboards.queries import NamedQuery, query
from schemas.rulings import RefusedError

Row = Mapping[str, Any]

_MOST_KNOWN = 5_000  # campaigns among which the nearest is looked for
_MOST_NAMED = 3
_STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800)
_MOST_STEPS = 120  # that a chart as wide as a page can show
_MOST_ID = 200  # as a named query takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which campaign, whose ("": whoever has it), and which events: `from_ms` inclusive, `to_ms` exclusive."""

    campaign: str
    tenant: str = ""
    from_ms: int = 0
    to_ms: int = FOREVER_MS


@dataclass(frozen=True, slots=True)
class Question:
    """A named query with what to give it; `name` is how its answer is called."""

    name: str
    named: NamedQuery
    given: Mapping[str, int | str]


def which(asked: Asked) -> Question:
    """Whose campaigns have that id, and between which times. Raises RefusedError for an id that none can have."""
    if not 0 < len(asked.campaign) <= _MOST_ID:
        raise RefusedError(404, f"name a campaign by its id, of 1 to {_MOST_ID} characters")
    return _question("campaign_list", asked, campaign=asked.campaign)


def known(asked: Asked) -> Question:
    """Which campaigns there are, to name the nearest."""
    return _question("campaign_list", asked, limit=_MOST_KNOWN)


def chosen(asked: Asked, rows: Sequence[Row]) -> Asked | None:
    """The one campaign of `which`'s rows with the span of its events; None for none. Raises RefusedError."""
    if len(rows) > 1:
        tenants = ", ".join(sorted(row["tenant"] for row in rows))
        raise RefusedError(400, f"several tenants have a campaign {asked.campaign!r}; choose one of {tenants}")
    return next(
        (
            Asked(
                campaign=asked.campaign,
                tenant=row["tenant"],
                from_ms=row["first_at"],
                to_ms=row["last_at"] + 1,
            )
            for row in rows
        ),
        None,
    )


def missing(asked: Asked, rows: Sequence[Row]) -> RefusedError:
    """That there is no such campaign, and which are nearest. `rows`: of `known`, newest first."""
    names = list(dict.fromkeys(clean(row["campaign_id"]) for row in rows))
    folded = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(asked.campaign.lower(), folded, n=_MOST_NAMED, cutoff=0.5)
    whose = f" of the tenant {asked.tenant}" if asked.tenant else ""
    span = " in that time" if asked.from_ms or asked.to_ms != FOREVER_MS else ""
    if near:
        hint = (
            f"the nearest are {', '.join(folded[name] for name in near)}"
            if near[1:]
            else f"did you mean {folded[near[0]]}?"
        )
    elif names:
        hint = f"the newest are {', '.join(names[:_MOST_NAMED])}"
    else:
        hint = "no mail of any campaign is stored"
    return RefusedError(404, f"there is no mail of a campaign {asked.campaign!r}{whose}{span}; {hint}")


def questions(found: Asked, wanted: Asked, now_ms: int) -> tuple[Question, ...]:
    """Everything else. `found`: of `chosen`; `wanted`: as asked at first; `now_ms`: wall time."""
    upto = min(wanted.to_ms, now_ms + 1)
    about = _question("campaign_scores", found, from_ms=wanted.from_ms, to_ms=wanted.to_ms)
    return (
        _question("campaign_messages", found),
        _question("campaign_messages", found, answer="providers", part="provider"),
        _question("campaign_messages", found, answer="variants", part="variant"),
        _question("campaign_refusals", found),
        _question("campaign_links", found),
        _question("campaign_course", found, bucket_s=bucket_s(found.to_ms - found.from_ms)),
        _question("campaign_ages", found, to_ms=upto),
        about,
        _question("decisions", found, from_ms=wanted.from_ms, to_ms=wanted.to_ms),
    )


def bucket_s(span_ms: int) -> int:
    """The length of a step of the course, so that a span has at most as many as a chart can show."""
    return next((step for step in _STEPS_S if span_ms <= step * 1000 * _MOST_STEPS), _STEPS_S[-1])


def _question(name: str, asked: Asked, answer: str = "", **more: int | str) -> Question:
    named = query(name)
    given = {"campaign": asked.campaign, "tenant": asked.tenant, "from_ms": asked.from_ms, "to_ms": asked.to_ms, **more}
    if name == "campaign_list" and "campaign" not in more:
        del given["campaign"]
    return Question(answer or name, named, named.bind({key: str(value) for key, value in given.items()}))
