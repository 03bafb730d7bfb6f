"""The page about journeys: what it shows can be read, and every step and bound is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from schemas.config_file import parse_config
from schemas.journeys.checks import check
from schemas.journeys.journey import EXIT, LONGEST_MS, MOST_CAPPED, MOST_DEPTH, MOST_ENDINGS, MOST_STEPS, STEPS, Journey
from schemas.journeys.sentences import parse_journey
from schemas.segments.texts import read_yaml
from streams.core.journeys.kept import MOST_RUNS, MOST_SEEN

PAGE = (Path(__file__).parents[4] / "docs" / "journeys.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", [block for block in BLOCKS if block.startswith("id:")])
def test_each_journey_of_the_page_is_one(text: str) -> None:
    found = parse_journey({"tenant": "acme", **read_yaml(text)}, "")
    assert isinstance(found, Journey), found
    assert check([(found, "")], {"acme": ["vip", "vip-90d"]}, {"acme": ["crm"]}) == []


def test_each_step_of_the_table_is_one_and_all_are_there() -> None:
    rows = re.findall(r"^\| `((?:wait|wait_until|branch|split|call|cap|exit)\b.*?)` \| ", PAGE, re.MULTILINE)
    assert [row.split(":")[0] for row in rows] == [*STEPS, EXIT]
    for row in rows:
        step = read_yaml("- " + row.replace("[...]", "[{wait: 1h}]"))[0]
        journey = {"id": "a", "tenant": "acme", "enter": {"event": {"name": "page", "key": "cart_id"}}, "steps": [step]}
        assert isinstance(parse_journey(journey, ""), Journey), row


def test_the_configuration_of_the_page_is_one() -> None:
    (text,) = [block for block in BLOCKS if "journey_webhooks" in block]
    environ = {"CRM_URL": "https://crm.example/", "CRM_SECRET": "whsec_" + "MfKQ" * 8}
    found = parse_config(yaml.safe_load(text), environ, "mailweir.yaml")
    assert [webhook.name for webhook in found.journey_webhooks] == ["crm"]


def test_the_bounds_are_those_of_the_code() -> None:
    told = " ".join(PAGE.split("**Bounds**:")[1].split("\n\n")[0].split())
    days = LONGEST_MS // 86_400_000
    for said in (
        f"{MOST_STEPS} steps", f"{MOST_DEPTH} deep", f"{days} days", f"{MOST_RUNS} runs of a recipient",
        f"{MOST_SEEN} entering events",
        f"up to {MOST_CAPPED} calls", f"{MOST_ENDINGS} lines of `exit_when`",
    ):  # fmt: skip
        assert said in told, said
