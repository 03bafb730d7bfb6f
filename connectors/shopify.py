"""Shopify's webhooks: one resource per request, what happened to it in the headers.

Signature: X-Shopify-Hmac-Sha256, base64 HMAC-SHA256 of the raw body under the app's client secret (for webhooks made
in the shop's settings: the secret shown there). Deliveries of Shopify's newer event subscriptions name their headers
without `X-`. X-Shopify-Webhook-Id is the same for every attempt at one delivery and is the event's id;
X-Shopify-Event-Id is shared by all topics that one action of a merchant sets off, so it is not.
Orders carry the buyer's address, refunds only the order's id, carts nobody's. The topics that privacy law asks for
(customers/data_request, customers/redact, shop/redact) become activities of the kind `privacy`.
Sources: "Webhooks delivery structure", "Webhooks reference", "Ignore duplicate webhooks", "Privacy law compliance".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors.activities import IDENTIFY, amount, currency, document, email_of, entitle, products, texts_of
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import Body, Header
from connectors.signatures import Hmac
from connectors.values import first_text, from_rfc3339, mapping, sequence, text
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

_PREFIXES = ("x-shopify-", "shopify-")
SCHEMES = {
    prefix: Hmac(signature=Header(f"{prefix}hmac-sha256"), signed=(Body(),), encoding="base64") for prefix in _PREFIXES
}
TOPICS: dict[str, str] = {
    "orders/create": "Order Completed",
    "orders/updated": "Order Updated",
    "orders/edited": "Order Updated",
    "orders/paid": "Order Paid",
    "orders/fulfilled": "Order Fulfilled",
    "orders/cancelled": "Order Cancelled",
    "orders/delete": "Order Deleted",
    "refunds/create": "Order Refunded",
    "carts/create": "Cart Created",
    "carts/update": "Cart Updated",
    "checkouts/create": "Checkout Started",
    "checkouts/update": "Checkout Updated",
    "customers/create": "Customer Created",
    "customers/update": "Identify",
    "customers/delete": "Customer Deleted",
    "customers/data_request": "Personal Data Requested",
    "customers/redact": "Personal Data Erasure Requested",
    "shop/redact": "Shop Data Erasure Requested",
}
# Which field says when it happened; X-Shopify-Triggered-At for all others.
TIMES: dict[str, str] = {
    "orders/create": "created_at",
    "orders/updated": "updated_at",
    "orders/cancelled": "cancelled_at",
    "refunds/create": "created_at",
    "carts/create": "created_at",
    "carts/update": "updated_at",
    "checkouts/create": "created_at",
    "checkouts/update": "updated_at",
    "customers/create": "created_at",
    "customers/update": "updated_at",
}
LINE = {
    "product_id": "product_id", "variant_id": "variant_id", "sku": "sku", "name": "title", "brand": "vendor",
    "variant": "variant_title", "price": "price", "quantity": "quantity",
}  # fmt: skip
PERSON = {
    "email": "email", "first_name": "first_name", "last_name": "last_name", "phone": "phone", "tags": "tags",
    "state": "state", "created_at": "created_at",
}  # fmt: skip
_ID_OF = {"orders": "order_id", "checkouts": "checkout_id", "carts": "cart_id", "refunds": "refund_id"}


class _Resource(Item):
    """An order, refund, cart, checkout or customer, as far as it is read here. Much of it may be null."""

    id: Any = None
    order_id: Any = None
    name: Any = None
    email: Any = None
    contact_email: Any = None
    created_at: Any = None
    updated_at: Any = None
    cancelled_at: Any = None
    cancel_reason: Any = None
    currency: Any = None
    total_price: Any = None
    subtotal_price: Any = None
    total_tax: Any = None
    total_discounts: Any = None
    total_shipping_price_set: Any = None
    financial_status: Any = None
    line_items: Any = None
    refund_line_items: Any = None
    transactions: Any = None
    discount_codes: Any = None
    customer: Any = None
    token: Any = None
    cart_token: Any = None
    checkout_id: Any = None
    abandoned_checkout_url: Any = None
    referring_site: Any = None
    browser_ip: Any = None
    client_details: Any = None
    shop_domain: Any = None
    order_edit: Any = None
    # Where the resource is a customer itself.
    first_name: Any = None
    last_name: Any = None
    phone: Any = None
    tags: Any = None
    state: Any = None
    orders_count: Any = None
    total_spent: Any = None
    verified_email: Any = None
    email_marketing_consent: Any = None
    default_address: Any = None


_RESOURCES = ActivityItems(_Resource)


class Shopify:
    """The connector."""

    name = "shopify"
    # Eight more attempts within four hours after anything but 2xx, then the subscription may be removed.
    statuses = StatusPolicy(source="https://shopify.dev/docs/apps/build/webhooks/subscribe/https")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:  # noqa: ARG002
        """HMAC over the body."""
        prefix = next((x for x in _PREFIXES if f"{x}hmac-sha256" in request.headers), _PREFIXES[0])
        return SCHEMES[prefix].verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one activity that the topic names."""
        return _RESOURCES.parse(request, context, Shopify.name, _fill)


def _fill(event: ActivityEvent, item: _Resource, request: Request, context: Context) -> None:
    topic = _told(request, "topic")
    begun = entitle(event, TOPICS.get(topic) or topic, topic)
    person = mapping(item.customer) or (msgspec.structs.asdict(item) if topic.startswith("customers/") else {})
    client = mapping(item.client_details)
    event.occurred_at = from_rfc3339(getattr(item, TIMES.get(topic, ""), None)) or from_rfc3339(
        _told(request, "triggered-at")
    )
    event.provider_event_id = _told(request, "webhook-id")
    event.recipient = email_of(item.email, item.contact_email, person.get("email"))
    event.url = text(item.abandoned_checkout_url)
    event.client_ip = first_text(item.browser_ip, client.get("browser_ip"))
    event.user_agent = text(client.get("user_agent"))
    origin = {"origin": _told(request, "shop-domain") or text(item.shop_domain), "user_id": text(person.get("id"))}
    event.properties = document(begun, origin, _ids(topic, item), _sums(item), _lines(item))
    event.traits = _traits(person, item.default_address if event.activity == IDENTIFY else None)
    complete_activity(event, context)


def _told(request: Request, name: str) -> str:
    """What a header of Shopify's says, under either of its names."""
    return next((found for prefix in _PREFIXES if (found := request.headers.get(prefix + name))), "")


def _ids(topic: str, item: _Resource) -> dict[str, Any]:
    kind, number = topic.partition("/")[0], first_text(item.id, item.token)
    said = {
        "order_id": first_text(item.order_id, mapping(item.order_edit).get("order_id")),
        "checkout_id": text(item.checkout_id),
        "cart_id": text(item.cart_token),
        "order_number": text(item.name) if kind == "orders" else "",
    }
    if kind in _ID_OF:
        return {**said, _ID_OF[kind]: number or said.get(_ID_OF[kind])}
    return said if topic in TOPICS else {**said, "object_type": kind, "object_id": number}


def _sums(item: _Resource) -> dict[str, Any]:
    """Money in the shop's currency, and what stands beside it on an order."""
    payments = [mapping(x) for x in sequence(item.transactions) if mapping(x).get("kind") == "refund"]
    paid_back = [amount(x.get("amount")) or 0 for x in payments if text(x.get("status")) in {"success", ""}]
    shipping = mapping(mapping(item.total_shipping_price_set).get("shop_money")).get("amount")
    codes = [text(mapping(code).get("code")) for code in sequence(item.discount_codes)]
    return {
        "currency": currency(item.currency) or next((currency(x.get("currency")) for x in payments), ""),
        "total": amount(item.total_price),
        "revenue": amount(item.subtotal_price),
        "tax": amount(item.total_tax),
        "shipping": amount(shipping),
        "discount": amount(item.total_discounts),
        "refund": round(sum(paid_back), 3) if payments else None,
        "coupon": next((code for code in codes if code), ""),
        "status": text(item.financial_status),
        "reason": text(item.cancel_reason),
        "referrer": text(item.referring_site),
    }


def _lines(item: _Resource) -> dict[str, Any]:
    """The products of an order, cart or checkout; of a refund those that were given back."""
    returned = [mapping(line) for line in sequence(item.refund_line_items)]
    given_back = [{**mapping(x.get("line_item")), "quantity": x.get("quantity")} for x in returned]
    return products(item.line_items or given_back, LINE)


def _traits(person: dict[str, Any], address: Any) -> str:
    consent = mapping(person.get("email_marketing_consent")).get("state")
    home = mapping(person.get("default_address")) or mapping(address)
    return document(
        texts_of(person, PERSON) if person else {},
        {
            "accepts_marketing": None if consent is None else consent == "subscribed",
            "verified_email": person.get("verified_email"),
            "orders_count": person.get("orders_count"),
            "total_spent": amount(person.get("total_spent")),
            "city": text(home.get("city")),
            "country": first_text(home.get("country_code"), home.get("country")),
        },
    )
