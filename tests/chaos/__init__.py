"""Rounds of kills, pauses, rebalances and broker restarts under load; after each, every total must be exact."""
