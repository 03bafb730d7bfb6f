"""Journeys of recipients, as functions of their facts, their memberships and time; `docs/journeys.md`."""
