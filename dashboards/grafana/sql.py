"""A named query as Grafana sends it: parameters become the data source's macros, the board's variables, or defaults.

Macros as grafana-clickhouse-datasource 4.20 expands them: `$__fromTime` and `$__toTime` to `toDateTime(<seconds>)`,
`$__interval_s` to a whole number of seconds. Alert rules have no variables, and Grafana takes every `$` in the file
that provisions them for the environment's, so their SQL has none: their span ends at the engine's own clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboards.queries import NamedQuery, Parameter
from schemas.errors import Misconfigured

_PARAMETER = re.compile(r"\{(\w+):\s*\w+\}")
MACROS: Mapping[str, str] = {
    "from_ms": "(toInt64($__fromTime) * 1000)",
    "to_ms": "(toInt64($__toTime) * 1000)",
    "bucket_s": "$__interval_s",
}
NOW_MS = "toUnixTimestamp64Milli(now64(3))"


def grafana_sql(named: NamedQuery, fixed: Mapping[str, int | str], bound: Mapping[str, str]) -> str:
    """The query's SQL for a board; `fixed` sets parameters, `bound` names the board's variables for others.

    Raises Misconfigured when a parameter has neither macro nor value nor variable.
    """
    variables = {name: f"${{{variable}:singlequote}}" for name, variable in bound.items()}
    return _filled(named, fixed, {**MACROS, **variables})


def alert_sql(named: NamedQuery, fixed: Mapping[str, int | str], span_s: int) -> str:
    """The query's SQL for an alert rule, over the last `span_s` seconds. Raises Misconfigured as `grafana_sql`."""
    return _filled(named, fixed, {"from_ms": f"({NOW_MS} - {span_s * 1000})", "to_ms": NOW_MS})


def _filled(named: NamedQuery, fixed: Mapping[str, int | str], known: Mapping[str, str]) -> str:
    texts = {parameter.name: _text(named, parameter, fixed, known) for parameter in named.parameters}
    return _PARAMETER.sub(lambda match: texts[match[1]], named.sql)


def _text(named: NamedQuery, parameter: Parameter, fixed: Mapping[str, int | str], known: Mapping[str, str]) -> str:
    if parameter.name in fixed:
        return _literal(parameter, fixed[parameter.name])
    if parameter.name in known:
        return known[parameter.name]
    if parameter.default is None:
        raise Misconfigured(f"dashboards/grafana: {named.name} needs a value for {parameter.name}")
    return _literal(parameter, parameter.default)


def _literal(parameter: Parameter, value: int | str) -> str:
    """Checked by the parameter's own type; text may hold letters, digits and `_-.` only, so it needs no escaping."""
    checked = parameter.parse(str(value))
    if isinstance(checked, int):
        return str(checked)
    if not re.fullmatch(r"[\w.-]*", checked):
        raise Misconfigured(f"dashboards/grafana: {parameter.name}={checked!r} would need escaping; use a variable")
    return f"'{checked}'"
