"""Tests: unit (mirrors the source), contract, integration, end_to_end, architecture."""
