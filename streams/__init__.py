"""The application: core/ (pure), lane/ (batch delivery and state), agents/ (thin Faust shells), gateway/,
wiring (the one composition root), local/ (the stack on one machine), commands/ and the CLI.

Read `core/normalise.py` and `agents/normalise.py` first: one stage from end to end.
"""
