"""Counts per minute to detectors' signals to a score: pure functions, no clock, no Faust.

Read `ledger.py` (what is known), `detectors.py` (who watches which key, with which numbers), then
`score.py` (what comes out).
"""
