"""Alert rules, contact points and policies in the form Grafana provisions them from (apiVersion 1).

There is no `$` in a rule, because Grafana takes it for the environment's: labels are named as `.Labels`, and the SQL
has no macro. Addresses of people come from the environment.
"""

from __future__ import annotations

from typing import Any

import yaml

from dashboards.grafana.alerts import ALERTS, Alert
from dashboards.grafana.board import DATASOURCE, Json, target

FOLDER = "mailweir"
_EXPRESSION = {"type": "__expr__", "uid": "__expr__"}
_NOTE = "# Written by `python -m dashboards.grafana`; edits are lost.\n"


def files() -> dict[str, str]:
    """File names with their content."""
    return {
        "rules.yaml": _NOTE + _yaml({"apiVersion": 1, "groups": [_group()]}),
        "contact-points.yaml": _NOTE + _yaml({"apiVersion": 1, "contactPoints": [_contact_point()]}),
        "policies.yaml": _NOTE + _yaml({"apiVersion": 1, "policies": [_policy()]}),
    }


def _group() -> Json:
    return {
        "orgId": 1,
        "name": "mailweir",
        "folder": FOLDER,
        "interval": "1m",
        "rules": [_rule(alert) for alert in ALERTS],
    }


def _rule(alert: Alert) -> Json:
    return {
        "uid": alert.uid,
        "title": alert.title,
        "condition": "B",
        "data": [_question(alert), _threshold(alert)],
        "for": alert.hold,
        "noDataState": "OK",
        "execErrState": "Error",
        "dashboardUid": alert.board.uid,
        "panelId": alert.panel_id,
        "annotations": {"summary": alert.summary},
        "labels": {"severity": alert.severity, "product": "mailweir"},
        "isPaused": False,
    }


def _question(alert: Alert) -> Json:
    return {
        "refId": "A",
        "relativeTimeRange": {"from": alert.span_s, "to": 0},
        "datasourceUid": DATASOURCE["uid"],
        "model": target(alert.sql(), "table"),
    }


def _threshold(alert: Alert) -> Json:
    return {
        "refId": "B",
        "datasourceUid": _EXPRESSION["uid"],
        "model": {
            "refId": "B",
            "datasource": _EXPRESSION,
            "type": "threshold",
            "expression": "A",
            "conditions": [{"evaluator": {"type": alert.side, "params": [alert.limit]}}],
        },
    }


def _contact_point() -> Json:
    return {
        "orgId": 1,
        "name": "mailweir",
        "receivers": [
            {"uid": "mailweir-webhook", "type": "webhook", "settings": {"url": "${ALERT_WEBHOOK_URL}"}},
            {"uid": "mailweir-email", "type": "email", "settings": {"addresses": "${ALERT_EMAIL}"}},
        ],
    }


def _policy() -> Json:
    return {
        "orgId": 1,
        "receiver": "mailweir",
        "group_by": ["alertname", "tenant"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": [
            {"receiver": "mailweir", "object_matchers": [["severity", "=", "page"]], "repeat_interval": "2h"},
        ],
    }


class _Dumper(yaml.SafeDumper):
    """Plain YAML, SQL as a block, no references."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(data: Json) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)
