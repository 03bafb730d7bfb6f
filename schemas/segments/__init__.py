"""Segments as data: what a rule may say, as frozen models. `docs/segments.md` has the language with examples.

`durations.py` and `conditions.py` are the words, `rules.py` the nodes of a rule and the segment around it. What a rule
means is `streams/core/segments/`: by events as they come, and by SQL over those that are stored.
"""
