"""`mailweir segments`, `segments check` and `schema`: what is wrong in a sentence, an exit code."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.config_file import load_config
from schemas.segments.files import load_segments
from schemas.segments.json_schema import json_schema
from schemas.segments.rules import NODES
from streams.__main__ import app
from streams.commands.segments import run_check

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "segments"
GOOD = "id: a\nevent: {name: page, within: 40d}\n"
ODD = "id: b\nevent: {name: email_open}\n"
WRONG = "id: c\nevent: {name: page, within: 30}\n"


def check(folder: Path, *, retention_days: int | None = None, is_strict: bool = False, **files: str) -> tuple[int, str]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    out = io.StringIO()
    code = run_check([folder], out, retention_days=retention_days, is_strict=is_strict)
    return code, out.getvalue().replace(f"{folder}/", "")


def test_sound_segments_are_counted_in_one_line(tmp_path: Path) -> None:
    assert check(tmp_path, one=GOOD) == (0, "1 segment, no errors, no warnings\n")


def test_findings_stand_file_by_file_above_the_last_line(tmp_path: Path) -> None:
    code, said = check(tmp_path, x=ODD, y=WRONG, z=GOOD)
    assert code == 1
    assert said.splitlines() == [
        "warning: x.yaml: `b.event.name`: no mail event is named 'email_open'; did you mean `email_opened`?",
        "error: y.yaml: `c.event.within`: 30 has no unit; write a number with s, m, h, d or w, such as 30d",
        "2 segments, 1 error, 1 warning",
    ]


def test_a_warning_is_exit_0_and_1_when_strict(tmp_path: Path) -> None:
    assert check(tmp_path, y=ODD)[0] == 0
    assert check(tmp_path, y=ODD, is_strict=True)[0] == 1


def test_how_long_events_are_kept_can_be_said(tmp_path: Path) -> None:
    assert check(tmp_path, one=GOOD, retention_days=30)[1].endswith("1 segment, no errors, 1 warning\n")


def test_the_command_line_ends_with_0_1_or_2(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["segments", *words])
        return result.exit_code, result.output

    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    assert run("check", str(tmp_path / "good.yaml")) == (0, "1 segment, no errors, no warnings\n")
    assert run("check", str(tmp_path))[0] == 1
    code, said = run("check", str(tmp_path / "none"))
    assert code == 2
    assert "no such file or folder; name a file with segments" in said


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        f"segments:\n- {{id: a, event: {{name: page}}}}\n- {{{ODD.replace(chr(10), ', ')}}}\n"
    )
    out = io.StringIO()
    assert run_check([tmp_path], out, as_json=True) == 0
    told = json.loads(out.getvalue())
    assert [(item["id"], item["tenant"]) for item in told["segments"]] == [("a", "default"), ("b", "default")]
    assert re.fullmatch("[0-9a-f]{32}", told["segments"][0]["version"])
    assert told["errors"] == 0
    assert told["findings"] == [{
        "severity": "warning", "place": "b.event.name", "file": str(tmp_path / "a.yaml"),
        "sentence": "no mail event is named 'email_open'; did you mean `email_opened`?",
    }]  # fmt: skip


def test_the_schema_is_printed_as_json() -> None:
    result = CliRunner().invoke(app, ["segments", "schema"])
    assert result.exit_code == 0
    assert json.loads(result.output) == json.loads(json.dumps(json_schema()))


def test_the_ten_examples_are_sound_and_each_says_what_it_answers() -> None:
    out = io.StringIO()
    assert run_check([EXAMPLES], out, retention_days=400, is_strict=True) == 0
    assert out.getvalue() == "10 segments, no errors, no warnings\n"
    for path in EXAMPLES.glob("*.yaml"):
        comment = path.read_text().partition("\nid:")[0]
        assert comment.startswith("# "), f"{path.name}: begin with the question that it answers"
        assert "?" in comment, f"{path.name}: begin with the question that it answers"
    assert {segment.id for segment in load_segments([EXAMPLES])} == {path.stem for path in EXAMPLES.glob("*.yaml")}


def blocks(*, of_config: bool) -> list[str]:
    """The YAML blocks of the page about segments: what is for mailweir.yaml, or what is for files of segments."""
    page = (ROOT / "docs" / "segments.md").read_text(encoding="utf-8")
    found = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    return [text for text in found if text.startswith("# mailweir.yaml\n") is of_config]


@pytest.mark.parametrize("text", blocks(of_config=False), ids=lambda text: text[:30])
def test_every_example_of_the_documentation_is_sound(tmp_path: Path, text: str) -> None:
    code, said = check(tmp_path, page=text, is_strict=True)
    assert code == 0, said


@pytest.mark.parametrize("text", blocks(of_config=True), ids=lambda text: text[:30])
def test_every_configuration_of_the_documentation_is_sound(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mailweir.yaml"
    file.write_text(text)
    environ = {"CRM_URL": "https://crm.example/segments", "CRM_SECRET": "whsec_bWFpbHdlaXItbWFpbHdlaXI="}
    assert load_config(file, environ).segments


def rows() -> dict[str, str]:
    """Node -> its example, of the table of nodes."""
    page = (ROOT / "docs" / "segments.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(\w+)` \| `(\w+: [^`]+)` \|", page, re.MULTILINE))


@pytest.mark.parametrize("kind", NODES)
def test_every_node_is_documented_with_an_example_that_is_sound(tmp_path: Path, kind: str) -> None:
    example = rows()[kind]
    assert example.startswith(f"{kind}: ")
    code, said = check(
        tmp_path, vip="id: vip\nevent: {name: page}\n", page=f"id: documented\n{example}\n", is_strict=True
    )
    assert code == 0, said


@pytest.mark.parametrize(
    ("config", "rule", "sentence"),
    [
        ("", GOOD, "no `segments`; name the folder with yours"),
        ("segments: rules", WRONG, "30 has no unit; write a number with s, m, h, d or w"),
        ("segments: nowhere", GOOD, "nowhere: no such file or folder"),
        (
            "segments: rules",
            f"tenant: acme\nsegments: [{{{'id: a, event: {name: page}'}}}]",
            "is for the tenant 'acme'",
        ),
    ],
)
def test_the_service_does_not_start_with_wrong_rules_and_says_what_to_change(
    tmp_path: Path, config: str, rule: str, sentence: str
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.yaml").write_text(rule)
    (tmp_path / "mailweir.yaml").write_text(config)
    for command in (["segments"], ["up", "--data", str(tmp_path / "data")])[: 2 if config else 1]:
        ended = CliRunner().invoke(app, command, env={"MAILWEIR_CONFIG": str(tmp_path / "mailweir.yaml")})
        assert ended.exit_code == 2
        assert sentence in ended.stderr
