"""Azure: where its secret may stand, and what a validation event gets back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from connectors.azure import Azure
from connectors.base import Request, Verdict
from schemas.config import Source
from schemas.errors import FailureCode, Rejected
from tests.contract.signers.ses import FakeCertificates

CASES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "azure"
SOURCE = Source.model_validate({"name": "grid", "provider": "azure", "secrets": ["grid:s3cret"]})
CODE = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"


def verdict(body: bytes = b"[]", query: str = "", **headers: str) -> Verdict:
    request = Request(headers=headers, body=body, url=f"https://hooks.example.com/webhooks/grid{query}")
    return Azure().verify(request, SOURCE, FakeCertificates())


@pytest.mark.parametrize("name", ["access_token", "code", "token"])
def test_the_secret_may_stand_in_the_query(name: str) -> None:
    assert verdict(query=f"?x=1&{name}=grid:s3cret").secret_index == 0


@pytest.mark.parametrize(
    "authorization", ["Bearer grid:s3cret", "BEARER grid:s3cret", f"Basic {base64.b64encode(b'grid:s3cret').decode()}"]
)
def test_the_secret_may_stand_in_the_authorization_header(authorization: str) -> None:
    assert verdict(authorization=authorization).secret_index == 0
    assert verdict(authorization=authorization, query="?code=another").secret_index == 0


@pytest.mark.parametrize("query", ["?code=", "?code=grid", "?other=grid:s3cret", "?CODE=grid:s3cret"])
def test_a_wrong_or_missing_secret_is_refused_wherever_it_stands(query: str) -> None:
    with pytest.raises(Rejected) as caught:
        verdict(query=query)
    is_there = query == "?code=grid"
    assert caught.value.code == (FailureCode.BAD_SIGNATURE if is_there else FailureCode.MISSING_SIGNATURE)


def test_a_validation_event_gets_its_code_back_and_only_with_the_secret() -> None:
    body = (CASES / "subscription_validation" / "body.json").read_bytes()
    assert json.loads(verdict(body, "?code=grid:s3cret").reply) == {"validationResponse": CODE}
    with pytest.raises(Rejected):
        verdict(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'[{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}]',
        b'[{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": []}}]',
        b'[{"eventType": "other", "data": {"validationCode": "Microsoft.EventGrid.SubscriptionValidationEvent"}}]',
        b"Microsoft.EventGrid.SubscriptionValidationEvent",
        b'["Microsoft.EventGrid.SubscriptionValidationEvent"]',
    ],
)
def test_everything_else_gets_the_usual_answer(body: bytes) -> None:
    assert verdict(body, "?code=grid:s3cret").reply == b""
