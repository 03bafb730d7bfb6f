"""Stripe's webhooks: one event object per request, with the object it is about as it was then.

Signature: Stripe-Signature is `t=<seconds>,v1=<hex>[,v1=...]`, HMAC-SHA256 of `t.body` under the endpoint's secret
(`whsec_...`, used as text); there are several v1 while a secret is being changed. Stripe signs each attempt anew.
Amounts are in the currency's smallest unit, which has no decimals for some currencies and three for others; ISK
and UGX are sent with two although they have none. `charge.refunded` tells what was refunded so far, so this refund
is what `previous_attributes` says less. Of the many events around one payment, only `checkout.session.completed`
is an order; the others have names of their own, or a purchase would count several times.
Sources: "Receive Stripe events in your webhook endpoint", "Types of events", "Supported currencies" (Stripe).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors.activities import IDENTIFY, currency, document, email_of, entitle, texts_of
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import Body, Fixed, Header, Parameter
from connectors.signatures import Hmac
from connectors.values import first_text, from_any_time, mapping, sequence, text
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

_HEADER = "stripe-signature"
SIGNED_TIME = Parameter(_HEADER, "t")
SCHEME = Hmac(
    signature=Header(_HEADER),
    signed=(SIGNED_TIME, Fixed(b"."), Body()),
    timestamp=SIGNED_TIME,
    separator=",",
    version="v1=",
)
TYPES: dict[str, str] = {
    "checkout.session.completed": "Order Completed",
    "checkout.session.async_payment_succeeded": "Order Paid",
    "checkout.session.async_payment_failed": "Payment Failed",
    "checkout.session.expired": "Checkout Expired",
    "payment_intent.succeeded": "Payment Succeeded",
    "payment_intent.payment_failed": "Payment Failed",
    "charge.refunded": "Order Refunded",
    "charge.dispute.created": "Dispute Opened",
    "charge.dispute.closed": "Dispute Closed",
    "invoice.paid": "Invoice Paid",
    "invoice.payment_failed": "Invoice Payment Failed",
    "customer.created": "Customer Created",
    "customer.updated": "Identify",
    "customer.deleted": "Customer Deleted",
    "customer.subscription.created": "Subscription Started",
    "customer.subscription.updated": "Subscription Updated",
    "customer.subscription.paused": "Subscription Paused",
    "customer.subscription.resumed": "Subscription Resumed",
    "customer.subscription.deleted": "Subscription Cancelled",
    "customer.subscription.trial_will_end": "Trial Ending",
}
DECIMALS: dict[str, int] = dict.fromkeys(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"], 0
) | dict.fromkeys(["BHD", "JOD", "KWD", "OMR", "TND"], 3)  # all others: 2
IDS: dict[str, str] = {  # what an object's own id is, by its kind
    "checkout.session": "checkout_id",
    "payment_intent": "payment_id",
    "invoice": "invoice_id",
    "subscription": "subscription_id",
    "customer": "user_id",
}


class _Object(Item):
    """What an event is about, as far as it is read here. Much of it may be null, an id, or the whole object."""

    id: Any = None
    object: Any = None
    customer: Any = None
    customer_email: Any = None
    customer_details: Any = None
    receipt_email: Any = None
    billing_details: Any = None
    email: Any = None
    name: Any = None
    phone: Any = None
    address: Any = None
    currency: Any = None
    amount: Any = None
    amount_total: Any = None
    amount_subtotal: Any = None
    amount_paid: Any = None
    amount_due: Any = None
    amount_refunded: Any = None
    total: Any = None
    subtotal: Any = None
    total_details: Any = None
    payment_intent: Any = None
    invoice: Any = None
    subscription: Any = None
    status: Any = None
    payment_status: Any = None
    reason: Any = None
    last_payment_error: Any = None
    cancellation_details: Any = None
    client_reference_id: Any = None
    metadata: Any = None
    lines: Any = None
    items: Any = None
    line_items: Any = None
    url: Any = None


class _Data(Item):
    object: _Object = msgspec.field(default_factory=_Object)
    previous_attributes: Any = None


class _Event(Item):
    id: str = ""
    type: str = ""
    created: Any = None
    account: Any = None
    data: _Data = msgspec.field(default_factory=_Data)


_EVENTS = ActivityItems(_Event)


class Stripe:
    """The connector."""

    name = "stripe"
    # Everything but 2xx is tried again for three days.
    statuses = StatusPolicy(source="https://docs.stripe.com/webhooks#retries")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over time and body."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one activity of the event."""
        return _EVENTS.parse(request, context, Stripe.name, _fill)


def _fill(event: ActivityEvent, item: _Event, request: Request, context: Context) -> None:  # noqa: ARG001 - see Fill
    what = item.data.object
    begun = entitle(event, TYPES.get(item.type) or item.type, item.type)
    customer, details = mapping(what.customer), mapping(what.customer_details) or mapping(what.billing_details)
    event.occurred_at = from_any_time(item.created)
    event.provider_event_id = item.id
    event.recipient = email_of(
        what.email, what.customer_email, details.get("email"), what.receipt_email, customer.get("email")
    )
    event.properties = document(
        begun, {"origin": text(item.account)}, _ids(what), _sums(what, item.data.previous_attributes), _products(what)
    )
    event.traits = _traits(event.activity, what, details)
    complete_activity(event, context)


def _ids(what: _Object) -> dict[str, Any]:
    kind, metadata = text(what.object), mapping(what.metadata)
    said = {
        "order_id": first_text(metadata.get("order_id"), what.client_reference_id),
        "user_id": _id(what.customer),
        "payment_id": _id(what.payment_intent),
        "invoice_id": _id(what.invoice),
        "subscription_id": _id(what.subscription),
        "object_type": kind,
        "object_id": text(what.id),
        "status": first_text(what.payment_status, what.status),
        "reason": first_text(
            what.reason, mapping(what.last_payment_error).get("code"), mapping(what.cancellation_details).get("reason")
        ),
    }
    return {**said, IDS[kind]: text(what.id)} if kind in IDS else said


def _id(value: Any) -> str:
    """An id, also of an object that is there as a whole."""
    return text(value) or text(mapping(value).get("id"))


def _sums(what: _Object, previous: Any) -> dict[str, Any]:
    """Money in the currency's main unit. A charge that was refunded in part says all of it each time."""
    code, details = currency(what.currency), mapping(what.total_details)
    totals = (what.amount_total, what.total, what.amount_paid, what.amount, what.amount_due)
    refunded, before = what.amount_refunded, mapping(previous).get("amount_refunded")
    if type(refunded) is int and type(before) is int:
        refunded -= before
    return {
        "currency": code,
        "total": _main_unit(next((value for value in totals if type(value) is int), None), code),
        "revenue": _main_unit(what.amount_subtotal if what.amount_subtotal is not None else what.subtotal, code),
        "tax": _main_unit(details.get("amount_tax"), code),
        "shipping": _main_unit(details.get("amount_shipping"), code),
        "discount": _main_unit(details.get("amount_discount"), code),
        "refund": _main_unit(refunded, code) if refunded else None,
    }


def _main_unit(value: Any, code: str) -> float | int | None:
    decimals = DECIMALS.get(code, 2)
    if type(value) is not int:
        return None
    return value / 10**decimals if decimals else value


def _products(what: _Object) -> dict[str, Any]:
    """Products of an invoice or a subscription; a checkout session does not hold them."""
    lines = [x for holder in (what.lines, what.items, what.line_items) for x in sequence(mapping(holder).get("data"))]
    ids = [_product(mapping(line)) for line in lines]
    return {"product_ids": list(dict.fromkeys(found for found in ids if found))}


def _product(line: dict[str, Any]) -> str:
    pricing = mapping(mapping(line.get("pricing")).get("price_details"))
    holders = (mapping(line.get("price")), mapping(line.get("plan")), pricing)
    return next((found for holder in holders if (found := _id(holder.get("product")))), "")


def _traits(activity: str, what: _Object, details: dict[str, Any]) -> str:
    """Of a customer its own name and metadata; elsewhere what the buyer wrote."""
    person = msgspec.structs.asdict(what) if activity == IDENTIFY else details
    home = mapping(person.get("address"))
    return document(
        mapping(what.metadata) if activity == IDENTIFY else {},
        texts_of(person, {"email": "email", "name": "name", "phone": "phone"}),
        texts_of(home, {"city": "city", "country": "country"}),
    )
