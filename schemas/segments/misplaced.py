"""Keys that are unknown or stand in the wrong place, and what stands where a node should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.nearest import hint, nearest
from schemas.segments import phrases
from schemas.segments.conditions import Condition
from schemas.segments.findings import Finding, error
from schemas.segments.places import GROUPS, Spot, keys_of, leaf_model, under
from schemas.segments.rules import NODES, Segment

_SEGMENT_KEYS = keys_of(Segment)
_GROUP = "under all: (each must hold) or any: (one is enough)"
_ONE_NODE = "one node, such as event: {name: order_completed}"
_LEAVES = [kind for kind in NODES if kind not in GROUPS]


def unknown_key(key: str, spot: Spot) -> str:
    """What is said of a key that the model at `spot` does not have."""
    known = keys_of(spot.model) if spot.model else []
    if meant := instead(key, known):
        return f"no such key here; write `{meant}`"
    if spot.model is Condition:
        return _no_operator(key, spot, known)
    near = nearest(key, known)
    owners = [kind for kind in _LEAVES if kind != spot.kind and key in keys_of_node(kind)]
    if owners and not near:
        return f"`{spot.kind}` has no such key, {_listed(owners)} has; known here: {', '.join(known)}"
    if key in NODES and spot.kind:
        return f"a node cannot stand inside of `{spot.kind}`; put both in a list {_GROUP}"
    return f"no such key here; {hint(key, known)}"


def instead(key: str, known: list[str]) -> str:
    """Our key for what people write; "" if it is none of those."""
    return next((ours for ours in phrases.INSTEAD.get(key.lower(), ()) if ours in known), "")


def keys_of_node(kind: str) -> list[str]:
    """The keys that may stand below a node's key."""
    model = leaf_model(kind)
    return keys_of(model) if model else []


def _no_operator(key: str, spot: Spot, known: list[str]) -> str:
    near = nearest(key, known)
    if near:
        return f"no such operator; did you mean `{near}`?"
    path = spot.place.rpartition("where.")[2] if "where." in spot.place else ""
    deeper = f"; a key further in is written with a dot: {path}.{key}" if path else ""
    return f"no such operator{deeper}; known: {', '.join(known)}"


def _listed(kinds: list[str]) -> str:
    return " or ".join(f"`{kind}`" for kind in kinds[:3])


def _without_node(keys: list[str], owner: str) -> str:
    named = " and ".join(f"`{key}`" for key in keys[:3])
    return f"{named} without a node; write for example {phrases.NODE_EXAMPLES[owner]}"


def _owner_of_all(keys: list[str]) -> str:
    """The first node that all these keys may stand in; "" for none, or if the only one looks like a node's name."""
    if len(keys) == 1 and node_instead(keys[0]):
        return ""
    return next((kind for kind in _LEAVES if set(keys) <= set(keys_of_node(kind))), "")


def beside_a_segment(data: Mapping[str, Any], root: str) -> Iterator[Finding]:
    """Keys of a segment that are no keys of segments, and what is there instead of a node."""
    nodes = [key for key in data if key in NODES]
    unknown = [key for key in data if key not in NODES and key not in _SEGMENT_KEYS]
    if "rule" in data and nodes:
        yield error(f"{root}.{nodes[0]}", f"stands beside `rule`; put both in a list {_GROUP}")
    if unknown and not nodes and "rule" not in data and (owner := _owner_of_all(unknown)):
        yield error(root, _without_node(unknown, owner))
        return
    for key in unknown:
        yield error(under(root, key), _beside(key, data, nodes))
    if not nodes and not unknown and "rule" not in data:
        yield error(root, f"has no rule; write a node beside id, such as {phrases.NODE_EXAMPLES['event']}")


def _beside(key: str, data: Mapping[str, Any], nodes: list[str]) -> str:
    """A key that stands beside a node, or beside a segment's id."""
    if owner := next((kind for kind in nodes if key in keys_of_node(kind) and not _has(data[kind], key)), ""):
        shown = data[key] if isinstance(data[key], (str, int)) else "..."
        return f"belongs to `{owner}`; indent it so that it stands below it: {owner}: {{{key}: {shown}}}"
    has_rule = bool(nodes) or "rule" in data
    if not has_rule and (meant := node_instead(key)):
        return f"no such node; did you mean `{meant}`?"
    free = [name for name in _SEGMENT_KEYS if name not in data]
    if meant := instead(key, free):
        return f"a segment has no such key; write `{meant}`"
    return _beside_rule(key, nodes) if has_rule else _for_a_node(key)


def _has(below: Any, key: str) -> bool:
    return isinstance(below, Mapping) and key in below


def _beside_rule(key: str, nodes: list[str]) -> str:
    if nodes and (near := nearest(key, keys_of_node(nodes[0]))):
        return f"no such key here; if `{near}` is meant, it stands below `{nodes[0]}`"
    return f"a segment has no such key; {hint(key, _SEGMENT_KEYS)}"


def _for_a_node(key: str) -> str:
    owner = next((kind for kind in _LEAVES if key in keys_of_node(kind)), "")
    if owner:
        return f"belongs into a node; write for example {phrases.NODE_EXAMPLES[owner]}"
    return f"no such node; known: {', '.join(NODES)}"


def node_instead(key: str) -> str:
    """The node that is meant by a key that is none; "" where none looks like it."""
    return phrases.NODES_INSTEAD.get(key.lower(), "") or nearest(key, list(NODES))


def no_node(spot: Spot, value: Any) -> tuple[str, str]:
    """Place and sentence for what stands where a node should."""
    if isinstance(value, Mapping) and value:
        return _no_node_of(spot, value)
    if isinstance(value, list):
        inner = "not: {any: [...]}" if spot.kind == "not" else "all: [...]"
        return spot.place, f"expected one node, found a list; put it {_GROUP}: {inner}"
    if isinstance(value, str) and value in NODES:
        return spot.place, f"`{value}` is a node's name alone; write for example {phrases.NODE_EXAMPLES[value]}"
    found = "nothing" if value is None or value == {} else f"{str(value)[:40]!r}"
    return spot.place, f"expected {_ONE_NODE}, found {found}"


def _no_node_of(spot: Spot, value: Mapping[str, Any]) -> tuple[str, str]:
    nodes = [key for key in value if key in NODES]
    others = [key for key in value if key not in NODES]
    if len(nodes) > 1:
        named = " and ".join(f"`{key}`" for key in nodes)
        listed = ", ".join(f"{{{key}: ...}}" for key in nodes)
        return spot.place, f"{named} stand beside each other; put them in a list {_GROUP}: all: [{listed}]"
    if nodes and "id" in others:
        return spot.place, "a segment cannot be defined inside of a rule; write it by itself, and here segment: ITS-ID"
    if nodes:
        return under(spot.place, others[0]), _beside(others[0], value, nodes)
    if owner := _owner_of_all(others):
        return spot.place, _without_node(others, owner)
    near = node_instead(others[0])
    said = f"did you mean `{near}`?" if near else f"known: {', '.join(NODES)}"
    return under(spot.place, others[0]), f"no such node; {said}"
