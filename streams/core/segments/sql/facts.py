"""The stored events as facts: what `streams.core.segments.fact` makes of an event, as SQL over the store's tables.

A fact is known since its receipt, for the store does not keep when the log had it; of what was received several times
the store keeps the newest. Only the properties that a rule reads are put together. Of equal keys of an object
ClickHouse reads the first, so an activity's own properties come first.
"""

from __future__ import annotations

from collections.abc import Collection

from schemas.segments.names import MAIL_PROPERTIES

_ACTIVITY_FIELDS = ("url", "provider")
_METADATA = "if(startsWith(JSONExtractRaw(metadata), '{'), JSONExtractRaw(metadata), '{}')"
_SNAKE = "trimBoth(replaceRegexpAll(lowerUTF8(activity_events.name), '[^a-z0-9]+', ' '))"


def stored(properties: Collection[str]) -> str:
    """A SELECT of each fact of `{tenant:String}` once, as known at `{known:Int64}`, with at least these properties."""
    mail = _select("email_events", _MAIL_NAME, _mail_properties(properties), "''")
    activities = _select("activity_events", _ACTIVITY_NAME, _activity_properties(properties), "activity_events.traits")
    return f"{mail}\nUNION ALL\n{activities}"


_MAIL_NAME = "concat('email_', event_type, if(machine = 'machine', '_machine', ''))"
_ACTIVITY_NAME = f"if(activity = 'track', replaceAll({_SNAKE}, ' ', '_'), activity)"


def _select(table: str, name: str, properties: str, traits: str) -> str:
    return f"""SELECT
    recipient_key,
    event_id,
    {name} AS name,
    toUnixTimestamp64Milli(occurred_at) AS at,
    toUnixTimestamp64Milli(received_at) AS known_at,
    {properties} AS properties,
    {traits} AS traits
FROM mailweir.{table} FINAL
WHERE tenant = {{tenant:String}} AND recipient_key != ''
    AND received_at <= fromUnixTimestamp64Milli({{known:Int64}}, 'UTC')"""  # noqa: S608 - words of ours


def _mail_properties(wanted: Collection[str]) -> str:
    pairs = [f"\"{name}\":', toJSONString({name}), '" for name in MAIL_PROPERTIES if name in wanted]
    pairs += [f"\"metadata\":', {_METADATA}, '"] if "metadata" in wanted else []
    return f"concat('{{{','.join(pairs)}', '}}')" if pairs else "''"


def _activity_properties(wanted: Collection[str]) -> str:
    fields = [name for name in _ACTIVITY_FIELDS if name in wanted]
    if not fields:
        return "activity_events.properties"
    pairs = ", ',', ".join(f"'\"{name}\":', toJSONString({name})" for name in fields)
    own = "JSONExtractRaw(activity_events.properties)"
    has_own = f"startsWith({own}, '{{') AND {own} != '{{}}'"
    begin = f"if({has_own}, concat(substring({own}, 1, length({own}) - 1), ','), '{{')"
    return f"concat({begin}, {pairs}, '}}')"
