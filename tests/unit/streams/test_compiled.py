"""Loops are compiled once and kept; where nothing can be kept they are compiled all the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from streams.core import compiled as compiling
from streams.core.compiled import INT, INTS, as_bytes, compiled
from streams.core.grouping import code_texts


def test_a_loop_without_a_place_for_its_code_is_compiled_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    scope: dict[str, object] = {}
    exec("def total(numbers):\n    found = 0\n    for number in numbers: found += number\n    return found", scope)
    with caplog.at_level("INFO", logger=compiling.__name__):
        total = compiled(INT(INTS))(scope["total"])  # type: ignore[type-var]  # made of text: it has no file
    assert "no locator available" in caplog.text
    assert total(np.arange(5)) == 10  # type: ignore[operator]


def test_another_type_of_array_is_refused_and_not_read_as_something_else() -> None:
    table, numbers = np.zeros((1, 1), np.int64), np.zeros(1, np.int64)
    with pytest.raises(TypeError, match="No matching definition"):
        code_texts(as_bytes(b"x"), table, table, numbers.astype(np.int32), numbers, numbers, table, table)


def test_services_without_compiled_loops_do_not_pay_for_the_compiler() -> None:
    code = "import sys, streams.agents.normalise, streams.agents.app, streams.agents.remediation; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "faust" in loaded
    assert "numba" not in loaded
