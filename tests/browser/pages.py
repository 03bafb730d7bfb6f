"""The console's pages, as a browser test visits them. A new page gets a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A page: its route, an address that shows it, and what is to be seen once it is drawn."""

    route: str
    path: str
    ready: str

    def __str__(self) -> str:
        return self.path


PAGES = (
    Place("/", "/", '#hero[data-tone="paused"] ~ #reputation table'),
    Place("/segments", "/segments", "#detail-body table"),
)
