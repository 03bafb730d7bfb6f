"""The few loops that are compiled: those that touch every byte or every event, and would be most of the bill.

They are plain Python over numpy arrays, compiled by Numba when their module is first imported on a machine
and read from a cache beside it from then on. The cache belongs to the text of the whole core: Numba itself looks at
a loop's own file only, and would go on with loops that have others of their past built in. With NUMBA_DISABLE_JIT=1
they run as Python, for a debugger.
Array arguments are contiguous and of exactly the stated types; bounds are not checked, so a loop checks what
comes from outside. Unsigned and signed integers are never mixed: Numba would make floating point of them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import config, njit, types

log = logging.getLogger(__name__)
CACHES = Path(__file__).parent / "__pycache__" / "loops"


def _cache() -> Path:
    """The folder for this version of the core."""
    texts = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        texts.update(path.read_bytes())
    return CACHES / texts.hexdigest()[:16]


CACHE = _cache()
config.CACHE_DIR = config.CACHE_DIR or str(CACHE)  # type: ignore[attr-defined]  # NUMBA_CACHE_DIR goes before it

Loop = TypeVar("Loop", bound=Callable[..., Any])
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
SmallInts = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Number = Any  # of a compiled loop: a plain int from outside, one of numpy's inside
Ids = npt.NDArray[np.uint64]
Hours = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

INT = types.int64
WORD = types.uint64
NOTHING = types.void
FLAG = types.boolean
BYTES = types.Array(types.uint8, 1, "C", readonly=True)
OUT_BYTES = types.uint8[::1]
INTS = types.int64[::1]
TABLE = types.int64[:, ::1]
SMALL_TABLE = types.int32[:, ::1]
FLAGS = types.boolean[::1]
IDS = types.uint64[::1]
HOURS = types.int32[::1]
REAL = types.float64
REALS = types.float64[::1]
REAL_TABLE = types.float64[:, ::1]
REAL_BLOCK = types.float64[:, :, ::1]


def several(*returned: Any) -> Any:
    """The type of a loop that returns a tuple of these."""
    return types.Tuple(returned)  # type: ignore[no-untyped-call]


def compiled(signature: Any) -> Callable[[Loop], Loop]:
    """Compile a loop for this signature: `returned(taken, ...)` of the types above."""

    def compile_loop(loop: Loop) -> Loop:
        try:
            return cast("Loop", njit(signature, cache=True, nogil=True)(loop))
        except RuntimeError as error:  # a read-only container: nowhere to keep it, so every start compiles
            log.info("%s", error)
            return cast("Loop", njit(signature, nogil=True)(loop))

    return compile_loop


def as_bytes(text: bytes) -> Bytes:
    """Read only, without a copy: what BYTES takes."""
    return np.frombuffer(text, np.uint8)


def slices(joined: Bytes, ends: Ints) -> list[bytes]:
    """The pieces of a text, each up to its end."""
    text, upto = joined.tobytes(), ends.tolist()
    return [text[begin:end] for begin, end in zip([0, *upto], upto, strict=False)]
