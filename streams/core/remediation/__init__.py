"""Verdicts to decisions to outcomes: what to do about a key, and doing it once.

`actions.py`, `causes.py` and `permission.py` are the tables and rules, `machine.py` one key's way through its states,
`trial.py` how it comes back by evidence, `desk.py` all keys together, `execute.py` carries a decision out.
"""
