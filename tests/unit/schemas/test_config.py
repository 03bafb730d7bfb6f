"""A wrong configuration gets a sentence that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.config import Config
from schemas.config_file import load_config, parse_config
from schemas.errors import Misconfigured
from schemas.settings import load_settings


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"souces": []}, "unknown key `souces`; did you mean `sources`?"),
        ({"sources": [{"name": "a", "provder": "x"}]}, "`sources[0].provider`: Field required"),
        ({"sources": [{"name": "a", "provider": "x", "tollerance_s": 1}]}, "did you mean `tolerance_s`?"),
        ({"limits": {"max_body": 5}}, "did you mean `max_body_bytes`?"),
        ({"sources": [{"name": "a", "provider": "x", "control": {"url": ""}}]}, "`sources[0].control.url`"),
        ({"sources": [{"name": "a", "provider": "x", "tenant": "q"}]}, "not under `tenants`; known: default"),
        ({"sources": [{"name": "a", "provider": "x"}] * 2}, "the name 'a' is used twice"),
        (
            {"policies": [{"mode": "kill"}]},
            "`policies[0].mode`: 'kill' is not known; known: observe, suggest, approve, act",
        ),
        ({"sources": [{"name": "a", "provider": "x", "secrets": [" "]}]}, "a secret is empty"),
        (
            {"xyz": 1},
            "known keys: alerts, console, console_url, journey_webhooks, journeys, limits, policies, public_url, ",
        ),
        ({"sources": [{"name": "a", "provider": "x", "secrets": [{"env": "NOT_SET"}]}]}, "variable NOT_SET is not set"),
        ({"sources": [{"name": "a", "provider": "x", "secrets": [{"file": "/no/such"}]}]}, "/no/such cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_config(data, {}, "mailweir.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("mailweir.yaml: ")


def test_secrets_come_from_the_environment_and_files_and_are_never_printed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    config = parse_config(
        {
            "sources": [
                {"name": "a", "provider": "x", "secrets": [{"env": "K"}, {"file": str(tmp_path / "key")}, "lit"]}
            ]
        },
        {"K": "from-env"},
        "test",
    )
    source = config.source("a")
    assert source is not None
    assert [secret.get_secret_value() for secret in source.secrets] == ["from-env", "from-file", "lit"]
    assert not any(word in repr(config) for word in ("from-env", "from-file", "lit'"))


def test_a_file_that_is_missing_broken_or_no_mapping_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file; write one"):
        load_config(tmp_path / "none.yaml", {})
    broken = tmp_path / "broken.yaml"
    broken.write_text("sources:\n  - name: [")
    with pytest.raises(Misconfigured, match="line 2: not valid YAML"):
        load_config(broken, {})
    broken.write_text("- a\n")
    with pytest.raises(Misconfigured, match="expected keys such as `sources:`"):
        load_config(broken, {})
    broken.write_text("")
    assert load_config(broken, {}) == Config()


def test_settings_name_the_variable_that_is_wrong() -> None:
    with pytest.raises(Misconfigured, match=r"MAILWEIR_PARTITIONS: .*got 'many'"):
        load_settings({"MAILWEIR_PARTITIONS": "many"})
    assert load_settings({"MAILWEIR_KAFKA": "k:1", "MAILWEIR_FLUSH_S": ""}).kafka == "k:1"


def test_a_tenant_without_a_policy_gets_the_one_for_all_then_the_cautious_default() -> None:
    both = parse_config({"policies": [{"tenant": "acme", "mode": "act"}, {"mode": "observe"}]}, {}, "t")
    assert (both.policy("acme").mode, both.policy("else").mode) == ("act", "observe")
    assert parse_config({"policies": []}, {}, "t").policy("x").mode == "suggest"
