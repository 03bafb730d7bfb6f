"""Functions of SQL that the conditions and leaves call, each put into a query that names it.

A value of JSON is its raw text, `v` a list of them. ClickHouse calls `name -> expression` in a WITH clause like any
function, and writes its arguments wherever it names them: `arrayMap(x -> ..., [long])[1]` writes a long one once.
Days of a date: H. Hinnant, "chrono-compatible low-level date algorithms". `near`: the haversine formula with the mean
radius of the earth (IUGG), for the built-in one is of single precision.
"""

from __future__ import annotations

import re

_TIME = (
    "^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.]([0-9]{1,9}))?"
    "(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?)?$"
)
FUNCTIONS = {
    "is_text": "r -> startsWith(r, '\"')",
    "is_number": "r -> r != '' AND position('-0123456789', substring(r, 1, 1)) > 0",
    "number_of": "r -> toFloat64OrZero(r)",
    "text_of": "r -> if(is_text(r), JSONExtractString(r), '')",
    "typed": (
        "r -> multiIf(is_text(r), concat('t', JSONExtractString(r)), is_number(r),"
        " concat('n', toString(number_of(r) + 0.)), r IN ('true', 'false'), r, '')"
    ),
    "items": "v -> arrayFlatten(arrayMap(r -> if(startsWith(r, '['), JSONExtractArrayRaw(r), [r]), v))",
    "under": "(v, k) -> arrayFilter(r -> r != '', arrayMap(r -> JSONExtractRaw(r, k), v))",
    "known": "v -> arrayFilter(r -> r != 'null', items(v))",
    "part": "(g, n) -> toInt64OrZero(g[n])",
    "is_leap": "y -> (y % 4 = 0 AND y % 100 != 0) OR y % 400 = 0",
    "days_in": "(y, m) -> if(m = 2, 28 + is_leap(y), 30 + ((m + (m > 7)) % 2))",
    "days_before": "(y, m) -> 365 * y + intDiv(y, 4) - intDiv(y, 100) + intDiv(y, 400) + intDiv(153 * m + 2, 5)",
    "days_to": "(y, m, d) -> days_before(y - (m <= 2), m + if(m > 2, -3, 9)) + d - 719469",
    "is_time": (
        "g -> notEmpty(g) AND part(g, 1) > 0 AND part(g, 2) BETWEEN 1 AND 12"
        " AND part(g, 3) BETWEEN 1 AND days_in(part(g, 1), part(g, 2)) AND part(g, 4) < 24 AND part(g, 5) < 60"
        " AND part(g, 6) < 60 AND part(g, 10) < 24 AND part(g, 11) < 60"
    ),
    "time_in": (
        "g -> (days_to(part(g, 1), part(g, 2), part(g, 3)) * 86400 + part(g, 4) * 3600 + part(g, 5) * 60 + part(g, 6)"
        " - if(g[9] = '-', -1, 1) * (part(g, 10) * 3600 + part(g, 11) * 60)) * 1000"
        " + toInt64OrZero(rightPad(g[7], 3, '0'))"
    ),
    "groups": f"r -> extractGroups(text_of(r), '{_TIME}')",
    "ms_in": "x -> toFloat64(floor(if(x >= 1e11, x, x * 1000) + 0.5))",
    "ms_at": "(r, g) -> multiIf(is_time(g), toFloat64(time_in(g)), is_number(r), ms_in(number_of(r)), 1e18)",
    "in_years": "ms -> if(ms BETWEEN -62135596800000. AND 253402300799999., toInt64(ms), NULL)",
    "time_of": "r -> arrayMap(ms -> in_years(ms), arrayMap((r, g) -> ms_at(r, g), [r], [groups(r)]))[1]",
    "day_number": "ms -> intDiv(ms - positiveModulo(ms, 86400000), 86400000)",
    "day_in": "days -> addDays(toDate32('1970-01-01'), positiveModulo(toInt64(days) + 25567, 146097) - 25567)",
    "month_day": (
        "r -> arrayMap((t, g, day) -> if(t, (part(g, 2), part(g, 3)),"
        " (toInt64(toMonth(day)), toInt64(toDayOfMonth(day)))),"
        " [is_text(r)], [groups(r)], [day_in(day_number(ifNull(time_of(r), 0)))])[1]"
    ),
    "day_of_year": "(y, m, d) -> days_to(y, m, if(m = 2 AND d = 29 AND NOT is_leap(y), 28, d))",
    "is_on": "(day, at, before, after) -> day BETWEEN at - before AND at + after",
    "is_around": (
        "(day, of, before, after) -> arrayExists((t, d) -> arrayExists("
        "y -> is_on(toInt32(t), day_of_year(y, d.1, d.2), before, after), [toYear(t) - 1, toYear(t), toYear(t) + 1]),"
        " [day], [of])"
    ),
    "field": "(r, k) -> if(is_number(JSONExtractRaw(r, k)), number_of(JSONExtractRaw(r, k)), 999.)",
    "haversine": (
        "(a, o, b, p) -> pow(sin(radians(b - a) / 2), 2)"
        " + cos(radians(a)) * cos(radians(b)) * pow(sin(radians(p - o) / 2), 2)"
    ),
    "is_near": (
        "(r, b, p, km) -> startsWith(r, '{') AND abs(field(r, 'lat')) <= 90 AND abs(field(r, 'lon')) <= 180"
        " AND 12742.0176 * asin(least(1., sqrt(haversine(field(r, 'lat'), field(r, 'lon'), b, p)))) <= km"
    ),
    "parts": "(x, unit) -> floor(x * unit + 0.5)",
}
_CALL = re.compile(r"\b([a-z_]+)\(")


def used_in(text: str) -> dict[str, str]:
    """The functions that the text calls, and those that they call, each after what it needs."""
    needed: set[str] = set()
    waiting = [text]
    while waiting:
        called = {name for name in _CALL.findall(waiting.pop()) if name in FUNCTIONS} - needed
        needed |= called
        waiting += [FUNCTIONS[name] for name in called]
    return {name: body for name, body in FUNCTIONS.items() if name in needed}
