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

from connectors.activities import (
    NO_PRODUCT,
    Known,
    Product,
    amount,
    currency,
    difference,
    document,
    email_of,
    entitle,
    known_text,
    listed,
    written,
)
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import Body, Header
from connectors.signatures import Hmac
from connectors.values import from_rfc3339, text, whole
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


class _Billing(Item):
    first_name: Any = None
    last_name: Any = None
    company: Any = None
    city: Any = None
    country: Any = None
    email: Any = None
    phone: Any = None


class _Line(Item):
    name: Any = None
    product_id: Any = None
    variation_id: Any = None
    quantity: Any = None
    sku: Any = None
    price: Any = None


class _Coupon(Item):
    code: Any = None


class _Refund(Item):
    total: Any = None


class _Resource(Item):
    """An order or a customer, as far as it is read here; in WooCommerce's order, which is found fastest."""

    id: Any = None
    number: Any = None
    status: str = ""
    currency: str = ""
    date_created_gmt: Any = None
    date_modified_gmt: Any = None
    discount_total: Any = None
    shipping_total: Any = None
    total: Any = None
    total_tax: Any = None
    customer_id: Any = None
    customer_ip_address: Any = None
    customer_user_agent: Any = None
    billing: _Billing | None = None
    transaction_id: Any = None
    date_completed_gmt: Any = None
    line_items: list[_Line] | None = None
    coupon_lines: list[_Coupon] | None = None
    refunds: list[_Refund] | None = None
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


class _Properties(Known):
    provider_event: str = ""
    origin: str = ""
    user_id: str = ""
    payment_id: str = ""
    order_id: str = ""
    order_number: str = ""
    status: str = ""
    object_type: str = ""
    object_id: str = ""
    currency: str = ""
    total: float | int | None = None
    revenue: float | None = None
    tax: float | int | None = None
    shipping: float | int | None = None
    discount: float | int | None = None
    refund: float | int | None = None
    coupon: str = ""
    products: list[Product] | None = None
    product_ids: list[str] | None = None


_NO_BILLING = _Billing()
_RESOURCES = ActivityItems(_Resource)


class WooCommerce:
    """The connector."""

    name = "woocommerce"
    # It never tries again, and switches a webhook off after more than five failures in a row.
    statuses = StatusPolicy(source="https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
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
    word = entitle(event, led_to or TOPICS.get(topic) or topic, topic).get("provider_event", "")
    billing = item.billing or _NO_BILLING
    event.occurred_at = from_rfc3339(_time(topic, item))
    event.provider_event_id = _id(item, shop, "once" if led_to else request.headers.get("x-wc-webhook-delivery-id", ""))
    event.recipient = email_of(item.email, billing.email)
    event.client_ip = text(item.customer_ip_address)
    event.user_agent = text(item.customer_user_agent)
    told = _Properties(word, shop, payment_id=text(item.transaction_id))
    _add_ids(told, topic, item)
    _add_sums(told, item)
    lines = [_product(x) for x in item.line_items or () if isinstance(x, _Line)]
    told.products, told.product_ids = listed(lines, NO_PRODUCT)
    event.properties = written(told)
    event.traits = _traits(item, billing, email=event.recipient)
    complete_activity(event, context)


def _id(item: _Resource, shop: str, delivery: str) -> str:
    return f"{shop} {delivery} {text(item.id) or text(item.arg)} {item.status}".rstrip() if delivery else ""


def _time(topic: str, item: _Resource) -> Any:
    if topic.endswith(".created"):
        return item.date_created_gmt
    return (item.status == "completed" and item.date_completed_gmt) or item.date_modified_gmt


def _add_ids(told: _Properties, topic: str, item: _Resource) -> None:
    kind, number = topic.partition(".")[0], text(item.id)
    user = number if kind == "customer" else text(item.customer_id)
    told.user_id = "" if user == "0" else user  # 0: a guest
    if kind == "order":
        told.order_id, told.order_number, told.status = number, text(item.number), item.status
    elif kind != "customer":
        told.object_type, told.object_id = kind, number or text(item.arg)


def _add_sums(told: _Properties, item: _Resource) -> None:
    told.currency, told.total = currency(item.currency), amount(item.total)
    told.tax, told.shipping, told.discount = map(amount, (item.total_tax, item.shipping_total, item.discount_total))
    told.revenue = difference(told.total, told.tax, told.shipping)
    if item.refunds:  # their totals are below zero
        returned = [amount(x.total) or 0 for x in item.refunds if isinstance(x, _Refund)]
        told.refund = round(abs(sum(returned)), 3)
    if item.coupon_lines:
        codes = (text(x.code) for x in item.coupon_lines if isinstance(x, _Coupon))
        told.coupon = next(filter(None, codes), "")


def _product(line: _Line) -> Product:
    return Product(
        product_id=known_text(line.product_id),
        variant_id=known_text(line.variation_id),
        sku=known_text(line.sku),
        name=known_text(line.name),
        price=amount(line.price),
        quantity=whole(line.quantity) or None,
    )


def _traits(item: _Resource, billing: _Billing, email: str) -> str:
    """The buyer; where the resource is a customer, by the names that the account has."""
    buyer = {
        "email": email,
        "first_name": text(billing.first_name),
        "last_name": text(billing.last_name),
        "phone": text(billing.phone),
        "company": text(billing.company),
        "city": text(billing.city),
        "country": text(billing.country),
    }
    own = {
        "first_name": text(item.first_name),
        "last_name": text(item.last_name),
        "role": text(item.role),
        "username": text(item.username),
        "is_paying_customer": item.is_paying_customer,
    }
    return document(buyer, own)
