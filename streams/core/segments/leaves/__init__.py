"""The leaves of a rule as functions of what is kept; `leaf.py` says what they answer, `compiled.py` lists them."""
