"""Journeys as data: what happens to somebody from an event or a segment on, as frozen models.

`docs/journeys.md` has the language with examples. What a journey does is `streams/core/journeys/`.
"""
