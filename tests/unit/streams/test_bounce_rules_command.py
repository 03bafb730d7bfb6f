"""`mailweir classify --check` and `--score`, called the way the command line calls them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from schemas.errors import Misconfigured
from streams.commands import bounce_rules

LINES = "reason\tverdict\tsource\treply\ninvalid_recipient\tsuppress\tme\t550 user unknown\npolicy\tkeep\tme\t550 a\n"


def test_the_shipped_rules_pass_their_own_check() -> None:
    out = io.StringIO()
    assert bounce_rules.run_check(out) == 0
    assert out.getvalue().count("\n") == 1


def test_a_score_is_told_in_words_with_what_was_missed(tmp_path: Path) -> None:
    out = io.StringIO()
    file = tmp_path / "labelled.tsv"
    file.write_text(LINES, encoding="utf-8")
    assert bounce_rules.run_score(file, out) == 0
    figures = out.getvalue().splitlines()
    assert figures[0].startswith("reasons as labelled: 50.0% (9.5% to 90.5%), 1 of 2")
    assert figures[3] == "policy, read as unknown by no rule: 550 a"


def test_a_score_is_told_as_json(tmp_path: Path) -> None:
    out = io.StringIO()
    file = tmp_path / "labelled.tsv"
    file.write_text(LINES, encoding="utf-8")
    assert bounce_rules.run_score(file, out, as_json=True) == 0
    found = json.loads(out.getvalue())
    assert (found["reasons"]["hits"], found["precision"]["count"], found["missed"][0]["read_as"]) == (1, 1, "unknown")


@pytest.mark.parametrize("content", [None, "not a labelled line\n", "nonsense\tkeep\tme\t550 a\n"])
def test_a_file_that_is_not_labelled_is_a_mistake_of_the_caller(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "labelled.tsv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"labelled\.tsv"):
        bounce_rules.run_score(file, io.StringIO())
