"""Shared fixtures; the brokers are in `tests/brokers.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `tests.` is importable under any pytest command

pytest_plugins = ["tests.brokers"]
