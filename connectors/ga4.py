"""Google Analytics 4's Measurement Protocol: what a server sends to Google, sent here too.

One JSON object with up to 25 `events` of one client; nothing in it is signed, the `api_secret` of the URL is what
is checked. Google knows no addresses: `client_id` is the anonymous id, and the recipient is known only where the
sender uses addresses as `user_id` or puts an `email` into its user properties or an event's parameters.
`timestamp_micros` counts microseconds; milliseconds and seconds, a common mistake, are told by their size. Events
have no ids, so a purchase's id and the place in the request are part of ours.
Sources: "Send Measurement Protocol events", "Measurement Protocol reference", "Recommended events" (Google).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.activities import Line, amount, document, email_of, entitle, in_vocabulary, known_text, listed
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blank_activities, complete_activity, refuse_body, refuse_item
from connectors.items import Item, ItemReader, lenient
from connectors.parts import Query
from connectors.signatures import Token
from connectors.values import MAX_MILLIS, mapping, sequence, text, whole
from schemas.errors import FailureCode
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = Token(Query("api_secret"))
TYPES: dict[str, str] = {
    "page_view": "Page Viewed",
    "screen_view": "Screen Viewed",
    "sign_up": "Signed Up",
    "login": "Signed In",
    "generate_lead": "Lead Generated",
    "search": "Products Searched",
    "view_search_results": "Products Searched",
    "view_item_list": "Product List Viewed",
    "select_item": "Product Clicked",
    "view_item": "Product Viewed",
    "add_to_wishlist": "Product Added to Wishlist",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "view_cart": "Cart Viewed",
    "begin_checkout": "Checkout Started",
    "add_shipping_info": "Checkout Step Completed",
    "add_payment_info": "Payment Info Entered",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "view_promotion": "Promotion Viewed",
    "select_promotion": "Promotion Clicked",
}
_GOODS = {"Order Completed": "revenue", "Order Refunded": "refund"}
_MICROS_FROM, _MILLIS_FROM = 100_000_000_000_000, 100_000_000_000  # 1973 in the one unit, 5138 in the next larger


class _Line(Line):
    """A `Product` in the order that GA4's have; events without ids of their own take theirs from this text."""

    variant: str = ""
    name: str = ""
    brand: str = ""
    category: str = ""
    price: float | int | None = None
    quantity: int | None = None


class _Event(Item):
    name: str = ""
    params: Any = None
    timestamp_micros: Any = None


class _Payload(Item):
    client_id: Any = None
    app_instance_id: Any = None
    user_id: Any = None
    timestamp_micros: Any = None
    user_properties: Any = None
    user_agent: Any = None
    ip_override: Any = None
    events: list[_Event] | None = None


_NO_LINE = _Line()
_PAYLOADS = ItemReader(_Payload)


class Ga4:
    """The connector."""

    name = "ga4"
    # Google's own endpoint answers 2xx to everything; senders' retries are their own.
    statuses = StatusPolicy(
        source="https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """`api_secret` in the URL."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """An activity per event."""
        try:
            payload = _PAYLOADS.read(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        items: Any = payload.events
        if type(items) is not list:
            return refuse_body(FailureCode.WRONG_SHAPE, "expected an object with a list of `events`", request.body)
        result, new = ParseResult(), blank_activities(context, Ga4.name)
        for index, item in enumerate(items):
            known = lenient(_Event, item) if type(item) is dict else item
            if isinstance(known, _Event):
                event = new()
                _fill(event, known, payload, context, index)
                add(result, event)
            else:
                refuse_item(result, index, item, f"expected an event object, found {type(item).__name__}")
        return result


def _fill(event: ActivityEvent, item: _Event, payload: _Payload, context: Context, index: int) -> None:
    own, person = mapping(item.params), _user_properties(payload.user_properties)
    begun = entitle(event, TYPES.get(item.name) or item.name, item.name)
    event.occurred_at = _from_micros(item.timestamp_micros) or _from_micros(payload.timestamp_micros)
    event.anonymous_id = text(payload.client_id) or text(payload.app_instance_id)
    event.recipient = email_of(own.get("email"), person.get("email"), payload.user_id)
    event.url = text(own.get("page_location"))
    event.user_agent = text(payload.user_agent)
    event.client_ip = text(payload.ip_override)
    lines: dict[str, Any] = {}
    if "items" in own:
        products, ids = listed([_line(x) for x in sequence(own.pop("items")) if type(x) is dict], _NO_LINE)
        lines = {"products": products, "product_ids": ids}
    said: dict[str, Any] = {"user_id": user} if (user := text(payload.user_id)) else {}
    if page := text(own.get("page_title")) or text(own.get("screen_name")):
        said["page_name"] = page
    if event.name in _GOODS:  # `value` is the price of the goods without shipping and tax
        said[_GOODS[event.name]] = amount(own.get("value"))
    event.properties = document(begun, in_vocabulary(own), lines, said)
    event.traits = document(person)
    complete_activity(event, context, index)


def _line(line: dict[str, Any]) -> _Line:
    get = line.get
    return _Line(
        known_text(get("item_id")),
        known_text(get("item_variant")),
        known_text(get("item_name")),
        known_text(get("item_brand")),
        known_text(get("item_category")),
        amount(get("price")),
        whole(get("quantity")) or None,
    )


def _user_properties(value: Any) -> dict[str, Any]:
    """Each is sent as `{"value": ...}`."""
    return {name: mapping(found).get("value") for name, found in value.items()} if type(value) is dict else {}


def _from_micros(value: Any) -> int:
    number = whole(value)
    if number >= _MICROS_FROM:
        number //= 1000
    elif number < _MILLIS_FROM:
        number *= 1000
    return number if number <= MAX_MILLIS else 0
