"""A step that calls as a signed request: the documented body, under the step's id."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import SecretStr

from connectors.journey_webhook import payload, request
from schemas.journey_webhooks import JourneyWebhook
from schemas.journeys.steps import JourneyStep, StepKind

PAGE = Path(__file__).resolve().parents[3] / "docs" / "journeys.md"
WEBHOOK = JourneyWebhook(
    name="crm", url=SecretStr("https://crm.example/"), secret=SecretStr("whsec_" + "MfKQ" * 8), tenant="acme"
)
CALL = JourneyStep(
    step_id="77aa2b8e9d4a4f7c8b1e6a3d2c9f0e17", tenant="acme", recipient_key="9b1d0e7c2f3a4b5c6d7e8f9012345678",
    journey_id="abandoned-cart", version="c41d", run_id="5f0c2b8e9d4a4f7c8b1e6a3d2c9f0e17", number=3,
    kind=StepKind.CALLED, outcome="crm", place="steps[2]", at=1_774_576_800_000, cause="", key='"cart-17"',
    data='{"template":"cart-1"}',
)  # fmt: skip


def test_the_body_is_the_documented_one() -> None:
    documented = PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    assert json.loads(payload(CALL)) == json.loads(documented)


def test_a_run_without_a_key_and_a_call_without_data_say_so() -> None:
    bare = JourneyStep(**{name: getattr(CALL, name) for name in CALL.__slots__} | {"key": "", "data": ""})
    data = json.loads(payload(bare))["data"]
    assert (data["key"], data["data"]) == (None, {})


def test_every_attempt_has_the_steps_id_and_the_same_body() -> None:
    one, two = request(CALL, WEBHOOK, 1_774_576_801_000), request(CALL, WEBHOOK, 1_774_576_999_000)
    assert one.headers["webhook-id"] == two.headers["webhook-id"] == CALL.step_id
    assert one.body == two.body
    assert one.headers["webhook-signature"] != two.headers["webhook-signature"]
