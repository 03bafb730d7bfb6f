"""Folders of segments: what may stand in a file, and what is said of a file that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import Misconfigured
from schemas.segments.files import load_segments, read_segments

RULE = {"event": {"name": "page"}}


def folder(at: Path, **files: Any) -> Path:
    for name, content in files.items():
        path = at / name.replace("__", "/").replace("_yaml", ".yaml").replace("_yml", ".yml").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return at


def said(at: Path) -> list[str]:
    return [str(finding).replace(f"{at}/", "") for finding in read_segments([at]).findings]


def test_a_file_holds_one_segment_a_list_or_several_of_a_tenant(tmp_path: Path) -> None:
    at = folder(
        tmp_path,
        one_yaml="id: one\nevent: {name: page}\n",
        list_yml="- {id: two, event: {name: page}}\n- {id: three, tenant: beta, rule: {event: {name: page}}}\n",
        inner__several_json={
            "tenant": "acme",
            "segments": [{"id": "four", **RULE}, {"id": "five", "tenant": "b", **RULE}],
        },
        notes_txt="not read",
    )
    (at / ".hidden").mkdir()
    (at / ".hidden" / "x.yaml").write_text("broken: [")
    found = {(segment.tenant, segment.id) for segment in load_segments([at])}
    assert found == {("default", "one"), ("default", "two"), ("beta", "three"), ("acme", "four"), ("b", "five")}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "error: a.yaml: is empty; write a segment: id: lapsed-buyers and below it a node such as event:"),
        ("id: [", "line 2: not valid YAML (did not find expected node content); a [ or { is not closed"),
        ("just a text", "error: a.yaml: `segment`: the text 'just a text' is no segment; write keys"),
        ("event: {name: page}", "error: a.yaml: `segment`: `id` is missing; add for example id: lapsed-buyers"),
        ("- {id: a, event: {name: page}}\n- event: {name: page}",
         "error: a.yaml: `[1]`: `id` is missing; add for example id: lapsed-buyers"),
        ("segments: []", "error: a.yaml: `segments`: expected a list of segments, each beginning with `- id:`"),
        ("segments: {a: {event: {name: page}}}",
         "error: a.yaml: `segments`: expected a list of segments, each beginning with `- id:`"),
        ("tenat: acme\nsegments: [{id: a, event: {name: page}}]",
         "error: a.yaml: `tenat`: no such key beside `segments`; did you mean `tenant`?"),
        ("tenant: ACME\nsegments: [{id: a, event: {name: page}}]",
         "error: a.yaml: `a.tenant`: 'ACME' is no tenant's name; write small letters, digits, and . _ - between"),
    ],
)  # fmt: skip
def test_a_file_of_another_shape_is_said_with_its_name(tmp_path: Path, content: str, sentence: str) -> None:
    found = said(folder(tmp_path, a_yaml=content))
    assert len(found) == 1
    assert sentence in found[0]


def test_an_id_is_taken_once_for_each_tenant(tmp_path: Path) -> None:
    at = folder(
        tmp_path,
        a_json=[{"id": "x", **RULE}, {"id": "y", **RULE}, {"id": "y", **RULE}],
        b_json={"tenant": "beta", "segments": [{"id": "x", **RULE}]},
        c_json={"id": "x", **RULE},
    )
    assert [line.replace(str(at) + "/", "") for line in said(at)] == [
        "error: a.json: `y`: the id is taken by a segment in this file; give one of them another",
        "error: c.json: `x`: the id is taken by a segment in a.json; give one of them another",
    ]


def test_references_must_lead_somewhere_and_not_in_a_circle(tmp_path: Path) -> None:
    at = folder(
        tmp_path,
        a_json=[{"id": "a", "segment": "b"}, {"id": "b", "not": {"segment": "c"}}, {"id": "c", "segment": {"in": "a"}}],
        b_json=[{"id": "vips", **RULE}, {"id": "d", "any": [{"segment": "vip"}, {"segment": "there"}]}],
        c_json=[{"id": "there", "tenant": "beta", **RULE}, {"id": "self", "segment": "self"}],
    )
    found = said(at)
    assert found[0].partition("; ")[0] in {
        "error: a.json: `a`: refers to itself: a -> b -> c -> a",
        "error: a.json: `b`: refers to itself: b -> c -> a -> b",
        "error: a.json: `c`: refers to itself: c -> a -> b -> c",
    }
    assert found[1:] == [
        "error: b.json: `d.any[0].segment`: no segment has the id 'vip'; did you mean `vips`?",
        "error: b.json: `d.any[1].segment`: 'there' is a segment of the tenant beta, not of default; write one here",
        "error: c.json: `self`: refers to itself: self -> self; take one of the references out",
    ]


def test_references_may_not_be_endlessly_deep(tmp_path: Path) -> None:
    chain = [{"id": "s0", **RULE}, *({"id": f"s{n}", "segment": f"s{n - 1}"} for n in range(1, 5_000))]
    found = said(folder(tmp_path, a_json=chain))
    assert found == ["error: a.json: `s20`: segments refer to each other 21 deep; the most is 20, so merge some"]


def test_one_wrong_file_does_not_hide_the_others(tmp_path: Path) -> None:
    at = folder(tmp_path, a_yaml="id: [", b_yaml="id: b\nevent: {name: page}", c_json='{"id": "c"}')
    reading = read_segments([at])
    assert [segment.id for segment in reading.segments] == ["b"]
    assert len(reading.errors) == 2
    with pytest.raises(Misconfigured, match=r"(?s)a\.yaml.*c\.json"):
        load_segments([at])


def test_files_and_their_number_are_bounded(tmp_path: Path) -> None:
    at = folder(tmp_path, large_yaml="# " + "x" * 1_000_000)
    assert said(at) == ["error: large.yaml: is larger than 1,000,000 bytes; divide it into several files"]
    folder(at, large_yaml="id: a\nevent: {name: page}", more_json=[{"id": f"s{n}", **RULE} for n in range(10_000)])
    with pytest.raises(Misconfigured, match="more than 10000 segments"):
        read_segments([at])


def test_a_path_without_segments_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file or folder; name a file"):
        read_segments([tmp_path / "no"])
    with pytest.raises(Misconfigured, match=r"no file ends in \.yaml, \.yml, \.json"):
        read_segments([tmp_path])
    (tmp_path / "a.txt").write_text("id: a")
    assert "is not read by its name" in str(read_segments([tmp_path / "a.txt"]).findings[0])
    (tmp_path / "b.yaml").write_bytes(b"id: \xff")
    assert "is not UTF-8 (byte 5)" in str(read_segments([tmp_path / "b.yaml"]).findings[0])


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("\ufeffid: a\nevent: {name: page}\n".encode())
    (tmp_path / "b.json").write_bytes('\ufeff{"id": "b", "event": {"name": "page"}}'.encode())
    assert [segment.id for segment in load_segments([tmp_path])] == ["a", "b"]
