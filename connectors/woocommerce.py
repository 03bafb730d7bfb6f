"""WooCommerce's webhooks: an order, customer, product or coupon per request, as its REST API writes it.

Signature: X-WC-Webhook-Signature, base64 HMAC-SHA256 of the raw body under the webhook's secret. When a webhook is
saved, WooCommerce posts `webhook_id=<number>` without a signature and wants 200 back: that is taken and means nothing.
It never sends again, and X-WC-Webhook-Delivery-ID is a hash of the webhook and the second, so two deliveries may share
one: our id is that with the resource's id and status. `order.updated` comes with every change; a change that leads to
one of `STATUSES` has that name, and happens once an order.
Sources: "Webhooks" (WooCommerce REST API documentation); class WC_Webhook of the plugin (ping, delivery id, failures).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.activities import amount, currency, difference, document, email_of, entitle, products, texts_of
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import Body, Header
from connectors.signatures import Hmac
from connectors.values import from_rfc3339, mapping, sequence, text
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = Hmac(signature=Header("x-wc-webhook-signature"), signed=(Body(),), encoding="base64")
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
TOPICS: dict[str, str] = {
    "order.created": "Order Completed",
    "order.updated": "Order Updated",  # unless its status is one of STATUSES
    "order.deleted": "Order Deleted",
    "customer.created": "Customer Created",
    "customer.updated": "Identify",
    "customer.deleted": "Customer Deleted",
}
STATUSES: dict[str, str] = {
    "completed": "Order Fulfilled",
    "cancelled": "Order Cancelled",
    "refunded": "Order Refunded",
    "failed": "Payment Failed",
}
LINE = {
    "product_id": "product_id", "variant_id": "variation_id", "sku": "sku", "name": "name", "price": "price",
    "quantity": "quantity",
}  # fmt: skip
PERSON = {"first_name": "first_name", "last_name": "last_name", "phone": "phone", "company": "company"}


class _Resource(Item):
    """An order or a customer, as far as it is read here."""

    id: Any = None
    number: Any = None
    status: str = ""
    currency: str = ""
    total: Any = None
    total_tax: Any = None
    shipping_total: Any = None
    discount_total: Any = None
    customer_id: Any = None
    billing: Any = None
    line_items: Any = None
    coupon_lines: Any = None
    refunds: Any = None
    transaction_id: Any = None
    customer_ip_address: Any = None
    customer_user_agent: Any = None
    date_created_gmt: Any = None
    date_modified_gmt: Any = None
    date_completed_gmt: Any = None
    # Where the resource is a customer.
    email: Any = None
    username: Any = None
    role: Any = None
    first_name: Any = None
    last_name: Any = None
    is_paying_customer: Any = None
    # Where the topic is one of the shop's own, `action.<hook>`.
    action: Any = None
    arg: Any = None


_RESOURCES = ActivityItems(_Resource)


class WooCommerce:
    """The connector."""

    name = "woocommerce"
    # It never tries again, and switches a webhook off after more than five failures in a row.
    statuses = StatusPolicy(source="https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:  # noqa: ARG002
        """HMAC over the body; the unsigned ping is let through."""
        if _PING.fullmatch(request.body):
            return Verdict()
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one activity that topic and status name; none for a ping."""
        if _PING.fullmatch(request.body):
            return ParseResult()
        return _RESOURCES.parse(request, context, WooCommerce.name, _fill)


def _fill(event: ActivityEvent, item: _Resource, request: Request, context: Context) -> None:
    topic, shop = request.headers.get("x-wc-webhook-topic", ""), request.headers.get("x-wc-webhook-source", "")
    led_to = STATUSES.get(item.status, "") if topic == "order.updated" else ""
    begun = entitle(event, led_to or TOPICS.get(topic) or topic, topic)
    billing = mapping(item.billing)
    event.occurred_at = from_rfc3339(_time(topic, item))
    event.provider_event_id = _id(item, shop, "once" if led_to else request.headers.get("x-wc-webhook-delivery-id", ""))
    event.recipient = email_of(item.email, billing.get("email"))
    event.client_ip = text(item.customer_ip_address)
    event.user_agent = text(item.customer_user_agent)
    event.properties = document(
        begun, {"origin": shop}, _ids(topic, item), _sums(item), products(item.line_items, LINE)
    )
    event.traits = _traits(item, billing, email=event.recipient)
    complete_activity(event, context)


def _id(item: _Resource, shop: str, delivery: str) -> str:
    return f"{shop} {delivery} {text(item.id) or text(item.arg)} {item.status}".rstrip() if delivery else ""


def _time(topic: str, item: _Resource) -> Any:
    if topic.endswith(".created"):
        return item.date_created_gmt
    return (item.status == "completed" and item.date_completed_gmt) or item.date_modified_gmt


def _ids(topic: str, item: _Resource) -> dict[str, Any]:
    kind, number = topic.partition(".")[0], text(item.id)
    user = number if kind == "customer" else text(item.customer_id)
    said = {"user_id": "" if user == "0" else user, "payment_id": text(item.transaction_id)}  # 0: a guest
    if kind == "order":
        return {**said, "order_id": number, "order_number": text(item.number), "status": item.status}
    if kind == "customer":
        return said
    return {**said, "object_type": kind, "object_id": number or text(item.arg)}


def _sums(item: _Resource) -> dict[str, Any]:
    returned = [amount(mapping(refund).get("total")) or 0 for refund in sequence(item.refunds)]  # below zero
    codes = [text(mapping(line).get("code")) for line in sequence(item.coupon_lines)]
    return {
        "currency": currency(item.currency),
        "total": amount(item.total),
        "revenue": difference(item.total, item.total_tax, item.shipping_total),
        "tax": amount(item.total_tax),
        "shipping": amount(item.shipping_total),
        "discount": amount(item.discount_total),
        "refund": round(abs(sum(returned)), 3) if returned else None,
        "coupon": next((code for code in codes if code), ""),
    }


def _traits(item: _Resource, billing: dict[str, Any], email: str) -> str:
    own = {"first_name": text(item.first_name), "last_name": text(item.last_name), "role": text(item.role)}
    place = {"city": text(billing.get("city")), "country": text(billing.get("country"))}
    named = {"username": text(item.username), "is_paying_customer": item.is_paying_customer}
    return document({"email": email}, texts_of(billing, PERSON), place, own, named)
