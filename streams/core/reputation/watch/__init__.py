"""Compiled detectors with a fixed number of numbers a key: counts by slot in, verdicts out.

Read `state.py` (what is remembered), a detector (`refusals.py`), `parameters.py` (who watches which key, with which
numbers), `loops.py` (a slot), then `watch.py`.
"""

from streams.core.reputation.watch.parameters import PARAMETERS, Parameters
from streams.core.reputation.watch.watch import Watch

__all__ = ["PARAMETERS", "Parameters", "Watch"]
