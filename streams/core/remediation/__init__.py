"""Levels to decisions to outcomes: what to do about a key, and doing it once.

`actions.py` is the table, `machine.py` one key's memory, `desk.py` all keys together, `execute.py` carries
a decision out.
"""
