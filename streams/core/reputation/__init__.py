"""Counts to verdicts and scores: pure functions, no clock, no Faust.

What decides: `slot_log.py` (counts by second), `watch/` (who watches which key, with which numbers), `watching.py`
(what is said, and remembered). What people read: `ledger.py` (what is known), then `score.py` (what comes out).
"""
