"""Random rules of every kind and random histories of one recipient, for tests that compare two ways to evaluate.

Vocabularies are small and times lie on a grid of half hours that the rules' lengths are made of, so that things
coincide and boundaries are hit exactly. Of the facts 15 % are late by up to three days, 3 % come twice, 4 % are dated
in the future. Every value comes from a seed; a history is a list of seeds, so a failing one shrinks to few facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.identity import digest
from schemas.segments.rules import NODES, Rule
from streams.core.segments.fact import Fact

HOUR = 3_600_000
GRID = HOUR // 2
START = 1_774_569_600_000  # 2026-03-27T00:00Z; clocks in Europe go forward on the 29th
SPAN = 8 * 24 * HOUR
RECIPIENTS = tuple(f"{n:032x}" for n in range(1, 5))
SEGMENT_IDS = ("a", "b")
LEAF_KINDS = tuple(kind for kind in NODES if kind not in {"all", "any", "not"})
_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)

SHORT = ("30m", "1h", "2h", "6h", "12h")
LONG = ("1d", "36h", "2d", "3d", "5d")
LENGTHS = SHORT + LONG
ACTIVITIES = ("order_completed", "order_refunded", "page")
MAIL = ("email_opened", "email_opened_machine", "email_clicked", "email_clicked_machine", "email_delivered")
STATES = ("email_subscribed", "email_unsubscribed", "email_complained", "email_bounced")
REACTIONS = ("opened", "clicked", "opened_any", "clicked_any", "complained", "unsubscribed")
AMOUNTS = (0, 1, 5, 5.5, 100, 0.1, 0.2, -1, 5.0, 1e-7)
INSTANTS = ("2026-03-27T00:00:00Z", "2026-03-28T12:00:00+01:00", "2026-03-29T02:30:00+00:00", "2026-04-01T00:00:00Z")
DAYS = ("2026-03-28", "1990-03-29", "2004-02-29", "1985-04-02", "1990-03-30T23:30:00Z", "2027-03-29", "none", 5, None)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland")
PLACES = ({"lat": 52.52, "lon": 13.4}, {"lat": 48.14, "lon": 11.58}, {"lat": "52", "lon": 13}, {"lat": 52.5}, 7)

WHERES: tuple[dict[str, Any], ...] = (
    {"products.sku": {"eq": "x"}}, {"products.sku": {"ne": "x"}}, {"products.sku": {"in": ["y", "z"]}},
    {"products.price": {"gte": 5}}, {"products.price": {"gt": 1, "lt": 100}}, {"products": {"exists": False}},
    {"amount": 5}, {"amount": "5"}, {"amount": True}, {"amount": {"gte": 1, "lte": 5.5}},
    {"amount": {"not_in": [5, 0]}}, {"amount": {"exists": True, "ne": 5}}, {"coupon": {"exists": False}},
    {"coupon": {"exists": True}},
    {"tags": {"contains": "ro"}}, {"tags": {"starts_with": "pro"}}, {"tags": {"ends_with": "me"}}, {"tags": "welcome"},
    {"paid": True}, {"paid": {"ne": True}}, {"paid": {"eq": False}}, {"due": {"before": INSTANTS[2]}},
    {"due": {"after": INSTANTS[1], "before": INSTANTS[3]}}, {"place": {"near": {"lat": 52.4, "lon": 13.3, "km": 50}}},
    {"order_id": "o1"}, {"stream": "marketing"}, {"campaign_id": {"in": ["c1"]}}, {"order_id": "o1", "amount": 5},
)  # fmt: skip


def rule_of(data: Mapping[str, Any]) -> Rule:
    """The rule that such data is."""
    return _RULE.validate_python(data)


# -- facts -----------------------------------------------------------------------------------------------------------


def _amount(rng: Random) -> Any:
    return rng.choice(AMOUNTS) if rng.random() < 0.85 else rng.choice(("5", True, None, [5, 100], {"n": 5}))


def _activity_properties(rng: Random) -> dict[str, Any]:
    possible: dict[str, Callable[[], Any]] = {
        "products": lambda: [{"sku": rng.choice("xyz"), "price": _amount(rng)} for _ in range(rng.randrange(3))],
        "amount": lambda: _amount(rng),
        "order_id": lambda: rng.choice(("o1", "o2", "o3", 1, 1.0, True, None, ["o1", "o2"])),
        "coupon": lambda: rng.choice(("", "SPRING", None)),
        "tags": lambda: rng.choice((["promo", "welcome"], ["welcome"], [], "promo", ["Promo"], [["promo"]])),
        "paid": lambda: rng.choice((True, False, 1, "true")),
        "due": lambda: rng.choice((*INSTANTS, START // 1000 + 7200, START + 7_200_000, "soon", "2026-03-28")),
        "place": lambda: rng.choice(PLACES),
    }
    return {key: make() for key, make in possible.items() if rng.random() < 0.6}


def _mail_properties(rng: Random) -> dict[str, Any]:
    return {
        "message_id": rng.choice(("m1", "m2", "m3", "m4", "m5", "m6", "")),
        "campaign_id": rng.choice(("c1", "c2", "")),
        "stream": rng.choice(("marketing", "marketing", "news", "")),
        "tags": rng.choice(([], ["welcome"], ["promo", "welcome"])),
        "bounce_scope": rng.choice(("address", "domain", "content", "")),
        "bounce_permanence": rng.choice(("permanent", "permanent", "transient", "")),
        "metadata": {"amount": rng.choice(AMOUNTS)},
    }


def _instant(rng: Random) -> int:
    return START + rng.randrange(SPAN // GRID) * GRID


def _traits(rng: Random) -> dict[str, Any]:
    possible: dict[str, Callable[[], Any]] = {
        "plan": lambda: rng.choice(("trial", "paid", None)),
        "address": lambda: rng.choice(({"country": "DE"}, {"country": "FR", "city": "Paris"}, {}, "DE", None)),
        "likes": lambda: rng.choice((["tea"], ["tea", "milk"], [], "milk")),
        "visits": lambda: _amount(rng),
        "renews": lambda: rng.choice((*INSTANTS, *DAYS, START // 1000 + rng.randrange(9) * 86_400, _instant(rng))),
        "birthday": lambda: rng.choice((*DAYS, START - 400 * 24 * HOUR)),
        "time_zone": lambda: rng.choice((*ZONES, "Mars", None, 3)),
    }
    return {key: make() for key, make in possible.items() if rng.random() < 0.45}


def _privacy_properties(rng: Random) -> dict[str, Any]:
    return {
        "purpose": rng.choice(("marketing", "news", "ads", None)),
        "granted": rng.choice((True, False, True, False, "yes", None)),
    }


def random_fact(rng: Random) -> Fact:
    """One fact; the same seed gives the same."""
    kind = rng.random()
    name, properties, traits = rng.choice(ACTIVITIES), _activity_properties(rng), {}
    if kind > 0.9:
        name, properties = "privacy", _privacy_properties(rng)
    elif kind > 0.75:
        name, properties, traits = "identify", {}, _traits(rng)
    elif kind > 0.4:
        group = rng.choice((MAIL, MAIL, STATES))
        name, properties = rng.choice((*group, "email_delivered")), _mail_properties(rng)
    elif kind > 0.37:
        traits = _traits(rng)
    at = _instant(rng)
    return Fact(digest(rng.getrandbits(64)), name, at, _known_at(rng, at), properties, traits)


def _known_at(rng: Random, at: int) -> int:
    draw = rng.random()
    if draw < 0.15:
        return at + rng.randrange(1, 3 * 24 * HOUR // GRID) * GRID
    return at - rng.randrange(1, 48) * GRID if draw > 0.96 else at


def random_history(rng: Random, size: int) -> list[Fact]:
    """So many facts, some of them twice, in the order in which they become known."""
    return _known_in_order([rng.getrandbits(48) for _ in range(size)])


def _known_in_order(seeds: Sequence[int]) -> list[Fact]:
    found: list[Fact] = []
    for seed in seeds:
        rng = Random(seed)
        fact = random_fact(rng)
        found.append(fact)
        if rng.random() < 0.03:
            found.append(fact._replace(known_at=fact.known_at + rng.randrange(100) * GRID))
    return sorted(found, key=lambda fact: fact.known_at)


# -- rules -----------------------------------------------------------------------------------------------------------


def _names(rng: Random) -> Any:
    several = (["page", "order_completed"], ["email_opened", "email_clicked"])
    return rng.choice((*ACTIVITIES, *ACTIVITIES, "order_completed", "email_opened", "email_delivered", *several))


def _where(rng: Random) -> dict[str, Any]:
    return {"where": rng.choice(WHERES)} if rng.random() < 0.5 else {}


def _window(rng: Random) -> dict[str, Any]:
    early, late = sorted(rng.sample(INSTANTS, 2), key=INSTANTS.index)
    windows: tuple[dict[str, Any], ...] = (
        *({}, {"within": rng.choice(LONG)}, {"within": rng.choice(LENGTHS)}, {"since": early}, {"before": late}),
        *({"since": early, "before": late}, {"between": [rng.choice(LONG), rng.choice(SHORT)]}),
    )
    return rng.choice(windows)


def _step(rng: Random) -> dict[str, Any]:
    return {"name": _names(rng)} | _where(rng)


def _unless(rng: Random) -> dict[str, Any]:
    if rng.random() < 0.7:
        return {}
    where = {"where": rng.choice(({}, {"amount": {"gte": 1}}))}
    return {"unless": {"name": rng.choice(("order_refunded", "order_completed")), "same": "order_id"} | where}


def _bounds(rng: Random, numbers: Sequence[float]) -> dict[str, float]:
    low, high = sorted((rng.choice(numbers), rng.choice(numbers)))
    return rng.choice(({"gte": low}, {"gt": low}, {"lt": high}, {"lte": high}, {"eq": low}, {"gte": low, "lte": high}))


def _count(rng: Random) -> dict[str, Any]:
    return {"count": _bounds(rng, (0, 1, 1, 2, 3))} if rng.random() < 0.7 else {}


def _some(rng: Random, odds: float, given: dict[str, Any]) -> dict[str, Any]:
    return given if rng.random() < odds else {}


def _event(rng: Random) -> dict[str, Any]:
    return _step(rng) | _window(rng) | _unless(rng) | _count(rng)


def _pick(rng: Random) -> dict[str, Any]:
    return _step(rng) | _window(rng)


def _aggregate(rng: Random) -> dict[str, Any]:
    fn = rng.choice(("sum", "avg", "min", "max", "distinct"))
    numbers = (0, 1, 2, 3) if fn == "distinct" else (0, 0.3, 1, 5, 5.5, 10, 105)
    of = rng.choice(("amount", "amount", "products.price", "order_id", "metadata.amount"))
    return _step(rng) | _window(rng) | _unless(rng) | {"fn": fn, "of": of, "is": _bounds(rng, numbers)}


def _regularly(rng: Random) -> dict[str, Any]:
    return _step(rng) | {"every": rng.choice(LENGTHS), "periods": rng.randrange(1, 5)} | _count(rng)


def _sequence(rng: Random) -> dict[str, Any]:
    end = rng.choice(("then", "without"))
    ends = {"first": _step(rng), end: _step(rng), "within": rng.choice(LENGTHS)}
    expiry = _some(rng, 0.5, {"expire_after": rng.choice(LENGTHS)}) if end == "without" else {}
    return ends | expiry | _some(rng, 0.5, {"same": rng.choice(("order_id", "campaign_id"))})


def _last_messages(rng: Random) -> dict[str, Any]:
    asked = {rng.choice(("none", "any", "all")): rng.sample(REACTIONS, rng.randrange(1, 3))}
    category = _some(rng, 0.5, {"category": rng.choice(("marketing", "welcome"))})
    mature = _some(rng, 0.5, {"mature_after": rng.choice(LENGTHS)})
    return {"n": rng.randrange(1, 4), "fewer": rng.random() < 0.3} | asked | category | mature


TRAIT_CONDITIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("plan", {"eq": "trial"}), ("plan", {"ne": "trial"}), ("plan", {"exists": False}), ("plan", {"exists": True}),
    ("address.country", {"in": ["DE", "AT"]}), ("address.country", {"exists": False}), ("likes", {"contains": "ea"}),
    ("likes", {"not_in": ["tea"]}), ("visits", {"gte": 5}), ("visits", {"eq": 5}), ("renews", {"before": INSTANTS[2]}),
)  # fmt: skip


def _trait(rng: Random) -> dict[str, Any]:
    path, condition = rng.choice(TRAIT_CONDITIONS)
    return {"path": path, "is": condition} | _some(rng, 0.5, {"for_at_least": rng.choice(LENGTHS)})


def _date(rng: Random) -> dict[str, Any]:
    asked = rng.choice(("in_next", "in_last", "over", "ahead"))
    return {"trait": rng.choice(("renews", "renews", "birthday")), asked: rng.choice(LENGTHS)}


def _anniversary(rng: Random) -> dict[str, Any]:
    days = {"days_before": rng.choice((0, 0, 1, 3)), "days_after": rng.choice((0, 0, 1, 2))}
    return {"trait": rng.choice(("birthday", "renews")), "zone": rng.choice(("recipient", *ZONES))} | days


def _consent(rng: Random) -> dict[str, Any]:
    return {"purpose": rng.choice(("marketing", "news")), "is": rng.choice(("granted", "denied", "unknown"))}


def _bucket(rng: Random) -> dict[str, Any]:
    low, high = sorted(rng.sample((0, 0.25, 0.5, 0.75, 1), 2))
    return {"salt": rng.choice("st"), "from": low, "to": high}


def _engagement(rng: Random) -> dict[str, Any]:
    weights = _some(rng, 0.5, {"weights": {"email_opened": 0.7, "page": 1.3, "email_complained": -5.0}})
    return {"is": _bounds(rng, (0.9, 1.1, 2.3, 4.7)), "half_life": rng.choice(LONG)} | weights


_MAKERS: dict[str, Callable[[Random], Any]] = {
    "event": _event,
    "first": _pick,
    "latest": _pick,
    "aggregate": _aggregate,
    "regularly": _regularly,
    "sequence": _sequence,
    "last_messages": _last_messages,
    "trait": _trait,
    "date": _date,
    "anniversary": _anniversary,
    "consent": _consent,
    "suppressed": lambda rng: rng.random() < 0.5,
    "known_for": lambda rng: rng.choice(LENGTHS),
    "segment": lambda rng: rng.choice(SEGMENT_IDS),
    "bucket": _bucket,
    "engagement": _engagement,
}


def random_leaf(kind: str, rng: Random) -> Rule:
    """A leaf of that kind."""
    return rule_of({kind: _MAKERS[kind](rng)})


def random_rule(rng: Random, max_depth: int, kinds: Sequence[str] = LEAF_KINDS) -> Rule:
    """A tree of at most that depth, leaves of these kinds."""
    return rule_of(_tree(rng, max_depth, kinds))


def _tree(rng: Random, depth: int, kinds: Sequence[str]) -> dict[str, Any]:
    if depth <= 1 or rng.random() < 0.25:
        kind = rng.choice(kinds)
        return {kind: _MAKERS[kind](rng)}
    if rng.random() < 0.3:
        return {"not": _tree(rng, depth - 1, kinds)}
    return {rng.choice(("all", "any")): [_tree(rng, depth - 1, kinds) for _ in range(rng.randrange(1, 4))]}


# -- strategies ------------------------------------------------------------------------------------------------------

_SEEDS = st.integers(0, 2**48 - 1)


def leaf(kind: str) -> st.SearchStrategy[Rule]:
    """Leaves of a kind of `schemas.segments.rules.NODES`; for `all`, `any` and `not` that node over leaves."""
    if kind in _MAKERS:
        return _SEEDS.map(lambda seed: random_leaf(kind, Random(seed)))
    return _SEEDS.map(lambda seed: rule_of({kind: _children(kind, Random(seed))}))


def _children(kind: str, rng: Random) -> Any:
    return (
        _tree(rng, 1, LEAF_KINDS) if kind == "not" else [_tree(rng, 1, LEAF_KINDS) for _ in range(rng.randrange(1, 4))]
    )


def rules(max_depth: int) -> st.SearchStrategy[Rule]:
    """Trees of every kind of node."""
    return _SEEDS.map(lambda seed: random_rule(Random(seed), max_depth))


def segments() -> st.SearchStrategy[dict[str, Rule]]:
    """The segments that rules name here."""
    plain = tuple(kind for kind in LEAF_KINDS if kind != "segment")
    rule = _SEEDS.map(lambda seed: random_rule(Random(seed), 2, plain))
    return st.fixed_dictionaries(dict.fromkeys(SEGMENT_IDS, rule))


def histories(max_size: int = 40) -> st.SearchStrategy[list[Fact]]:
    """Facts of one recipient in the order of `known_at`."""
    return st.lists(_SEEDS, max_size=max_size).map(_known_in_order)
