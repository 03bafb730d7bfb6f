"""The report as HTML: one file that loads nothing, or a page of the console; both hold the same body. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.campaigns.figures import Report
from dashboards.campaigns.markup import Markup, joined, tag
from dashboards.campaigns.sections import body
from dashboards.campaigns.style import style_sheet
from dashboards.campaigns.tables import campaigns

_TYPE = "<!doctype html>\n"


def whole_file(report: Report) -> str:
    """A file that needs no other; it has no script and no link."""
    head = _head(_title(report), tag("style", Markup(style_sheet())))
    return f"{_TYPE}{tag('html', head, tag('body', body(report)), lang='en')}\n"


def console_page(report: Report, top: Markup, links: Markup) -> str:
    """The same under the console's content policy. `top`: what stands above it; `links`: style sheet and scripts."""
    return _console(_title(report), body(report), top, links)


def _title(report: Report) -> str:
    return f"{report.campaign}, report"


def list_page(rows: Sequence[Mapping[str, Any]], older: str, top: Markup, links: Markup) -> str:
    """Campaigns of `campaign_list.sql`, each leading to its report; `older`: where the next page is, "" on the last."""
    more = tag("p", tag("a", "Older campaigns", href=older)) if older else None
    inner = joined(campaigns(rows) or tag("p", "No mail of any campaign is stored yet."), more)
    section = tag("section", tag("h1", "Campaigns"), inner)
    return _console("Campaigns", tag("main", section, class_="report", id="main"), top, links)


def said_page(sentence: str, top: Markup, links: Markup) -> str:
    """A page that says why there is no report."""
    section = tag("section", tag("h1", "No report"), tag("p", sentence))
    return _console("No report", tag("main", section, class_="report", id="main"), top, links)


def _console(title: str, main: Markup, top: Markup, links: Markup) -> str:
    return f"{_TYPE}{tag('html', _head(title, links), tag('body', top, main), lang='en')}\n"


def _head(title: str, styles: Markup) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · mailweir"),
        styles,
    )
