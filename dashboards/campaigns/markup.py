"""HTML as text in which every stranger's word is escaped: `tag("td", name)`. Pure."""

from __future__ import annotations

from html import escape

Child = str | None
_VOID = frozenset({"meta", "link", "br", "rect", "img"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """An element. Plain text is escaped, None is left out; `class_` is `class`, `aria_label` is `aria-label`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{name}{given}>" if name != "rect" else f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    """The children one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children if child))
