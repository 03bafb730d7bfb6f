"""The choices above the boards, each a named query."""

from __future__ import annotations

from dashboards.grafana.board import Marks, Variable

TENANT = Variable(name="tenant", label="Tenant", query="choices_tenant")
PROVIDER = Variable(name="provider", label="Mailbox provider", query="choices_provider")
CAMPAIGN = Variable(name="campaign", label="Campaign", query="choices_campaign")
IP = Variable(name="ip", label="Sending IP", query="choices_ip")
DOMAIN = Variable(name="domain", label="Sending domain", query="choices_domain")
SEGMENT = Variable(name="segment", label="Segment", query="choices_segment")

DECIDED = ("bad-list", "blocked-ip")  # scenarios in which something is decided
DECISIONS = Marks(name="Decisions", query="decision_marks", rows_in=DECIDED)
