"""The console's pages, as a browser test visits them. A new page gets a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A page: its route, an address that shows it, and what is to be seen once it is drawn.

    A report is for saving and printing, too: it has neither a link past the navigation nor a theme of its own.
    """

    route: str
    path: str
    ready: str
    is_report: bool = False

    def __str__(self) -> str:
        return self.path


PAGES = (
    Place("/", "/", '#hero[data-tone="paused"] ~ #reputation table'),
    Place("/campaigns", "/campaigns", "#main", is_report=True),
    Place("/campaigns/{id}", "/campaigns/winter-clearance?tenant=acme", "#main", is_report=True),
    Place("/keys", "/keys", "#choice-body a"),
    Place("/keys", "/keys?tenant=acme&kind=campaign&key=winter-clearance", "#events-body table"),
    Place("/recipients", "/recipients", '#link[data-state="live"]'),
    Place("/connectors", "/connectors", "#sources-body table"),
    Place("/dead-letters", "/dead-letters", "#list-body table"),
    Place("/segments", "/segments", "#detail-body table"),
)
FRAMED = tuple(place for place in PAGES if not place.is_report)
