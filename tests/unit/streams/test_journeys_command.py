"""`mailweir journeys check` and `schema`: what is wrong in a sentence, an exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from streams.__main__ import app

EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD = "id: a\nenter: {segment: vip}\nsteps: [{call: {webhook: crm}}]\n"


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["journeys", *words])
    return result.exit_code, result.output


def test_sound_journeys_are_counted_in_one_line() -> None:
    found = run("check", str(EXAMPLES / "journeys"), "--segments", str(EXAMPLES / "segments"))
    assert found == (0, "3 journeys, no errors, no warnings\n")


def test_what_is_wrong_is_said_with_its_place_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("call", "cal"))
    code, said = run("check", str(tmp_path))
    assert code == 1
    assert "`a.steps[0]`: no step is called 'cal'; did you mean `call`?" in said
    assert said.endswith("no journeys, 1 error, no warnings\n")


def test_names_of_segments_are_checked_where_it_is_said_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    assert run("check", str(tmp_path))[0] == 0
    code, said = run("check", str(tmp_path), "--segments", str(EXAMPLES / "segments"))
    assert (code, "`a.enter.segment`: no segment has the id 'vip'" in said) == (1, True)


def test_a_warning_is_exit_0_and_1_when_strict_and_a_missing_path_is_2(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("{call: {webhook: crm}}", "exit"))
    assert run("check", str(tmp_path))[0] == 0
    assert run("check", str(tmp_path), "--strict")[0] == 1
    assert run("check", str(tmp_path / "none"))[0] == 2


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    told = json.loads(run("check", str(tmp_path), "--json")[1])
    assert [(item["id"], item["tenant"]) for item in told["journeys"]] == [("a", "default")]
    assert re.fullmatch("[0-9a-f]{32}", told["journeys"][0]["version"])
    assert (told["errors"], told["findings"]) == (0, [])


def test_the_schema_is_printed_as_json() -> None:
    code, said = run("schema")
    assert code == 0
    assert set(json.loads(said)["$defs"]) >= {"Journey", "Step", "Rule"}
