"""Which numbers the detectors of a command take: a file that is named, else the configured one, else built-in ones."""

from __future__ import annotations

from pathlib import Path

from schemas.learned import load_learned
from schemas.settings import Settings
from streams import environment
from streams.core.reputation.learned import parameters_of
from streams.core.reputation.watch.parameters import Parameters


def numbers_of(of: Settings, path: Path | None) -> Parameters:
    """The numbers; `path` is what `--parameters` named. Raises Misconfigured."""
    return parameters_of(load_learned(path, "--parameters") if path else environment.learned(of))
