"""`/api/dead-letters`: what could not be processed, in groups, in pages, one by one; and processing it again.

A replay is answered with 202 and goes on behind it, one at a time; the list says how far it is. Originals hold
addresses: they are answered for one letter at a time, only so many bytes, and appear in no log.
"""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from aiohttp import web

from dashboards.advice import ADVICE
from dashboards.console import parameters
from dashboards.console.answers import answering, reply
from dashboards.console.bodies import object_in
from dashboards.console.login.person import speaker
from dashboards.console.scope import current
from dashboards.console.store import ForPeople, StoreClient
from dashboards.decisions import FOREVER_MS
from dashboards.letters import FILTERS, MOST_AT_ONCE, STATES, find, letter_of, rows_of
from dashboards.queries import BadParameterError
from schemas.errors import Transient
from schemas.identity import digest
from schemas.replays import NotReplayedError, Wish, wish
from schemas.rulings import MAX_WHY, RefusedError
from streams.core.replay import COUNTED_MS, Letter, consequences, objection

_PAGE, _MAX_PAGE = 50, 200
_MOST_IDS = 200
_MOST_BODY = 8 * MAX_WHY + 64 * _MOST_IDS
_EXAMPLE = '{"ids": ["..."], "who": "dana", "why": "the provider was wrong"}'
_MATCHED = ("tenant", "stage", "code", "source")
_SHOWN_BYTES = 64 * 1024  # of an original


class Replays(Protocol):
    """Processes letters again, behind the answer to who asked for it."""

    def begin(self, letters: Sequence[Letter], of: Wish) -> None:
        """Begin, return at once. Raises RefusedError (409) while another one is under way."""

    def state(self) -> dict[str, Any] | None:
        """How far the latest replay is, None before the first."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The routes' handlers. `replays` None: this console has no log, so none are taken. `clock_ms`: wall time."""

    store: ForPeople
    replays: Replays | None
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """Everything below `/api/dead-letters`."""
        return [
            web.get("/api/dead-letters", answering(self.listed)),
            web.get("/api/dead-letters/{id}", answering(self.show)),
            web.post("/api/dead-letters/replay", answering(self.replay)),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """Newest first; with the first page the groups and the latest replay. 400 for a bad parameter."""
        asked, size = _asked(request.query)
        rows = await self._rows("dead_letters", asked)
        shown = rows[:size]
        last = shown[-1] if len(rows) > size else None
        found: dict[str, Any] = {
            "at_ms": self.clock_ms(),
            "dead_letters": shown,
            "next": f"{last['failed_at']}-{last['dead_letter_id']}" if last else None,
            "replay": self._state(),
            "can_replay": self.replays is not None,
        }
        if "after" not in request.query:
            span: dict[str, str] = {name: asked[name] for name in ("tenant", "from_ms", "to_ms") if name in asked}
            found["groups"] = await self._rows("dead_letter_groups", span)
        return reply(found)

    async def show(self, request: web.Request) -> web.Response:
        """One letter with its bytes, what its code asks for, and why it cannot be replayed ("" where it can)."""
        row = await self._row(request.match_info["id"])
        given = {"id": row["dead_letter_id"], "tenant": row["tenant"], "most_bytes": str(_SHOWN_BYTES)}
        found = await self._rows("dead_letter_original", given)
        advice = ADVICE.get(row["code"])
        return reply(
            {
                **row,
                "meaning": advice.meaning if advice else "",
                "to_do": advice.to_do if advice else "",
                "objection": objection(letter_of(row)),
                "original": _readable(found[0]) if found else None,
            }
        )

    async def replay(self, request: web.Request) -> web.Response:
        """Begin a replay: 202. With `dry_run` only how many there are: 200. 409 while one is under way."""
        said = await object_in(request, _MOST_BODY, _EXAMPLE)
        ids, given = _wanted(said)
        of = None if said.get("dry_run") is True else self._wish({**said, "who": speaker(request, said.get("who", ""))})
        letters = await self.store.ask("the dead letters", lambda client: _found(client, ids, given))
        refused = Counter(reason for letter in letters if (reason := objection(letter)))
        taken = [letter for letter in letters if not objection(letter)]
        answer = {
            "letters": len(taken),
            "refused": [{"reason": reason, "letters": number} for reason, number in refused.most_common()],
            "consequences": consequences(_ages(taken, self.clock_ms())),
            "is_cut": len(letters) == MOST_AT_ONCE,
        }
        if of is None:
            return reply({**answer, "replay_id": None})
        if not taken:
            raise RefusedError(409, next(iter(refused), "no dead letter matches that has not been replayed already"))
        if self.replays is None:
            raise Transient("this console has no log to write to; start it with `mailweir console`")
        self.replays.begin(taken, of)
        return reply({**answer, "replay_id": of.replay_id}, 202)

    def _state(self) -> dict[str, Any] | None:
        """The latest replay; whose it is, only to who sees every tenant."""
        state = self.replays.state() if self.replays else None
        return {**state, "who": "somebody"} if state and not current().is_all else state

    def _wish(self, said: Mapping[str, Any]) -> Wish:
        who, why = str(said.get("who", "")), str(said.get("why", ""))
        try:
            return wish(digest("replay", who, self.clock_ms(), secrets.randbits(32)), who, why)
        except NotReplayedError as error:
            raise RefusedError(422, str(error)) from None

    async def _row(self, id_: str) -> dict[str, Any]:
        span = {"from_ms": "0", "to_ms": str(FOREVER_MS), "limit": "1"}
        rows = await self._rows("dead_letters", {"id": id_, **span}) if id_ else []
        if not rows or rows[0]["dead_letter_id"] != id_:
            raise RefusedError(404, f"there is no dead letter {id_[:64]!r}")
        return rows[0]

    async def _rows(self, name: str, given: Mapping[str, str]) -> list[dict[str, Any]]:
        return await self.store.ask(f"the query {name}", lambda client: rows_of(client, name, given))


def _found(client: StoreClient, ids: Sequence[str], given: Mapping[str, str]) -> list[Letter]:
    if ids:
        return [letter for id_ in ids for letter in find(client, {"id": id_}, 1)]
    return find(client, {**given, "state": "open"}, MOST_AT_ONCE)


def _ages(letters: Sequence[Letter], now_ms: int) -> dict[str, int]:
    """For each topic how old its oldest letter is; of a letter without a time nothing is known."""
    ages = {letter.topic: 0 for letter in letters}
    for letter in letters:
        if letter.received_at and now_ms - letter.received_at > COUNTED_MS:
            ages[letter.topic] = max(ages[letter.topic], now_ms - letter.received_at)
    return ages


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """The bytes as text where they are text (JSON laid out), else as base64."""
    data = base64.b64decode(row["original"])
    is_cut = len(data) < row["size_bytes"]
    said = {"size_bytes": row["size_bytes"], "is_cut": is_cut}
    try:
        text = data.decode("utf-8", "strict" if not is_cut else "ignore")
    except UnicodeDecodeError:
        return {**said, "form": "base64", "text": row["original"]}
    if "\x00" in text:
        return {**said, "form": "base64", "text": row["original"]}
    try:
        return {**said, "form": "json", "text": msgspec.json.format(data, indent=2).decode()}
    except msgspec.DecodeError:
        return {**said, "form": "text", "text": text}


def _wanted(said: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Ids, or else filters. Raises RefusedError."""
    known = {"who", "why", "ids", "dry_run", *_MATCHED}
    for name, value in said.items():
        if name not in known:
            raise RefusedError(422, f"{name[:40]!r} is unknown here; known: {', '.join(sorted(known))}")
        if name not in {"ids", "dry_run"} and not isinstance(value, str):
            raise RefusedError(422, f"{name} must be a text")
    ids = said.get("ids", [])
    if not (isinstance(ids, list) and len(ids) <= _MOST_IDS and all(isinstance(id_, str) and id_ for id_ in ids)):
        raise RefusedError(422, f"ids must be a list of at most {_MOST_IDS} ids")
    given = {name: said[name] for name in _MATCHED if said.get(name)}
    if ids and given:
        raise RefusedError(422, "say either ids or what they have in common, not both")
    if "ids" in said and not ids:
        raise RefusedError(422, "ids is empty; say which")
    return ids, given


def _asked(given: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """The query's parameters, one row more than the page has, and the page's size. Raises BadParameterError."""
    parameters.only(given, *FILTERS, "from_ms", "to_ms", "limit", "after")
    if given.get("state", "") not in {"", *STATES}:
        raise BadParameterError(f"state: {given['state'][:40]!r} is none of {', '.join(STATES)}")
    limit = parameters.number(given, "limit", _PAGE, _MAX_PAGE)
    to_ms, _, after_id = given.get("after", f"{given.get('to_ms', FOREVER_MS)}-").partition("-")
    if not (to_ms.isascii() and to_ms.isdecimal() and int(to_ms[:20]) <= FOREVER_MS):
        raise BadParameterError("after and to_ms: a time in milliseconds, or what `next` of the page before said")
    filters = {name: given[name] for name in FILTERS if name in given}
    span = {"from_ms": given.get("from_ms", "0"), "to_ms": to_ms, "after_id": after_id}
    return {**filters, **span, "limit": str(limit + 1)}, limit
