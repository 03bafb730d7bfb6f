"""An own virtual environment for each peer whose pins conflict with ours, made on demand.

`<name>.txt` beside this file lists exact versions; the environment is `.cache/peers/<name>` and is made
again when the list changes. Installing goes through pip as this machine has it configured.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CACHE = FOLDER.parents[1] / ".cache" / "peers"
OWN = ""  # the product's own environment
_INSTALL_S = 600.0


class CannotInstallError(Exception):
    """The environment could not be made; the text says why."""


def python_of(name: str, *, cache: Path = CACHE, folder: Path = FOLDER) -> str:
    """The interpreter of environment `name`, made if it is missing. Raises CannotInstallError."""
    if name == OWN:
        return sys.executable
    pins = folder / f"{name}.txt"
    mark = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    place = cache / name
    python, stamp = place / "bin" / "python", place / ".made-from"
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == mark and python.exists()):
        shutil.rmtree(place, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(place)], name)
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(pins)], name)
        stamp.write_text(mark, encoding="utf-8")
    return str(python)


def _run(argv: list[str], name: str) -> None:
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_INSTALL_S, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotInstallError(f"{name} could not be installed in {_INSTALL_S:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "no reason given")
        raise CannotInstallError(f"{name} could not be installed here: {reason[:200]}")
