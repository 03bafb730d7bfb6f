"""The tables of a campaign's report as HTML; None where there is nothing to list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dashboards.campaigns.figures import DELIVERED, Figure, Part, Report, Score, figure
from dashboards.campaigns.markup import Markup, joined, tag
from dashboards.campaigns.words import OUTCOMES, action, moment, percent, reason, state
from schemas.aggregates import Level

_SHOWN = {
    "delivered": "Delivered",
    "bounced": "Bounced",
    "deferred": "Put off",
    "opened_human": "Opened by people",
    "clicked_human": "Clicked by people",
    "unsubscribed": "Unsubscribed",
    "complained": "Complained",
}
_LEVELS = {Level.THROTTLED: "slow down", Level.PAUSED: "pause advised"}


def parts(rows: Sequence[Part], title: str) -> Markup | None:
    """Mailbox providers or variants: counts with shares, each over its own denominator."""
    lines = [
        [_text(each.name), _count(each.messages), *(_figure(each.figures[name]) for name in _SHOWN)] for each in rows
    ]
    return _table([title, "Messages", *_SHOWN.values()], lines, first_number=1)


def refusals(report: Report) -> Markup | None:
    """Bounce classes with their reason in words and a reply as example."""
    lines = [
        [
            _text(OUTCOMES[each.outcome]),
            tag(
                "td",
                _sentence(reason(each.reason)),
                tag("br"),
                tag("small", _about(each.scope, each.permanence)),
                class_="long",
            ),
            tag("td", tag("code", each.example) if each.example else None, class_="long"),
            _text(each.main_provider),
            _figure(each.messages),
        ]
        for each in report.refusals
    ]
    return _table(["Outcome", "Why", "For example", "Mostly at", "Messages"], lines, first_number=4)


def links(report: Report) -> Markup | None:
    """Clicked links."""
    lines = [
        [
            tag("td", tag("code", each.link), class_="long"),
            _figure(each.people),
            _count(each.clicks),
            _count(each.clicks_of_machines),
        ]
        for each in report.links
    ]
    table = _table(["Link", "People", "Their clicks", "Clicks of machines"], lines, first_number=1)
    return table and joined(
        table,
        tag(
            "p",
            "People: recipients who clicked, of delivered messages; uncertain clicks count as theirs.",
            class_="muted",
        ),
    )


def scores(report: Report) -> Markup | None:
    """The campaign's score with reasons, and those at mailbox providers."""
    if not report.scores:
        return None
    own = [each for each in report.scores if not each.provider]
    others = [each for each in report.scores if each.provider]
    lines = [
        [_text(each.provider), _level(each), tag("td", f"{each.score:.0f}", class_="num"),
         _text(f"{each.low:.0f} to {each.high:.0f}"),
         tag("td", each.reasons[0] if each.reasons else "nothing of weight", class_="long")]
        for each in others
    ]  # fmt: skip
    table = _table(["Mailbox provider", "Level", "Score", "90 % interval", "Main reason"], lines, first_number=9)
    return joined(*(_own(each) for each in own), table)


def decisions(report: Report) -> Markup | None:
    """What was decided about it, newest first, with reason, people's words and outcomes."""
    lines = [
        [_text(moment(each["decided_at"]), "time"), _text(action(each)), _text(state(each)),
         tag("td", each["reason"], *_said(each), class_="long")]
        for each in report.decisions
    ]  # fmt: skip
    return _table(["Decided", "What", "State", "Why"], lines, first_number=9)


def campaigns(rows: Sequence[Mapping[str, Any]]) -> Markup | None:
    """The campaigns of `campaign_list.sql`; bounces of what was settled, complaints of what was delivered."""
    lines = [
        [tag("td", tag("a", each["campaign_id"], href=_path(each)), class_="long"), _text(each["tenant"]),
         _text(moment(each["first_at"]), "time"), tag("td", _chip(each["level"]) if each["level"] else None),
         *_outline(each)]
        for each in rows
    ]  # fmt: skip
    head = ["Campaign", "Tenant", "Since", "Level", "Score", "Delivered", "Bounced", "Complained"]
    return _table(head, lines, first_number=4)


def _outline(row: Mapping[str, Any]) -> list[Markup]:
    delivered, bounced, score = int(row["delivered"]), int(row["bounced"]), row["score"]
    return [
        tag("td", "-" if score is None else f"{score:.0f}", class_="num"),
        _count(delivered),
        _figure(figure("bounced", bounced, "settled", delivered + bounced)),
        _figure(figure("complained", int(row["complained"]), DELIVERED, delivered)),
    ]


def _path(row: Mapping[str, Any]) -> str:
    return f"/campaigns/{quote(row['campaign_id'], safe='')}?tenant={quote(row['tenant'], safe='')}"


def _own(score: Score) -> Markup:
    interval = f"of 100, with 90 % confidence {score.low:.0f} to {score.high:.0f}, on {moment(score.as_of)}"
    head = tag("div", tag("b", f"{score.score:.0f}"), _chip(score.level), tag("small", interval), class_="score")
    reasons = (
        tag("ul", *(tag("li", each) for each in score.reasons))
        if score.reasons
        else tag("p", "Nothing of weight speaks against it.")
    )
    return joined(head, reasons, tag("p", score.advice) if score.advice else None)


def _chip(level: str) -> Markup:
    return tag(
        "span", _LEVELS.get(Level(level), level) if level in set(Level) else level, class_="chip", data_tone=level
    )


def _level(score: Score) -> Markup:
    return tag("td", _chip(score.level))


def _said(decision: Mapping[str, Any]) -> Iterable[Markup]:
    for each in decision["rulings"]:
        yield joined(
            tag("br"), tag("small", f"{each['who']}, {moment(each['ruled_at'])}, {each['verb']}: {each['why']}")
        )
    for each in decision["outcomes"]:
        where = f"{each['source']} by {each['driver']}" if each["source"] else each["driver"]
        yield joined(
            tag("br"),
            tag(
                "small", f"{where}, {moment(each['executed_at'])}: {each['status'].replace('_', ' ')}. {each['detail']}"
            ),
        )


def _about(scope: str, permanence: str) -> str:
    known = [f"about the {scope}" if scope and scope != "none" else "", permanence if permanence != "unknown" else ""]
    return ", ".join(filter(None, known))


def _table(head: Sequence[str], lines: Sequence[Sequence[Markup]], first_number: int) -> Markup | None:
    if not lines:
        return None
    cells = (
        tag("th", text, scope="col", class_="num" if place >= first_number else None) for place, text in enumerate(head)
    )
    rows = (tag("tr", *line) for line in lines)
    return tag("div", tag("table", tag("thead", tag("tr", *cells)), tag("tbody", *rows)), class_="scroll", tabindex="0")


def _figure(figure: Figure) -> Markup:
    of = tag("small", f"{figure.count:,} of {figure.denominator:,}") if figure.denominator else None
    return tag("td", percent(figure.share), of, class_="num")


def _count(count: int) -> Markup:
    return tag("td", f"{count:,}", class_="num")


def _text(text: str, class_: str | None = None) -> Markup:
    return tag("td", text, class_=class_)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
