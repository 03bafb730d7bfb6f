"""Why somebody is in a segment, as text for a terminal of 80 columns. Pure; times are UTC.

A line begins with `yes` or `no`: whether the node is true. Below its words stands since when, and the instant at which
time alone changes it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from dashboards.segments.why_data import Page, instant, is_approximate
from schemas.segments.rules import SegmentNode
from schemas.segments.written import headline
from streams.core.segments.needs import Need, is_fixed, needed
from streams.core.segments.why import Reason, Why

WIDTH = 80
_MARK = 5  # columns of `yes` and `no`
_MOST_WORDS = 400  # characters of a node: lists can have a thousand values
_NARROWEST = 34  # columns that a node has, however deep it is
_WIDEST_ID = 33  # with two times beside it
_TIED = ":\ue000"  # a key and its value, between which no line ends


def tree(page: Page, why: Why) -> str:
    """One segment, node by node."""
    reason = why.reason
    parts = [_wrapped(f"{_verdict(why)}\n{_asked(page)}"), "\n".join(_nodes(reason, 0, is_told=bool(reason.below)))]
    if reason.below:
        parts.append("\n".join(_changes(reason)))
    notes = list(_notes(page, is_approximate(reason)))
    return "\n\n".join(parts + ([_wrapped("\n".join(notes))] if notes else [])) + "\n"


def table(page: Page, whys: Sequence[Why]) -> str:
    """Several segments, a line each; those that the recipient is in come first."""
    width = min(max(len(why.segment.id) for why in whys), _WIDEST_ID)
    members = sum(why.reason.holds for why in whys)
    lines = [_wrapped(f"In {members} of {len(whys)} segments.\n{_asked(page)}"), ""]
    lines.append(f"{'':{_MARK}}{'segment':<{width}}  {'since':<19}  until, by time alone".rstrip())
    for why in sorted(whys, key=lambda why: (not why.reason.holds, why.segment.id)):
        lines += _row(why, width)
    lines += ["", "`--id SEGMENT` says why."]
    notes = list(_notes(page, any(why.reason.is_approximate for why in whys)))
    return "\n".join([*lines, *([_wrapped("\n".join(notes))] if notes else [])]) + "\n"


def _verdict(why: Why) -> str:
    """In or out since when, and below that what time will do."""
    reason = why.reason
    since = "" if reason.since is None else f" since {instant(reason.since)} UTC"
    if not reason.holds and not since:
        since = ", and never was"
    do, end = ("Leaves", "end that") if reason.holds else ("Enters", "change that")
    when = (
        f"{do} on {instant(reason.until)} UTC unless something happens."
        if reason.until
        else f"Time alone does not {end}."
    )
    return f"{'In' if reason.holds else 'Not in'} {why.segment.id}{since}.\n{when}"


def _asked(page: Page) -> str:
    events = "1 stored event" if page.events == 1 else f"{page.events:,} stored events"
    return f"Recipient {page.recipient_key} of {page.tenant}\nat {instant(page.at)} UTC, by {events}"


def _nodes(reason: Reason, depth: int, *, is_told: bool = False) -> Iterator[str]:
    """The node and all below it. `is_told`: its times are right above already."""
    indent = min(_MARK + 2 * depth, WIDTH - _NARROWEST)
    mark = "yes" if reason.holds else "no"
    words = _cut(headline(reason.rule), _MOST_WORDS).replace(": ", _TIED)
    lines = textwrap.wrap(words, WIDTH - indent, subsequent_indent="  ", break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield f"{'' if number else mark:<{indent}}{line.replace(_TIED, ': ')}"
    if not is_told:
        yield from _times(reason, indent + 2)
    for below in reason.below:
        is_same = isinstance(reason.rule, SegmentNode) and bool(below.below)
        yield from _nodes(below, depth + 1, is_told=is_same)


def _times(reason: Reason, indent: int) -> Iterator[str]:
    """On one line, or where that is too long on one for each."""
    always = "from the beginning" if reason.holds else "never so far"
    parts = [always if reason.since is None else f"since {instant(reason.since)}"]
    if reason.until is not None:
        parts.append(f"{'until' if reason.holds else 'true from'} {instant(reason.until)}")
    if reason.is_approximate and not reason.below:
        parts.append("approximate")
    line = ", ".join(parts)
    for each in [line] if indent + len(line) <= WIDTH else parts:
        yield " " * indent + each


def _changes(reason: Reason) -> Iterator[str]:
    """What would have to become otherwise for the segment to do so."""
    need = needed(reason)
    yield f"To {'leave' if reason.holds else 'enter'}, {_how(need, is_first=True)}:"
    yield from _needs(need, 1)


def _how(need: Need, *, is_first: bool) -> str:
    end = " must change" if is_first else ""
    if isinstance(need, Reason):
        return f"this{end}"
    return f"{'all' if need[0] else 'one'} of these{end}"


def _needs(need: Need, depth: int) -> Iterator[str]:
    indent = min(2 * depth, WIDTH - _NARROWEST)
    if isinstance(need, Reason):
        never = " (never does)" if is_fixed(need) else ""
        yield " " * indent + _cut(headline(need.rule), WIDTH - indent - len(never)) + never
        return
    for each in need[1]:
        if not isinstance(each, Reason):
            yield f"{' ' * indent}{_how(each, is_first=False)}:"
        yield from _needs(each, depth + (not isinstance(each, Reason)))


def _row(why: Why, width: int) -> Iterator[str]:
    id_, reason = why.segment.id, why.reason
    mark = "in" if reason.holds else "out"
    since = "" if reason.since is None else instant(reason.since)
    until = "" if reason.until is None else instant(reason.until)
    if len(id_) > width:
        yield f"{mark:<{_MARK}}{id_}"
        mark, id_ = "", ""
    yield f"{mark:<{_MARK}}{id_:<{width}}  {since:<19}  {until}".rstrip()


def _notes(page: Page, is_rough: bool) -> Iterator[str]:  # noqa: FBT001 - a fact, not a switch
    if page.is_cut:
        yield f"Only the newest {page.events:,} events were read: what was before them is missing here."
    if is_rough:
        yield "Approximate: so much happened that the oldest of it is not kept."


def _wrapped(told: str) -> str:
    return "\n".join(
        textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in told.splitlines()
    )


def _cut(told: str, width: int) -> str:
    return told if len(told) <= width else f"{told[: width - 1]}…"
