"""The resources in Shopify's webhooks, as far as they are read here, and what an activity tells of them.

Every field may be missing, null or of another type. Source: "REST Admin API reference" (order, refund, cart, checkout,
customer).
"""

from __future__ import annotations

from typing import Any

from connectors.activities import Known, Product
from connectors.items import Item


class Address(Item):
    """A customer's default address."""

    city: Any = None
    country: Any = None
    country_code: Any = None


class Consent(Item):
    """Whether a customer wants e-mail."""

    state: Any = None


class Person(Item):
    """A customer. Much of it may be null."""

    id: Any = None
    email: Any = None
    first_name: Any = None
    last_name: Any = None
    phone: Any = None
    tags: Any = None
    state: Any = None
    created_at: Any = None
    orders_count: Any = None
    total_spent: Any = None
    verified_email: Any = None
    email_marketing_consent: Consent | None = None
    default_address: Address | None = None


class Line(Item):
    """A line of an order, cart or checkout."""

    product_id: Any = None
    variant_id: Any = None
    sku: Any = None
    title: Any = None
    vendor: Any = None
    variant_title: Any = None
    price: Any = None
    quantity: Any = None


class Returned(Item):
    """A line of a refund."""

    quantity: Any = None
    line_item: Line | None = None


class Money(Item):
    """An amount in the shop's currency."""

    amount: Any = None


class MoneySet(Item):
    """An amount in the currencies of shop and buyer."""

    shop_money: Money | None = None


class Transaction(Item):
    """A payment or a refund of one."""

    kind: Any = None
    status: Any = None
    amount: Any = None
    currency: Any = None


class Code(Item):
    """A discount code."""

    code: Any = None


class Client(Item):
    """The buyer's browser."""

    browser_ip: Any = None
    user_agent: Any = None


class Edit(Item):
    """What `orders/edited` sends: the order's id alone."""

    order_id: Any = None


class Resource(Person):
    """An order, refund, cart, checkout or customer, as far as it is read here. Much of it may be null."""

    order_id: Any = None
    name: Any = None
    contact_email: Any = None
    updated_at: Any = None
    cancelled_at: Any = None
    cancel_reason: Any = None
    currency: Any = None
    total_price: Any = None
    subtotal_price: Any = None
    total_tax: Any = None
    total_discounts: Any = None
    total_shipping_price_set: MoneySet | None = None
    financial_status: Any = None
    line_items: list[Line] | None = None
    refund_line_items: list[Returned] | None = None
    transactions: list[Transaction] | None = None
    discount_codes: list[Code] | None = None
    customer: Person | None = None
    token: Any = None
    cart_token: Any = None
    checkout_id: Any = None
    abandoned_checkout_url: Any = None
    referring_site: Any = None
    browser_ip: Any = None
    client_details: Client | None = None
    shop_domain: Any = None
    order_edit: Edit | None = None


class Properties(Known):
    """What an activity tells of the resource, in the vocabulary of `docs/activities.md`."""

    provider_event: str = ""
    origin: str = ""
    user_id: str = ""
    order_id: str = ""
    checkout_id: str = ""
    cart_id: str = ""
    order_number: str = ""
    refund_id: str = ""
    object_type: str = ""
    object_id: str = ""
    currency: str = ""
    total: float | int | None = None
    revenue: float | int | None = None
    tax: float | int | None = None
    shipping: float | int | None = None
    discount: float | int | None = None
    refund: float | int | None = None
    coupon: str = ""
    status: str = ""
    reason: str = ""
    referrer: str = ""
    products: list[Product] | None = None
    product_ids: list[str] | None = None


class Traits(Known):
    """What is known of the person."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    tags: str = ""
    state: str = ""
    created_at: str = ""
    accepts_marketing: bool | None = None
    verified_email: Any = None
    orders_count: Any = None
    total_spent: float | int | None = None
    city: str = ""
    country: str = ""


NOBODY, NOWHERE, NO_LINE = Person(), Address(), Line()
