"""Every connector's parser on its provider's own posts, in this process: `parse_<provider>_eps`.

Events per CPU second of one thread, from the request's bytes to complete canonical events, without verifying: the
median of five runs at least, each the better of two passes, for other processes on the machine only ever make a pass
slower. Posts are the simulated senders'; those of a provider that is not simulated are its fixtures
(`tests/fixtures/webhooks`), again and again, the odd and the broken ones among them; the note says so, and how long an
event took. A figure is "wrong" when the number of events is not the number that was posted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.figure import Figure, Plan, median_of
from benchmarks.simulated import START_MS, Post, simulated
from benchmarks.stages import ROOT
from connectors.base import Connector, Context, Request
from connectors.registry import CONNECTORS

GOALS = {"sendgrid": ">= 150,000", "mandrill": ">= 60,000"}
GOAL = ">= 60,000"  # of every other provider that sends JSON
_FIXTURES = ROOT / "tests" / "fixtures" / "webhooks"
_EVENTS = 12_000
_QUICK_EVENTS = 1_500
_RUNS = 5
_PASSES = 2


def measure(plan: Plan) -> list[Figure]:
    """One figure per connector of the registry."""
    figures = []
    for item in CONNECTORS:
        figures.append(_figure(item, plan))
        plan.say(f"{figures[-1].name}: {figures[-1].value:,.0f} events/s; {figures[-1].note}")
    return figures


def _posts(item: Connector, plan: Plan) -> tuple[list[Post], str]:
    """(posts, what they are)."""
    events = _QUICK_EVENTS if plan.quick else _EVENTS
    try:
        return simulated(item.name, events, plan.seed), "simulated posts"
    except KeyError:
        return fixtures(item, events), "fixture bodies"


def _figure(item: Connector, plan: Plan) -> Figure:
    name = f"parse_{item.name}_eps"
    posts, what = _posts(item, plan)
    runs = [_run(item, posts, _PASSES * number) for number in range(max(plan.runs, _RUNS))]
    figure = median_of(name, [eps for eps, _ in runs], "events/s", goal=_goal(item, posts))
    wrong = next((note for _, note in runs if note), "")
    return replace(figure, note=wrong or f"{1e6 / figure.value:.1f} us an event, {what}")


def _goal(item: Connector, posts: Sequence[Post]) -> str:
    is_json = posts[0].body[:1] in {b"{", b"["}
    return GOALS.get(item.name, GOAL if is_json else "")


def fixtures(item: Connector, events: int) -> list[Post]:
    """The provider's fixtures that give events, repeated until there are as many."""
    context, found = _context(item), []
    for folder in sorted((_FIXTURES / item.name).iterdir()):
        body = next(folder.glob("body.*")).read_bytes()
        headers = json.loads((folder / "headers.json").read_text(encoding="utf-8"))
        url = "".join(path.read_text(encoding="utf-8").strip() for path in folder.glob("url.txt"))
        post = Post(item.name, context.tenant, headers, body, 0, url)
        if count := len(item.parse(_request(post, 0), context).events):
            found.append(replace(post, events=count))
    whole = sum(post.events for post in found)
    return found * -(-events // whole)


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
    body = post.body.replace(b"@", b".%d@" % number).replace(b"%40", b".%d%%40" % number)
    return Request(headers=post.headers, body=body, url=post.url, received_at=START_MS)
