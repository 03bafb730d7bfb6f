"""`mailweir decisions`: what was decided, and a person's word on it. Reads ClickHouse, writes the rulings' topic.

Ids may be cut short as long as one decision begins so. The rules are `schemas.rulings`, as in the console.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.console.store import table_of
from dashboards.decisions import FOREVER_MS, brief, standing, whole
from dashboards.queries import query
from schemas.errors import Misconfigured
from schemas.remediation import Ruling, Verb
from schemas.rulings import RefusedError, State, rule, undoing
from schemas.settings import Settings
from sinks.clickhouse import connect, translate
from streams.commands import decision_text as text
from streams.local.durations import parse_duration

_LISTED = 50
_NAMED = 3  # of several that a short id may mean
_DAY_S = 86_400.0
_DONE: Mapping[Verb, str] = {Verb.APPROVE: "Approved", Verb.REJECT: "Rejected", Verb.REVERT: "Reverting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list is limited to. `since` as people write it (`24h`, `7d`); "" means for ever."""

    tenant: str = ""
    state: str = ""
    campaign: str = ""
    since: str = ""
    limit: int = _LISTED


def open_store(of: Settings) -> Client:
    """A client of the configured store. Raises Misconfigured or Transient."""
    return connect(of.clickhouse, of.clickhouse_user, of.clickhouse_password.get_secret_value())


def run_list(store: Client, asked: Asked, out: TextIO, now_ms: int, *, width: int, as_json: bool) -> int:
    """The decisions, newest first: a line each, or JSON lines."""
    if asked.state not in {"", *State}:
        raise Misconfigured(f"--state: {asked.state!r} is none of {', '.join(State)}")
    given = {"tenant": asked.tenant, "state": asked.state, "campaign": asked.campaign}
    begin = now_ms - since_ms(asked.since) if asked.since else 0
    rows = _rows(store, from_ms=begin, limit=asked.limit + 1, **given)
    if as_json:
        out.writelines(json.dumps(brief(row)) + "\n" for row in rows[: asked.limit])
        return 0
    out.write(text.table(rows[: asked.limit], width) if rows else f"{_none(asked)}\n")
    if len(rows) > asked.limit:
        out.write("There are more; --limit shows them, --since, --tenant and --state narrow the list.\n")
    return 0


def run_show(store: Client, given_id: str, out: TextIO, now_ms: int, *, width: int, as_json: bool) -> int:
    """One decision with everything that is known of it."""
    found = whole(find(store, given_id), now_ms)
    out.write(json.dumps(found, indent=1) + "\n" if as_json else text.page(found, width))
    return 0


def run_rule(
    store: Client,
    given_id: str,
    verb: Verb,
    who: str,
    why: str,
    append: Callable[[Ruling], Coroutine[Any, Any, None]],
    out: TextIO,
    now_ms: int,
) -> int:
    """Say the verb to the decision: 0 once the broker has it. Raises RefusedError, Transient."""
    now = standing(find(store, given_id))
    ruling = rule(now, verb, who, why, now_ms)
    asyncio.run(append(ruling))
    would = f" {undoing(now)}" if verb is Verb.REVERT else ""
    out.write(f"{_DONE[verb]}: {text.subject(now.action, now.key)}.{would}\n")
    out.write(f"`mailweir decisions show {now.decision_id[:8]}` says what came of it.\n")
    return 0


def find(store: Client, given_id: str) -> dict[str, Any]:
    """The one decision whose id begins like this. Raises RefusedError that names the nearest ones."""
    wanted = given_id.strip().lower()
    rows = _rows(store, prefix=wanted, limit=_NAMED + 1) if wanted else []
    exact = [row for row in rows if row["decision_id"] == wanted]
    if len(exact or rows) == 1:
        return (exact or rows)[0]
    if rows:
        some = ", ".join(row["decision_id"][: len(wanted) + 4] for row in rows[:_NAMED])
        more = f"more than {_NAMED}" if len(rows) > _NAMED else str(len(rows))
        raise RefusedError(404, f"{more} decisions begin with {wanted}, such as {some}; give more of the id")
    near = _nearest(store, wanted)
    hint = f"the nearest is {near['decision_id']} ({text.subject(near['action'], near['key'])})" if near else ""
    raise RefusedError(404, f"no decision begins with {given_id!r}; {hint or '`mailweir decisions list` shows them'}")


def since_ms(since: str) -> int:
    """How long ago in milliseconds: `7d`, or what durations are elsewhere. Raises Misconfigured."""
    days = since.strip().lower().removesuffix("d")
    if since.strip().lower().endswith("d") and days.isdecimal() and 0 < int(days[:6]) <= 36_500:
        return int(days) * int(_DAY_S) * 1000
    return int(parse_duration(since, where="--since") * 1000)


def _nearest(store: Client, wanted: str) -> dict[str, Any] | None:
    """The newest decision that shares the longest beginning with `wanted`, None when none shares any."""
    shares, misses = 0, len(wanted)  # known to have one, known to have none
    best = None
    while misses - shares > 1:
        middle = (shares + misses) // 2
        rows = _rows(store, prefix=wanted[:middle], limit=1)
        if rows:
            shares, best = middle, rows[0]
        else:
            misses = middle
    return best


def _rows(store: Client, **given: str | int) -> list[dict[str, Any]]:
    named = query("decisions")
    span = {"from_ms": 0, "to_ms": FOREVER_MS}
    bound = named.bind({name: str(value) for name, value in {**span, **given}.items()})
    try:
        return table_of(store.query(named.sql, parameters=bound)).records()
    except ClickHouseError as error:
        raise translate(error, "reading the decisions") from error


def _none(asked: Asked) -> str:
    """That nothing was found, and what was looked for."""
    limits = {"tenant": asked.tenant, "state": asked.state, "campaign": asked.campaign, "since": asked.since}
    words = ", ".join(f"{name} {value}" for name, value in limits.items() if value)
    return f"No decisions{f' ({words})' if words else ''}."
