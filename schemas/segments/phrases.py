"""What the messages about rules are made of: examples, words that people write instead of ours, what was expected."""

from __future__ import annotations

from collections.abc import Mapping

NODE_EXAMPLES: Mapping[str, str] = {
    "all": "all: [{event: {name: page}}, {suppressed: false}]",
    "any": "any: [{event: {name: page}}, {event: {name: email_clicked}}]",
    "not": "not: {event: {name: page, within: 30d}}",
    "event": "event: {name: order_completed, within: 30d}",
    "first": "first: {name: order_completed, where: {coupon: WELCOME}}",
    "latest": "latest: {name: order_completed, where: {total: {gte: 100}}}",
    "aggregate": "aggregate: {name: order_completed, fn: sum, of: revenue, within: 90d, is: {gte: 500}}",
    "regularly": "regularly: {name: order_completed, every: 30d, periods: 3}",
    "sequence": "sequence: {first: {name: checkout_started}, without: {name: order_completed}, within: 2h}",
    "last_messages": "last_messages: {n: 3, category: marketing, none: opened}",
    "trait": "trait: {path: country, is: DE}",
    "date": "date: {trait: trial_ends_at, in_next: 3d}",
    "anniversary": "anniversary: {trait: birthday, days_before: 7}",
    "consent": "consent: {purpose: marketing, is: granted}",
    "suppressed": "suppressed: false",
    "known_for": "known_for: 30d",
    "segment": "segment: vip",
    "bucket": "bucket: {salt: winback, from: 0, to: 0.5}",
    "engagement": "engagement: {is: {gte: 3}}",
}

KEY_EXAMPLES: Mapping[str, str] = {
    "id": "id: lapsed-buyers",
    "name": "name: order_completed",
    "is": "is: {gte: 3}",
    "of": "of: revenue",
    "fn": "fn: sum",
    "n": "n: 3",
    "path": "path: country",
    "trait": "trait: birthday",
    "every": "every: 30d",
    "periods": "periods: 3",
    "first": "first: {name: checkout_started}",
    "then": "then: {name: order_completed}",
    "without": "without: {name: order_completed}",
    "within": "within: 30d",
    "purpose": "purpose: marketing",
    "salt": "salt: winback",
    "from": "from: 0",
    "to": "to: 0.5",
    "same": "same: order_id",
    "unless": "unless: {name: order_refunded, same: order_id}",
    "where": "where: {products.sku: X-100, total: {gte: 50}}",
    "weights": "weights: {email_opened: 1, email_clicked: 3}",
    "count": "count: {gte: 3}",
    "between": "between: [90d, 30d]",
    "in": "in: [DE, FR]",
    "not_in": "not_in: [DE, FR]",
    "near": "near: {lat: 52.52, lon: 13.4, km: 25}",
    "lat": "lat: 52.52",
    "lon": "lon: 13.4",
    "km": "km: 25",
    "all": "all: [{event: {name: page}}, {suppressed: false}]",
    "any": "any: [{event: {name: page}}, {event: {name: email_clicked}}]",
    "none": "none: opened",
}
KIND_EXAMPLES: Mapping[tuple[str, str], str] = {  # where the key alone does not say it
    ("trait", "is"): "is: DE",
    ("consent", "is"): "is: granted",
    ("segment", "in"): "segment: vip",
    ("last_messages", "all"): "all: opened",
    ("last_messages", "any"): "any: [opened, clicked]",
}

INSTEAD: Mapping[str, tuple[str, ...]] = {  # what people write -> ours; the first that is known at the place counts
    ">": ("gt",), "greater_than": ("gt",), "more_than": ("gt",), "above": ("gt",), "over": ("gt",),
    ">=": ("gte",), "at_least": ("gte", "count"), "min": ("gte",), "from": ("gte", "after", "since"), "ge": ("gte",),
    "<": ("lt",), "less_than": ("lt",), "below": ("lt",), "under": ("lt",),
    "<=": ("lte",), "at_most": ("lte", "count"), "max": ("lte",), "to": ("lte", "before"), "le": ("lte",),
    "=": ("eq",), "==": ("eq",), "equals": ("eq",), "equal": ("eq",), "is": ("eq", "count"), "exactly": ("eq", "count"),
    "value": ("eq", "is", "count"), "op": ("is", "count"), "operator": ("is", "count"),
    "!=": ("ne",), "<>": ("ne",), "not": ("ne",), "not_equals": ("ne",), "is_not": ("ne",), "neq": ("ne",),
    "one_of": ("in",), "any_of": ("in",), "any": ("in", "in_"), "none_of": ("not_in",), "nin": ("not_in",),
    "includes": ("contains",), "include": ("contains",), "like": ("contains",), "matches": ("contains",),
    "begins_with": ("starts_with",), "prefix": ("starts_with",), "suffix": ("ends_with",), "present": ("exists",),
    "event": ("name", "trait"), "events": ("name",), "event_name": ("name",), "type": ("name", "fn"),
    "title": ("description",), "comment": ("description",), "name": ("id", "description"),
    "key": ("path", "trait", "same"),    "rules": ("rule",), "segment": ("id",), "segment_id": ("id",),
    "condition": ("where", "rule"), "conditions": ("where", "rule"), "filter": ("where",),
    "filters": ("where",), "properties": ("where",), "if": ("where", "rule"), "with": ("where",),
    "last": ("within", "in_last", "n"), "in_last": ("within",), "in_the_last": ("within", "in_last"),
    "window": ("within",), "period": ("within", "every"), "for": ("within", "for_at_least"), "days": ("within",),
    "timeframe": ("within",), "duration": ("within",), "after": ("since", "over"), "until": ("before", "to"),
    "older_than": ("over",), "wait": ("mature_after", "within"), "delay": ("mature_after",),
    "times": ("count",), "frequency": ("count",), "function": ("fn",), "aggregate": ("fn",),
    "property": ("of", "path", "same"), "field": ("of", "path", "trait"), "attribute": ("path", "trait", "of"),
    "trait": ("path",), "path": ("trait", "of"), "number": ("n",), "messages": ("n",), "size": ("n",),
    "stream": ("category",), "tag": ("category",), "channel": ("category",), "not_opened": ("none",),
    "on": ("same",), "by": ("same",), "same_as": ("same",), "followed_by": ("then",), "second": ("then",),
    "timezone": ("zone",), "time_zone": ("zone",), "tz": ("zone",), "seed": ("salt",), "days_ago": ("days_after",),
    "radius": ("km",), "distance": ("km",), "lng": ("lon",), "long": ("lon",), "longitude": ("lon",),
    "latitude": ("lat",), "status": ("is",), "granted": ("is",), "except": ("unless",), "refunded": ("unless",),
    "account": ("tenant",), "enabled": ("description",),
}  # fmt: skip

NODES_INSTEAD: Mapping[str, str] = {
    "and": "all", "every": "all", "or": "any", "one_of": "any", "none": "not", "nor": "not", "no": "not",
    "events": "event", "track": "event", "did": "event", "done": "event", "not_event": "not", "last": "latest",
    "property": "trait", "attribute": "trait", "user": "trait", "score": "engagement", "sum": "aggregate",
    "count": "event", "messages": "last_messages", "birthday": "anniversary", "in_segment": "segment",
    "segments": "segment", "list": "segment", "random": "bucket", "sample": "bucket", "percent": "bucket",
    "then": "sequence", "funnel": "sequence", "subscribed": "consent", "unsubscribed": "suppressed",
}  # fmt: skip

WORDS_INSTEAD: Mapping[str, tuple[str, ...]] = {  # of values
    "total": ("sum",), "average": ("avg",), "mean": ("avg",), "minimum": ("min",), "maximum": ("max",),
    "unique": ("distinct",), "count_distinct": ("distinct",), "uniq": ("distinct",),
    "yes": ("granted", "true"), "true": ("granted",), "on": ("true", "granted"), "subscribed": ("granted",),
    "no": ("denied", "false"), "false": ("denied",), "off": ("false", "denied"), "revoked": ("denied",),
}  # fmt: skip

COMPARISONS: Mapping[str, str] = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "==": "eq", "=": "eq"}

PATTERNS: Mapping[str, str] = {  # what a text of a certain form is called, and how it is written
    "id": "no id of a segment; write small letters, digits, - and _, such as {meant}",
    "in": "no id of a segment; write small letters, digits, - and _, such as {meant}",
    "tenant": "no tenant's name; write small letters, digits, and . _ - between them, such as {meant}",
}
EXPECTED: Mapping[str, str] = {  # by pydantic's kind of error
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "string_type": "expected text",
    "string_too_short": "is empty; write a text",
    "dict_type": "expected keys with values below it",
    "model_type": "expected keys with values below it",
    "tuple_type": "expected a list",
    "greater_than_equal": "is too small; the least is {ge:g}",
    "less_than_equal": "is too large; the most is {le:g}",
    "greater_than": "is too small; it must be more than {gt:g}",
    "finite_number": "expected a finite number",
}
