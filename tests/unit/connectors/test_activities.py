"""What people do: one vocabulary, whoever tells of it; and what single sources need beside the contract suite."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.activities import KINDS, NAMES, PRODUCT, PROPERTIES, amount, canonical_name, document, in_vocabulary
from connectors.base import Context, Request
from connectors.cloudevents import CloudEvents
from connectors.ga4 import Ga4
from connectors.hubspot import HubSpot
from connectors.registry import connector
from connectors.segment import Segment
from connectors.stripe import Stripe
from connectors.woocommerce import WooCommerce
from schemas.config import Source
from schemas.errors import FailureCode, Rejected
from schemas.events import ActivityEvent
from tests.contract.cases import CASES, NOW
from tests.contract.signers.ses import FakeCertificates

DOCUMENT = (Path(__file__).parents[3] / "docs" / "activities.md").read_text(encoding="utf-8")
OURS = ("shopify", "woocommerce", "stripe", "hubspot")  # the others' senders name properties of their own
URL = "https://hooks.example.com/webhooks/inbox"


def read(provider: str, body: Any, url: str = URL, **headers: str) -> list[ActivityEvent]:
    context = Context(tenant="acme", source="src", received_at=NOW, recipient_secret="pepper")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    result = connector(provider).parse(Request(headers=named, body=json.dumps(body).encode(), url=url), context)
    return [event for event in result.events if isinstance(event, ActivityEvent)]


def properties(event: ActivityEvent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.properties or "{}")
    return found


def source(provider: str, *secrets: str) -> Source:
    return Source.model_validate({"name": "inbox", "provider": provider, "secrets": list(secrets)})


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


# ---------------------------------------------------------------- vocabulary


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Order Completed", "Order Completed"),
        ("order_completed", "Order Completed"),
        ("ORDER_COMPLETED", "Order Completed"),
        ("orderCompleted", "Order Completed"),
        ("Completed Order", "Order Completed"),
        ("order canceled", "Order Cancelled"),
        ("com.example.order.completed", "Order Completed"),
        ("com.example.order.completed.v2", "Order Completed"),
        ("com.example.OrderCompleted", "Order Completed"),
        ("order.created", "order.created"),  # means something like it; one purchase must not count twice
        ("com.example.group", "com.example.group"),
        ("Clicked Order Completed Banner", "Clicked Order Completed Banner"),
        ("Заказ оформлен", "Заказ оформлен"),
        ("v1", "v1"),
        ("", ""),
    ],
)
def test_free_names_are_unified_in_spelling_only(told: str, name: str) -> None:
    assert canonical_name[told] == name


def test_every_name_property_and_kind_is_documented_and_no_other() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", DOCUMENT, re.MULTILINE)
    fields = {f"products[].{name}" for name in PRODUCT}
    assert set(listed) == {*NAMES, *PROPERTIES, *fields, *KINDS.values(), "track"}
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.provider in OURS], ids=lambda c: f"{c.provider}/{c.name}"
)
def test_what_we_name_ourselves_is_in_the_vocabulary(case: Any) -> None:
    own = {"merged_ids", "related_id", "association", "association_removed", "message_id"}  # HubSpot's own
    for event in case.expected["events"]:
        assert set(event.get("properties", {})) <= {*PROPERTIES, *own}
        for product in event.get("properties", {}).get("products", []):
            assert set(product) <= set(PRODUCT)
        assert event["name"] in NAMES or event["name"] not in KINDS


def test_money_written_as_text_becomes_a_number_and_what_is_none_stays() -> None:
    assert [amount(x) for x in ("59.98", 3, 0, "0.00", "free", None, True, "nan", "1e999")] == [
        *(59.98, 3, 0, 0.0),
        *(None, None, None, None, None),
    ]
    found = in_vocabulary({"total": "12.50", "tax": "none", "currency": "eur", "orderId": 7, "own": [1]})
    assert found["total"] == 12.5
    assert (found["tax"], found["currency"], found["order_id"], found["own"]) == ("none", "EUR", "7", [1])


def test_what_is_unknown_is_left_out_of_a_document_and_zero_is_known() -> None:
    assert document({"a": None, "b": "", "c": [], "d": {}}, {"e": 0, "f": False}) == '{"e":0,"f":false}'
    assert document({"a": None}) == ""


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.provider in {*OURS, "segment", "standardwebhooks"} and case.body[:1] == b"{"],
    ids=lambda c: f"{c.provider}/{c.name}",
)
def test_an_item_is_read_the_same_beside_one_that_is_none(case: Any) -> None:
    """Which is the lenient way of reading it."""
    body = json.loads(case.body)
    beside = connector(case.provider).parse(
        Request(headers=case.headers, body=json.dumps([body, 5]).encode()),
        Context(tenant="acme", source="src", received_at=NOW, recipient_secret="pepper"),
    )
    named = {name.replace("-", "_"): value for name, value in case.headers.items()}
    assert beside.events == read(case.provider, body, url="", **named)
    assert beside.failures[-1].item == b"5"


# ---------------------------------------------------------------- Segment


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/identify", "Identify"), ("/v1/i", "Identify"), ("/v1/page", "Page Viewed"), ("/v1/group", "Group"),
        ("/v1/screen", "Screen Viewed"), ("/v1/alias", "Alias"), ("/v1/track", "Signed Up"),
    ],
)  # fmt: skip
def test_a_call_without_a_type_is_what_its_address_says(path: str, name: str) -> None:
    (event,) = read("segment", {"event": "Signed Up", "userId": "u1"}, url=f"https://gateway.example{path}?x=1")
    assert event.name == name


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ({"event": "Signed Up"}, "Signed Up"),
        ({"traits": {"plan": "gold"}}, "Identify"),
        ({"traits": {"name": "Initech"}, "groupId": "g1"}, "Group"),
        ({"previousId": "a1", "userId": "u1"}, "Alias"),
        ({"name": "Home"}, "Page Viewed"),
        ({}, "Unknown"),
    ],
)
def test_a_call_that_nothing_names_is_what_its_fields_say(call: dict[str, Any], name: str) -> None:
    (event,) = read("segment", {**call, "anonymousId": "a1"})
    assert event.name == name


def test_a_group_of_one_is_addressed_by_nobody_but_its_member() -> None:
    (event,) = read(
        "segment", {"type": "group", "groupId": "g1", "userId": "u1", "traits": {"email": "info@example.com"}}
    )
    assert (event.recipient, event.traits) == ("", "")


@pytest.mark.parametrize("credentials", ["write-key:", 'write-key:""', "write-key:anything"])
def test_a_write_key_is_taken_as_the_user_of_basic_credentials(credentials: str) -> None:
    request = Request(headers=basic(credentials), body=b"{}")
    assert Segment().verify(request, source("segment", "other", "write-key"), FakeCertificates()).secret_index == 1


def test_a_write_key_is_taken_from_the_body_as_browsers_send_it() -> None:
    request = Request(headers={}, body=b'{"writeKey": "write-key", "batch": []}')
    assert Segment().verify(request, source("segment", "write-key"), FakeCertificates()).secret_index == 0


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (basic("write-ke:"), b"{}", FailureCode.BAD_SIGNATURE),
        (basic("write-key"), b"{}", FailureCode.MISSING_SIGNATURE),
        ({"authorization": "Bearer write-key"}, b"{}", FailureCode.MISSING_SIGNATURE),
        ({"authorization": "Basic ???"}, b'{"writeKey": "write-key"}', FailureCode.MISSING_SIGNATURE),
        ({}, b'{"writeKey": "other"}', FailureCode.BAD_SIGNATURE),
        ({"x-signature": "00"}, b'{"writeKey": "write-key"}', FailureCode.BAD_SIGNATURE),
    ],
)
def test_any_other_write_key_is_refused(headers: dict[str, str], body: bytes, code: FailureCode) -> None:
    with pytest.raises(Rejected) as caught:
        Segment().verify(Request(headers=headers, body=body), source("segment", "write-key"), FakeCertificates())
    assert caught.value.code == code


# ---------------------------------------------------------------- others


@pytest.mark.parametrize(
    ("code", "minor", "main"),
    [
        ("usd", 1999, 19.99),
        ("jpy", 500, 500),
        ("kwd", 5120, 5.12),
        ("isk", 500, 5.0),
        ("ugx", 500, 5.0),
        ("", 100, 1.0),
    ],
)
def test_stripes_smallest_units_become_main_units(code: str, minor: int, main: float) -> None:
    session = {"object": "checkout.session", "amount_total": minor, "currency": code}
    (event,) = read("stripe", {"type": "checkout.session.completed", "data": {"object": session}})
    assert properties(event)["total"] == main


def test_each_part_of_a_refund_at_stripe_counts_once() -> None:
    def refunded(so_far: int, before: int | None) -> float:
        data: dict[str, Any] = {"object": {"amount_refunded": so_far, "currency": "eur"}}
        if before is not None:
            data["previous_attributes"] = {"amount_refunded": before}
        (event,) = read("stripe", {"type": "charge.refunded", "data": data})
        return float(properties(event)["refund"])

    assert [refunded(500, 0), refunded(1500, 500), refunded(700, None)] == [5.0, 10.0, 7.0]


def test_stripe_signs_with_the_old_and_the_new_secret_while_one_is_changed() -> None:
    request = Request(headers={"stripe-signature": "t=1,v1=zz,v1=" + "0" * 64}, body=b"{}")
    with pytest.raises(Rejected, match="none of the 1 secrets"):
        Stripe().verify(request, source("stripe", "whsec_x"), FakeCertificates())


@pytest.mark.parametrize("version", ["v1", "v2", ""])
def test_hubspots_older_signatures_are_taken_where_the_new_one_is_missing(version: str) -> None:
    body, secret = b'[{"eventId": 1}]', "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
    signed = secret.encode() + (f"POST{URL}".encode() if version == "v2" else b"") + body
    headers = {
        "x-hubspot-signature": hashlib.sha256(signed).hexdigest(),
        "x-hubspot-signature-version": version or "v1",
    }
    known = source("hubspot", "other", secret)
    assert HubSpot().verify(Request(headers=headers, body=body, url=URL), known, FakeCertificates()).secret_index == 1
    for changed in (
        Request(headers=headers, body=body + b" ", url=URL),
        Request(headers={**headers, "x-hubspot-signature": "é"}, body=body),
    ):
        with pytest.raises(Rejected):
            HubSpot().verify(changed, known, FakeCertificates())


def test_hubspots_own_example_of_a_signature_is_genuine() -> None:
    """From "v1 request validation" in HubSpot's documentation."""
    body = (
        b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
        b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
        b'"changeFlag":"NEW","appId":54321}]'
    )
    signature = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": "v1"}
    known = source("hubspot", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy")
    assert HubSpot().verify(Request(headers=headers, body=body), known, FakeCertificates()).secret_index == 0


def test_an_older_signature_does_not_replace_a_new_one_that_is_wrong() -> None:
    body, secret = b"[]", "secret-of-the-app"
    older = hashlib.sha256(secret.encode() + body).hexdigest()
    headers = {"x-hubspot-signature": older, "x-hubspot-signature-v3": "AAAA", "x-hubspot-request-timestamp": str(NOW)}
    with pytest.raises(Rejected):
        HubSpot().verify(Request(headers=headers, body=body, url=URL), source("hubspot", secret), FakeCertificates())


def test_a_retry_of_hubspots_has_the_same_ids_in_another_batch() -> None:
    change = {
        "eventId": 5,
        "subscriptionType": "contact.creation",
        "objectId": 1,
        "occurredAt": NOW,
        "attemptNumber": 0,
    }
    (first,) = read("hubspot", [change])
    again = read("hubspot", [{**change, "objectId": 2}, {**change, "attemptNumber": 1}])
    assert again[1].event_id == first.event_id != again[0].event_id


@pytest.mark.parametrize("body", [b"webhook_id=3", b"webhook_id=123456"])
def test_woocommerces_ping_is_let_through_and_means_nothing(body: bytes) -> None:
    request = Request(headers={}, body=body)
    assert WooCommerce().verify(request, source("woocommerce", "secret"), FakeCertificates()).secret_index == -1
    context = Context(tenant="acme", source="src", received_at=NOW)
    result = WooCommerce().parse(request, context)
    assert (result.events, result.failures) == ([], [])


@pytest.mark.parametrize("body", [b"webhook_id=", b"webhook_id=3&id=1", b"webhook_id=3\n", b"webhook_id=x", b"{}"])
def test_nothing_but_the_ping_is_let_through_unsigned(body: bytes) -> None:
    with pytest.raises(Rejected):
        WooCommerce().verify(Request(headers={}, body=body), source("woocommerce", "secret"), FakeCertificates())


def test_two_deliveries_of_woocommerce_in_one_second_are_two_events() -> None:
    """Its delivery id is a hash of the webhook and the second, so it may be the same for both."""
    headers = {"x_wc_webhook_topic": "order.created", "x_wc_webhook_delivery_id": "36e520ebabc2fa725092ff4a47acedf2"}
    (one,), (two,) = read("woocommerce", {"id": 1}, **headers), read("woocommerce", {"id": 2}, **headers)
    assert one.event_id != two.event_id


def test_an_order_that_is_saved_again_is_cancelled_once() -> None:
    headers = {"x_wc_webhook_topic": "order.updated", "x_wc_webhook_source": "https://shop.example/"}
    order = {"id": 7, "status": "cancelled", "date_modified_gmt": "2026-01-01T00:00:00"}
    (one,) = read("woocommerce", order, **headers)
    (again,) = read("woocommerce", {**order, "date_modified_gmt": "2026-01-01T00:00:09"}, **headers)
    (elsewhere,) = read("woocommerce", order, **{**headers, "x_wc_webhook_source": "https://other.example/"})
    assert one.event_id == again.event_id != elsewhere.event_id


def test_topics_of_one_action_at_shopify_are_several_events() -> None:
    same = {"x_shopify_event_id": "e1"}
    (paid,) = read("shopify", {"id": 1}, x_shopify_topic="orders/paid", x_shopify_webhook_id="w1", **same)
    (made,) = read("shopify", {"id": 1}, x_shopify_topic="orders/create", x_shopify_webhook_id="w2", **same)
    assert paid.event_id != made.event_id


@pytest.mark.parametrize(
    "given", [1767225600123456, "1767225600123456", 1767225600123, 1767225600.123, None, -5, 10**30]
)
def test_times_of_ga4_are_read_in_any_unit(given: Any) -> None:
    (event,) = read("ga4", {"client_id": "c1", "timestamp_micros": given, "events": [{"name": "login"}]})
    assert event.occurred_at // 1000 in {1767225600, NOW // 1000}


def test_a_secret_in_the_address_may_stand_among_other_parameters() -> None:
    request = Request(headers={}, body=b"{}", url=f"{URL}?measurement_id=G-1&api_secret=a%2Bb&x=1")
    assert Ga4().verify(request, source("ga4", "a+b"), FakeCertificates()).secret_index == 0


def test_cloudevents_takes_its_token_from_the_address_too() -> None:
    request = Request(headers={}, body=b"{}", url=f"{URL}?access_token=mF_9.B5f-4.1JqM&p=q")
    assert CloudEvents().verify(request, source("cloudevents", "mF_9.B5f-4.1JqM"), FakeCertificates()).secret_index == 0


def test_what_nobody_gives_an_id_or_a_time_happens_again_each_time_it_is_posted() -> None:
    def signed_in(received_at: int) -> str:
        body = b'{"type": "track", "event": "Signed In", "userId": "u1"}'
        context = Context(tenant="acme", source="src", received_at=received_at)
        return connector("segment").parse(Request(headers={}, body=body), context).events[0].event_id

    assert signed_in(NOW) == signed_in(NOW) != signed_in(NOW + 1)


def test_events_of_cloudevents_are_named_by_source_and_id() -> None:
    event = {"specversion": "1.0", "type": "t", "id": "1", "source": "/a"}
    (one,), (other,) = read("cloudevents", event), read("cloudevents", {**event, "source": "/b"})
    assert one.event_id != other.event_id
