"""Every connector's parser on its provider's own posts, in this process: `parse_<provider>_eps`.

Events per CPU second of one thread, from the request's bytes to complete canonical events, best of several
passes: other processes on the machine only ever make a pass slower. Posts are the simulated senders'; those of a
provider that is not simulated are its fixtures (`tests/fixtures/webhooks`), again and again. A figure is "wrong" when
the number of events is not the number that was posted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from benchmarks.figure import Figure, Plan, median_of
from benchmarks.simulated import START_MS, Post, simulated
from benchmarks.stages import ROOT
from connectors.base import Connector, Context, Request
from connectors.registry import CONNECTORS

GOALS = {"sendgrid": ">= 150,000"}
GOAL = ">= 60,000"  # of every other provider that sends JSON
_FIXTURES = ROOT / "tests" / "fixtures" / "webhooks"
_EVENTS = 12_000
_PASSES = 5


def measure(plan: Plan) -> list[Figure]:
    """One figure per connector of the registry that makes events of bodies."""
    figures = []
    for item in CONNECTORS:
        if posts := _posts(item, plan):
            figures.append(_figure(item, posts, plan))
            plan.say(f"{figures[-1].name}: {figures[-1].value:,.0f} events/s")
    return figures


def _posts(item: Connector, plan: Plan) -> list[Post]:
    events = _EVENTS // 4 if plan.quick else _EVENTS
    try:
        return simulated(item.name, events, plan.seed)
    except KeyError:
        return fixtures(item, events)


def _figure(item: Connector, posts: Sequence[Post], plan: Plan) -> Figure:
    name = f"parse_{item.name}_eps"
    is_json = posts[0].body[:1] in {b"{", b"["}
    runs = [_run(item, posts, _PASSES * number) for number in range(plan.runs)]
    wrong = next((note for _, note in runs if note), "")
    goal = GOALS.get(item.name, GOAL) if is_json else ""
    return median_of(name, [eps for eps, _ in runs], "events/s", goal=goal, note=wrong)


def fixtures(item: Connector, events: int) -> list[Post]:
    """The provider's fixtures that give events, repeated until there are as many."""
    context, found = _context(item), []
    for folder in sorted((_FIXTURES / item.name).iterdir()):
        body = next(folder.glob("body.*")).read_bytes()
        headers = json.loads((folder / "headers.json").read_text(encoding="utf-8"))
        count = len(item.parse(Request(headers=headers, body=body, received_at=START_MS), context).events)
        if count:
            found.append(Post(item.name, context.tenant, headers, body, count))
    whole = sum(post.events for post in found)
    return found * -(-events // whole) if found else []  # a one-click link is all in the URL


def _run(item: Connector, posts: Sequence[Post], first: int) -> tuple[float, str]:
    """(events per CPU second, what is wrong); `first`: the first pass's number, for recipients of its own."""
    context = _context(item)
    expected = sum(post.events for post in posts)
    best, found = float("inf"), 0
    for number in range(first, first + _PASSES):
        requests = [_request(post, number) for post in posts]
        began = time.process_time()
        found = sum(len(item.parse(request, context).events) for request in requests)
        best = min(best, time.process_time() - began)
    wrong = "" if found >= expected else f"wrong: {found} events of {expected}"
    return found / best, wrong


def _context(item: Connector) -> Context:
    return Context(tenant="acme", source=item.name, received_at=START_MS, recipient_secret="pepper")


def _request(post: Post, number: int) -> Request:
    """The post with other recipients in every pass: what is remembered of one must not help the next."""
    return Request(headers=post.headers, body=post.body.replace(b"@", b".%d@" % number), received_at=START_MS)
