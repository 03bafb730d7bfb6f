"""Requests verify under the settings that the simulator gives, by code of the test's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from random import Random
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from streams.simulator.providers import Provider, Signed
from streams.simulator.ses import Ses
from tests.unit.streams.simulator.plays import NOW, PROVIDERS, play, world_of

WALL_S = NOW.timestamp()


def sendgrid_verifies(provider: Provider, signed: Signed) -> bool:
    key = load_der_public_key(base64.b64decode(provider.settings()["secrets"][0]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    names = {name.lower(): value for name, value in signed.headers.items()}
    signature = names.get("x-twilio-email-event-webhook-signature", "")
    stamp = names.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        key.verify(base64.b64decode(signature), stamp.encode() + signed.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return stamp == str(int(WALL_S))


def mailgun_verifies(provider: Provider, signed: Signed) -> bool:
    given = json.loads(signed.body)["signature"]
    text = (given["timestamp"] + given["token"]).encode()
    wanted = hmac.new(provider.settings()["secrets"][0].encode(), text, hashlib.sha256).hexdigest()
    return bool(wanted == given["signature"]) and len(given["token"]) == 50


def kumomta_verifies(provider: Provider, signed: Signed) -> bool:
    return signed.headers.get("Authorization") == f"Bearer {provider.settings()['secrets'][0]}"


def ses_verifies(provider: Provider, signed: Signed) -> bool:
    assert isinstance(provider, Ses)
    body = json.loads(signed.body)
    assert body["TopicArn"] in provider.settings()["topic_arns"]
    key = x509.load_pem_x509_certificate(provider.certificates()[body["SigningCertURL"]].encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    names = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{body[name]}\n" for name in names).encode()
    digest = hashes.SHA256() if body["SignatureVersion"] == "2" else hashes.SHA1()
    try:
        key.verify(base64.b64decode(body["Signature"]), text, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True


VERIFIERS = {
    "sendgrid": sendgrid_verifies,
    "mailgun": mailgun_verifies,
    "kumomta": kumomta_verifies,
    "ses": ses_verifies,
}


def items_of(source: str) -> list[Any]:
    happened = [h for h in play(world_of("bad-list", events=1_000)) if h.message.sender.source == source]
    return [PROVIDERS[source].item(h) for h in happened][: min(PROVIDERS[source].batch_limit, 20)]


@pytest.mark.parametrize("source", list(VERIFIERS))
def test_a_genuine_request_verifies(source: str) -> None:
    signed = PROVIDERS[source].sign(items_of(source), WALL_S, Random(1))
    assert VERIFIERS[source](PROVIDERS[source], signed)


@pytest.mark.parametrize("source", list(VERIFIERS))
def test_no_forgery_verifies(source: str) -> None:
    items, provider = items_of(source), PROVIDERS[source]
    assert not any(VERIFIERS[source](provider, provider.forge(items, WALL_S, Random(n))) for n in range(12))


@pytest.mark.parametrize("source", list(VERIFIERS))
def test_garbage_is_rightly_signed_and_unreadable(source: str) -> None:
    for number in range(8):
        signed = PROVIDERS[source].garbage(WALL_S, Random(number))
        assert signed is not None
        assert VERIFIERS[source](PROVIDERS[source], signed)


def test_sns_messages_come_in_both_signature_versions() -> None:
    items = items_of("ses")
    versions = [json.loads(PROVIDERS["ses"].sign(items, WALL_S, Random(n)).body)["SignatureVersion"] for n in range(60)]
    assert {"1", "2"} == set(versions)
    assert versions.count("2") > versions.count("1")


def test_the_certificate_stands_at_an_address_of_amazon() -> None:
    provider = PROVIDERS["ses"]
    assert isinstance(provider, Ses)
    (url,) = provider.certificates()
    host, _, name = url.rpartition("/")
    assert host == "https://sns.eu-west-1.amazonaws.com"
    assert name.startswith("SimpleNotificationService-")
    assert name.endswith(".pem")
    assert len(name.removeprefix("SimpleNotificationService-").removesuffix(".pem")) == 32
