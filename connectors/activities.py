"""What people do outside of mail, in one vocabulary: names of activities and of what is said about them.

Shops, payment services and web sites write the same things under many names. Their connectors map what they
document to the names of Segment's e-commerce specification where that has one, and to `PROPERTIES` for money,
orders and products; docs/activities.md lists both. Sources whose names are free (Segment, CloudEvents, Standard
Webhooks) are only unified in spelling: "order_completed" and "Completed Order" are "Order Completed", but a type
that merely means something similar keeps its own name, or one purchase would count twice.
Source: Segment, "Spec: V2 E-commerce Events" and "Spec: Common Fields".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from connectors.values import first_text, json_object, mapping, sequence, text
from schemas.events import ActivityEvent
from schemas.memo import Memo

TRACK, IDENTIFY, PAGE, SCREEN, GROUP, ALIAS, PRIVACY = (
    "track", "identify", "page", "screen", "group", "alias", "privacy",
)  # fmt: skip
UNNAMED = "Unknown"

NAMES: tuple[str, ...] = (
    "Products Searched", "Product List Viewed", "Product List Filtered", "Promotion Viewed", "Promotion Clicked",
    "Product Clicked", "Product Viewed", "Product Added", "Product Removed", "Product Shared", "Product Reviewed",
    "Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart",
    "Cart Created", "Cart Viewed", "Cart Updated", "Cart Shared", "Coupon Entered", "Coupon Applied", "Coupon Denied",
    "Coupon Removed", "Checkout Started", "Checkout Updated", "Checkout Expired", "Checkout Step Viewed",
    "Checkout Step Completed", "Payment Info Entered", "Order Completed", "Order Updated", "Order Paid",
    "Order Fulfilled", "Order Cancelled", "Order Refunded", "Order Deleted", "Payment Succeeded", "Payment Failed",
    "Invoice Paid", "Invoice Payment Failed", "Dispute Opened", "Dispute Closed", "Subscription Started",
    "Subscription Updated", "Subscription Paused", "Subscription Resumed", "Subscription Cancelled", "Trial Ending",
    "Customer Created", "Customer Deleted", "Signed Up", "Signed In", "Lead Generated", "Identify", "Page Viewed",
    "Screen Viewed", "Group", "Alias", "Personal Data Requested", "Personal Data Erasure Requested",
    "Shop Data Erasure Requested",
)  # fmt: skip
# Other spellings of the same; those of Segment's first e-commerce specification among them.
SPELLINGS: dict[str, str] = {
    "completed order": "Order Completed",
    "order canceled": "Order Cancelled",
    "subscription canceled": "Subscription Cancelled",
    "viewed product": "Product Viewed",
    "viewed product category": "Product List Viewed",
    "added product": "Product Added",
    "removed product": "Product Removed",
    "started checkout": "Checkout Started",
}
KINDS: dict[str, str] = {  # of activity, where it is not `track`
    "Identify": IDENTIFY,
    "Customer Created": IDENTIFY,
    "Page Viewed": PAGE,
    "Screen Viewed": SCREEN,
    "Group": GROUP,
    "Alias": ALIAS,
    "Personal Data Requested": PRIVACY,
    "Personal Data Erasure Requested": PRIVACY,
    "Shop Data Erasure Requested": PRIVACY,
}
MONEY = ("total", "revenue", "value", "subtotal", "tax", "shipping", "discount", "refund", "price")
PROPERTIES: tuple[str, ...] = (
    "order_id", "order_number", "checkout_id", "cart_id", "payment_id", "invoice_id", "subscription_id", "refund_id",
    "currency", *MONEY, "quantity", "coupon", "products", "product_ids", "product_id", "status", "reason",
    "user_id", "previous_id", "group_id", "group_traits", "page_name", "page_category", "referrer", "query",
    "origin", "object_type", "object_id", "property_name", "property_value", "provider_event",
)  # fmt: skip

_CACHED_NAMES = 4096
_CACHED_PLANS, _LONGEST_PLAN = 1024, 1024  # sets of property names, and characters of one worth remembering
_LONGEST = 256  # characters of a name worth remembering
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NO_ID = "0"  # as WooCommerce writes it
_VERSION = re.compile(r"v[0-9]+")


def _words(name: str) -> str:
    return " ".join(_WORD.findall(name)).lower()


_KNOWN = {_words(name): name for name in NAMES} | SPELLINGS


def _canonical(name: str) -> str:
    """The name as we spell it. A type with dots also matches without the domain before it, by one or two parts."""
    parts = name.split(".")
    if len(parts) > 1 and _VERSION.fullmatch(parts[-1]):
        parts.pop()
    ends = [name, " ".join(parts[-2:]), *(part for part in parts[-1:] if " " in _words(part))]
    return next((found for end in ends if (found := _KNOWN.get(_words(end)))), name)


canonical_name: Memo[str, str] = Memo(_canonical, _CACHED_NAMES, lambda name, _: len(name) <= _LONGEST)
"""The name of an activity whose sender names it freely: our spelling of it, or the name itself."""


def entitle(event: ActivityEvent, name: str, word: str) -> dict[str, Any]:
    """Set name and kind; the properties to begin with: the provider's own `word` where it is another."""
    event.name = name or UNNAMED
    event.activity = KINDS.get(event.name, TRACK)
    return {"provider_event": word} if word and word != event.name else {}


def document(*parts: Mapping[str, Any]) -> str:
    """One JSON object of all parts, later ones winning, without what is unknown (None, "", [] and {})."""
    known: dict[str, Any] = {}
    for part in parts:
        if all(part.values()):
            known.update(part)
        else:
            known.update({key: value for key, value in part.items() if value or value == 0})
    return json_object(known)


class Known(msgspec.Struct, omit_defaults=True, gc=False):
    """Base of what is written as one JSON object. Every field needs "" or None as default: it is left out then."""


def written(record: Known) -> str:
    """The record as `document` would write the same keys in the same order."""
    found = msgspec.json.encode(record)
    return found.decode() if len(found) > len(b"{}") else ""


def known_or_none(value: Any) -> Any:
    """The value as it was sent, None for what `document` leaves out."""
    return value if value or value == 0 else None


def email_of(*values: Any) -> str:
    """The first value that is an address."""
    for value in values:
        if type(value) is str and "@" in value:
            return value
    return ""


def amount(value: Any) -> float | int | None:
    """A sum of money in the currency's main unit, also when written as text; None if it is none."""
    if type(value) is str:
        try:
            value = float(value[:32])
        except ValueError:
            return None
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    return None


def difference(value: Any, *others: Any) -> float | None:
    """`value` without the others, as far as they are known; None if `value` is not. Rounded to a tenth of a cent."""
    whole_sum = amount(value)
    if whole_sum is None:
        return None
    return round(whole_sum - sum(amount(other) or 0 for other in others), 3)


def currency(value: Any) -> str:
    """An ISO 4217 code in capitals."""
    return text(value).upper()


class Line(Known):
    """A line of an order or cart, as it stands in `products`."""

    product_id: str = ""


AnyLine = TypeVar("AnyLine", bound=Line)


class Product(Line):
    """A line in the usual order of its fields."""

    variant_id: str = ""
    sku: str = ""
    name: str = ""
    brand: str = ""
    category: str = ""
    variant: str = ""
    price: float | int | None = None
    quantity: int | None = None


def listed(lines: Iterable[AnyLine], nothing: Line) -> tuple[list[AnyLine] | None, list[str] | None]:
    """`products`, without lines that equal `nothing`, and `product_ids`; None where there are none."""
    known = [line for line in lines if line != nothing]
    return known or None, list(dict.fromkeys([x.product_id for x in known if x.product_id])) or None


NO_PRODUCT = Product()
PRODUCT = Product.__struct_fields__


def known_text(value: Any) -> str:
    """The text of a product's field; "" for "0"."""
    known = text(value)
    return "" if known == _NO_ID else known


def texts_of(value: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, str]:
    """Our names for the texts of an object; `keys`: our name -> theirs."""
    return {name: text(value.get(key)) for name, key in keys.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


_ALIASES = {_camel(name): name for name in PROPERTIES if "_" in name} | {
    "transaction_id": "order_id",
    "search_term": "query",
    "screen_name": "page_name",
}
_IDS = tuple(name for name in PROPERTIES if name.endswith("_id"))


def in_vocabulary(own: Mapping[str, Any]) -> dict[str, Any]:
    """Properties that the sender named: as they are, with the vocabulary's own beside or in clean form."""
    found = dict(own)
    aliases, cleaned, has_ids = _plans[tuple(own)]
    for alias, name in aliases:
        found[name] = own[alias]
    for name, clean in cleaned:
        found[name] = clean(found[name])
    lines = sequence(found["products"]) if has_ids and "products" in found else []
    if lines or (has_ids and "product_id" in found):
        ids = [mapping(line).get("product_id") for line in lines] if lines else [found["product_id"]]
        found.setdefault("product_ids", list(dict.fromkeys(filter(None, map(text, ids)))))
    return found


def _clean_money(value: Any) -> Any:
    if type(value) is not str:
        return value
    return value if (known := amount(value)) is None else known


def _clean_lines(value: Any) -> Any:
    return [_line(line) if type(line) is dict else line for line in sequence(value)] or value


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """A product that the sender described: with its id and price in clean form. Older senders write `id`."""
    known = dict(line)
    if number := first_text(line.get("product_id"), line.get("productId"), line.get("id")):
        known["product_id"] = number
    if (price := amount(line.get("price"))) is not None:
        known["price"] = price
    return known


# How a property of the vocabulary is cleaned; what cannot be stays as it was sent.
_Clean = Callable[[Any], Any]
_CLEAN: dict[str, _Clean] = {
    **dict.fromkeys(MONEY, _clean_money),
    **dict.fromkeys(_IDS, lambda value: text(value) or value),
    "currency": lambda value: currency(value) or value,
    "products": _clean_lines,
}
_Plan = tuple[list[tuple[str, str]], list[tuple[str, _Clean]], bool]


def _plan(keys: tuple[str, ...]) -> _Plan:
    """What is to be done for properties of these names: aliases to copy, names to clean, whether there are products."""
    aliases: dict[str, str] = {}
    for alias, name in _ALIASES.items():
        if alias in keys and name not in keys:
            aliases.setdefault(name, alias)
    names = {*keys, *aliases}
    return (
        [(alias, name) for name, alias in aliases.items()],
        [(name, _CLEAN[name]) for name in names if name in _CLEAN],
        not names.isdisjoint({"products", "product_id"}),
    )


_plans: Memo[tuple[str, ...], _Plan] = Memo(_plan, _CACHED_PLANS, lambda keys, _: sum(map(len, keys)) <= _LONGEST_PLAN)


def fill_freely(event: ActivityEvent, word: str, data: Any, *said: Mapping[str, Any]) -> None:
    """An activity of a sender with a format of its own: its name, and what `data` tells of the person.

    `said`: properties beside those of `data`, which win.
    """
    own = mapping(data)
    begun = entitle(event, canonical_name[word], word)
    event.recipient = _address(own)
    event.anonymous_id = text(own.get("anonymous_id")) or text(own.get("anonymousId"))
    event.url = text(own.get("url"))
    rest = in_vocabulary(own) if own else {"data": data}
    if "traits" in own:
        event.traits = document(mapping(own["traits"]))
        del rest["traits"]
    event.properties = document(begun, *said, rest)


_ADDRESSES = ("email", "email_address", "customer_email", "user_email")
_PERSONS = ("user", "customer", "contact", "person", "recipient", "profile", "traits", "account")


def _address(own: Mapping[str, Any]) -> str:
    """The address of the person that a free object is about, from where it is likeliest."""
    for key in _ADDRESSES:
        if key in own and (found := email_of(own[key])):
            return found
    for key in _PERSONS:
        if key in own and (found := email_of(mapping(own[key]).get("email"))):
            return found
    return ""
