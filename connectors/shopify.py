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

from connectors.activities import (
    IDENTIFY,
    NO_PRODUCT,
    Product,
    amount,
    currency,
    email_of,
    entitle,
    known_or_none,
    known_text,
    listed,
    written,
)
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.parts import Body, Header
from connectors.shopify_resources import (
    NO_LINE,
    NOBODY,
    NOWHERE,
    Address,
    Code,
    Line,
    Person,
    Properties,
    Resource,
    Returned,
    Traits,
    Transaction,
)
from connectors.signatures import Hmac
from connectors.values import from_rfc3339, text, whole
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
_ID_OF = {"orders": "order_id", "checkouts": "checkout_id", "carts": "cart_id", "refunds": "refund_id"}
_RESOURCES = ActivityItems(Resource)


class Shopify:
    """The connector."""

    name = "shopify"
    # Eight more attempts within four hours after anything but 2xx, then the subscription may be removed.
    statuses = StatusPolicy(source="https://shopify.dev/docs/apps/build/webhooks/subscribe/https")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over the body."""
        prefix = next((x for x in _PREFIXES if f"{x}hmac-sha256" in request.headers), _PREFIXES[0])
        return SCHEMES[prefix].verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one activity that the topic names."""
        return _RESOURCES.parse(request, context, Shopify.name, _fill)


def _fill(event: ActivityEvent, item: Resource, request: Request, context: Context) -> None:
    topic = _told(request, "topic")
    word = entitle(event, TOPICS.get(topic) or topic, topic).get("provider_event", "")
    person = item.customer or (item if topic.startswith("customers/") else NOBODY)
    event.occurred_at = from_rfc3339(getattr(item, TIMES[topic])) if topic in TIMES else 0
    if not event.occurred_at:
        event.occurred_at = from_rfc3339(_told(request, "triggered-at"))
    event.provider_event_id = _told(request, "webhook-id")
    event.recipient = email_of(item.email, item.contact_email, person.email)
    event.url = text(item.abandoned_checkout_url)
    event.client_ip = text(item.browser_ip)
    if client := item.client_details:
        event.client_ip = event.client_ip or text(client.browser_ip)
        event.user_agent = text(client.user_agent)
    told = Properties(word, _told(request, "shop-domain") or text(item.shop_domain), text(person.id))
    _add_ids(told, topic, item)
    _add_sums(told, item)
    told.products, told.product_ids = listed(_lines(item), NO_PRODUCT)
    event.properties = written(told)
    if person is not NOBODY:
        event.traits = _traits(person, item.default_address if event.activity == IDENTIFY else None)
    complete_activity(event, context)


def _told(request: Request, name: str) -> str:
    """What a header of Shopify's says, under either of its names."""
    return request.headers.get("x-shopify-" + name) or request.headers.get("shopify-" + name, "")


def _add_ids(told: Properties, topic: str, item: Resource) -> None:
    kind, number = topic.partition("/")[0], text(item.id) or text(item.token)
    told.order_id = text(item.order_id) or (text(item.order_edit.order_id) if item.order_edit else "")
    told.checkout_id, told.cart_id = text(item.checkout_id), text(item.cart_token)
    if kind == "orders":
        told.order_number = text(item.name)
    if kind in _ID_OF:
        if number:
            setattr(told, _ID_OF[kind], number)
    elif topic not in TOPICS:
        told.object_type, told.object_id = kind, number


def _add_sums(told: Properties, item: Resource) -> None:
    """Money in the shop's currency, and what stands beside it on an order."""
    told.currency = currency(item.currency)
    told.total, told.revenue = amount(item.total_price), amount(item.subtotal_price)
    told.tax, told.discount = amount(item.total_tax), amount(item.total_discounts)
    if (price := item.total_shipping_price_set) and price.shop_money:
        told.shipping = amount(price.shop_money.amount)
    if payments := [x for x in item.transactions or () if isinstance(x, Transaction) and x.kind == "refund"]:
        paid_back = [amount(x.amount) or 0 for x in payments if text(x.status) in {"success", ""}]
        told.currency = told.currency or currency(payments[0].currency)
        told.refund = round(sum(paid_back), 3)
    if item.discount_codes:
        codes = (text(x.code) for x in item.discount_codes if isinstance(x, Code))
        told.coupon = next(filter(None, codes), "")
    told.status, told.reason = text(item.financial_status), text(item.cancel_reason)
    told.referrer = text(item.referring_site)


def _lines(item: Resource) -> list[Product]:
    """The products of an order, cart or checkout; of a refund those that were given back."""
    if item.line_items:
        return [_product(x, x.quantity) for x in item.line_items if isinstance(x, Line)]
    returned = (x for x in item.refund_line_items or () if isinstance(x, Returned))
    return [_product(x.line_item or NO_LINE, x.quantity) for x in returned]


def _product(line: Line, quantity: Any) -> Product:
    return Product(
        product_id=known_text(line.product_id),
        variant_id=known_text(line.variant_id),
        sku=known_text(line.sku),
        name=known_text(line.title),
        brand=known_text(line.vendor),
        variant=known_text(line.variant_title),
        price=amount(line.price),
        quantity=whole(quantity) or None,
    )


def _traits(person: Person, address: Address | None) -> str:
    consent = person.email_marketing_consent.state if person.email_marketing_consent else None
    home = person.default_address or address or NOWHERE
    return written(
        Traits(
            email=text(person.email),
            first_name=text(person.first_name),
            last_name=text(person.last_name),
            phone=text(person.phone),
            tags=text(person.tags),
            state=text(person.state),
            created_at=text(person.created_at),
            accepts_marketing=None if consent is None else consent == "subscribed",
            verified_email=known_or_none(person.verified_email),
            orders_count=known_or_none(person.orders_count),
            total_spent=amount(person.total_spent),
            city=text(home.city),
            country=text(home.country_code) or text(home.country),
        )
    )
