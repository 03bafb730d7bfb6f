"""Folders of journeys: what may stand in a file, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import Misconfigured
from schemas.journeys.files import load_journeys, read_journeys

ONE = "{id: %s, enter: {segment: vip}, steps: [{call: {webhook: crm}}]}"


def said(at: Path) -> list[str]:
    return [str(finding).replace(f"{at}/", "") for finding in read_journeys([at]).findings]


def test_a_file_holds_one_journey_a_list_or_several_of_a_tenant(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(ONE % "one")
    (tmp_path / "list.yml").write_text(f"- {ONE % 'two'}\n- {ONE % 'three'}\n")
    (tmp_path / "several.yaml").write_text(f"tenant: acme\njourneys:\n- {ONE % 'two'}\n")
    found = {(journey.tenant, journey.id) for journey in load_journeys([tmp_path])}
    assert found == {("default", "one"), ("default", "two"), ("default", "three"), ("acme", "two")}


def test_what_is_wrong_keeps_its_file_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONE % "one")
    (tmp_path / "b.yaml").write_text("")
    (tmp_path / "c.yaml").write_text(ONE % "one")
    (tmp_path / "d.yaml").write_text("journeys: {}")
    (tmp_path / "e.yaml").write_text(ONE % "One")
    assert [item.journey.id for item in read_journeys([tmp_path]).placed] == ["one", "one"]
    assert said(tmp_path) == [
        "error: b.yaml: is empty; write a journey: id: abandoned-cart, and below it enter: and steps:",
        f"error: c.yaml: `one`: the id is taken by a journey in {tmp_path}/a.yaml; give one of them another".replace(
            f"{tmp_path}/", ""
        ),
        "error: d.yaml: `journeys`: expected a list of journeys, each beginning with `- id:`",
        "error: e.yaml: `One.id`: 'One' is no id of a journey; write small letters, digits, - and _, such as one",
    ]
    with pytest.raises(Misconfigured, match="give one of them another"):
        load_journeys([tmp_path])


def test_a_path_without_journeys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="put one there for each journey"):
        read_journeys([tmp_path])
    with pytest.raises(Misconfigured, match="name a file with journeys"):
        read_journeys([tmp_path / "none"])
