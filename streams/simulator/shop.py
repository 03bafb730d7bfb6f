"""The shop beside the mail: its customers' visits, checkouts and orders, as Segment calls.

They happen when they are posted, by the clock on the wall, so that "within ten seconds" in a rule is ten seconds. One
in three who began a checkout never pays, and some of the others take longer than ten seconds.
Format: Segment, "HTTP Tracking API" (batch, with the write key as the user of Basic credentials) and "Spec: V2
E-commerce Events".
"""

from __future__ import annotations

import base64
import heapq
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import msgspec

from streams.simulator.mailboxes import Customer
from streams.simulator.packer import Parcel, copies
from streams.simulator.providers import Item, iso, uuid_text
from streams.simulator.scenarios import Disturbance
from streams.simulator.truth import Post

SOURCE, PROVIDER = "shop", "segment"
_FLUSH_S = 0.2
_SKUS = ("X-100", "X-200", "L-7", "M-31", "T-5")
_CHECKOUT, _PAID, _CANCELLED = 0.6, 0.65, 0.1  # shares of visits, of checkouts, of orders


class _Call(NamedTuple):
    """What a customer does `due_s` seconds after the run's beginning; `number` makes the order of all one."""

    due_s: float
    number: int
    customer: Customer
    event: str
    properties: Item


@dataclass(slots=True)
class Shop:
    """`visits_per_s`: on average. `disturbance`: of the requests' delivery; none is forged or garbage."""

    customers: tuple[Customer, ...]
    visits_per_s: float
    disturbance: Disturbance
    seed: int
    _rng: Random = field(init=False)
    _key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _due: list[_Call] = field(default_factory=list)
    _planned: int = 0
    _next_visit_s: float = field(init=False)
    _flushed_s: float = 0.0

    def __post_init__(self) -> None:
        self._rng = Random(f"{self.seed}:shop")
        self._next_visit_s = self._rng.expovariate(self.visits_per_s)

    def settings(self) -> Item:
        """What the source needs in `mailweir.yaml`."""
        return {"secrets": [self._key]}

    def pack(self, elapsed_s: float, wall_s: float) -> Iterator[Parcel]:
        """Requests with what has happened until `elapsed_s` seconds after the beginning; it is `wall_s` now."""
        while self._next_visit_s <= elapsed_s:
            self._visit(self._next_visit_s)
            self._next_visit_s += self._rng.expovariate(self.visits_per_s)
        if elapsed_s - self._flushed_s < _FLUSH_S:
            return
        self._flushed_s = elapsed_s
        calls = []
        while self._due and self._due[0].due_s <= elapsed_s:
            call = heapq.heappop(self._due)
            calls.append(self._written(call, wall_s - (elapsed_s - call.due_s)))
        if calls:
            yield from copies(self._post(calls, wall_s), self.disturbance, self._rng)

    def _visit(self, at_s: float) -> None:
        rng = self._rng
        customer = rng.choice(self.customers)
        self._plan(at_s, customer, "", {"url": "https://shop.atelier.example/"})
        if rng.random() >= _CHECKOUT:
            return
        lines: list[Item] = [
            {"sku": sku, "price": rng.randrange(10, 150), "quantity": 1} for sku in rng.sample(_SKUS, 2)
        ]
        cart = {"cart_id": f"cart-{rng.getrandbits(40):010x}", "products": lines}
        begun_s = at_s + rng.uniform(0.5, 3)
        self._plan(begun_s, customer, "Checkout Started", cart)
        if rng.random() >= _PAID:
            return
        paid_s, order = begun_s + rng.uniform(1, 13), f"o-{rng.getrandbits(40):010x}"
        revenue = sum(line["price"] for line in lines)
        self._plan(paid_s, customer, "Order Completed", {**cart, "order_id": order, "revenue": revenue})
        if rng.random() < _CANCELLED:
            self._plan(paid_s + rng.uniform(1, 5), customer, "Order Cancelled", {"order_id": order})

    def _plan(self, due_s: float, customer: Customer, event: str, properties: Item) -> None:
        self._planned += 1
        heapq.heappush(self._due, _Call(due_s, self._planned, customer, event, properties))

    def _written(self, call: _Call, at_s: float) -> dict[str, Any]:
        kind = {"type": "track", "event": call.event} if call.event else {"type": "page", "name": "Start"}
        return {
            **kind,
            "messageId": uuid_text(self._rng.getrandbits(128)),
            "context": {"traits": {"email": call.customer.address}},
            "properties": call.properties,
            "timestamp": iso(int(at_s * 1000)),
        }

    def _post(self, calls: list[dict[str, Any]], wall_s: float) -> Post:
        body = msgspec.json.encode({"batch": calls, "sentAt": iso(int(wall_s * 1000))})
        credentials = base64.b64encode(f"{self._key}:".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
        return Post(SOURCE, headers, body, (), activities=tuple(call["messageId"] for call in calls))
