"""The journeys that `mailweir.yaml` names, and what of them must be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.config_file import load_config
from schemas.errors import Misconfigured
from schemas.journeys.configured import configured_journeys, configured_journeys_stamp
from schemas.journeys.journey import Journey
from schemas.journeys.steps import JourneyStep, StepKind
from schemas.segments.configured import configured_segments

CONFIG = """
tenants: [{name: acme}]
segments: segments.yaml
journeys: journeys
journey_webhooks:
- {name: crm, tenant: acme, url: https://h/x, secret: whsec_%s}
""" % ("MfKQ" * 8)
JOURNEY = "{id: j, tenant: acme, enter: {segment: vip}, steps: [{call: {webhook: crm}}]}"


def found(at: Path, config: str = CONFIG, journey: str = JOURNEY) -> dict[str, list[Journey]]:
    file = at / "mailweir.yaml"
    file.write_text(config)
    (at / "segments.yaml").write_text("{id: vip, tenant: acme, suppressed: false}")
    (at / "journeys").mkdir(exist_ok=True)
    (at / "journeys" / "j.yaml").write_text(journey)
    loaded = load_config(file, {})
    return configured_journeys(loaded, file, configured_segments(loaded, file))


def test_they_are_found_by_tenant_and_none_where_no_folder_is_named(tmp_path: Path) -> None:
    assert {tenant: [each.id for each in theirs] for tenant, theirs in found(tmp_path).items()} == {"acme": ["j"]}
    assert found(tmp_path, CONFIG.replace("journeys: journeys\n", "")) == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("vip", "vpi"), "`j.enter.segment`: no segment has the id 'vpi'; did you mean `vip`?"),
        (("crm", "cmr"),
         "`j.steps[0].call.webhook`: no webhook of the tenant acme is named 'cmr'; did you mean `crm`?"),
        (("tenant: acme", "tenant: beta"), "`j.enter.segment`: no segment has the id 'vip'; write one"),
    ],
)  # fmt: skip
def test_names_that_are_not_there_are_said(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        found(tmp_path, journey=JOURNEY.replace(*change))
    assert sentence in str(caught.value)


def test_a_tenant_that_is_not_there_is_said(tmp_path: Path) -> None:
    journey = JOURNEY.replace("acme", "beta").replace("segment: vip", "event: {name: page}")
    with pytest.raises(Misconfigured, match="`j` is for the tenant 'beta'"):
        found(tmp_path, journey=journey.replace("call: {webhook: crm}", "wait: 1d"))


def test_the_stamp_is_another_one_when_a_file_has_changed(tmp_path: Path) -> None:
    found(tmp_path)
    file = tmp_path / "mailweir.yaml"
    before = configured_journeys_stamp(load_config(file, {}), file)
    assert before == configured_journeys_stamp(load_config(file, {}), file)
    (tmp_path / "journeys" / "k.yaml").write_text(JOURNEY.replace("id: j", "id: k"))
    assert before != configured_journeys_stamp(load_config(file, {}), file)


def test_a_webhook_is_told_of_the_calls_that_name_it(tmp_path: Path) -> None:
    found(tmp_path)
    (crm,) = load_config(tmp_path / "mailweir.yaml", {}).journey_webhooks
    call = JourneyStep(
        step_id="s", tenant="acme", recipient_key="r", journey_id="j", version="v", run_id="x", number=2,
        kind=StepKind.CALLED, outcome="crm", place="steps[0]", at=5, cause="", key="", data="",
    )  # fmt: skip
    assert crm.wants(call)
    for change in ({"tenant": "beta"}, {"outcome": "shop"}, {"kind": StepKind.LEFT}):
        assert not crm.wants(JourneyStep(**{name: getattr(call, name) for name in call.__slots__} | change))
