"""The report's style sheet: the console's colours and the report's own rules, in one text.

Light or dark follows the reader's system, and on a page of the console the theme that was chosen there; paper is
always light.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_CSS = Path(__file__).parents[1] / "console" / "static" / "css"


@cache
def style_sheet() -> str:
    """The whole style sheet; it loads nothing."""
    tokens = (_CSS / "tokens.css").read_text(encoding="utf-8")
    light, dark = _block(tokens, ":root"), _block(tokens, ':root[data-theme="dark"]')
    tones = "\n".join(re.findall(r"^\[data-tone.*\}$", tokens, re.MULTILINE))
    themes = (
        f':root, :root[data-theme="dark"] {{ color-scheme: light; {light} }}\n'
        f'@media screen {{ :root[data-theme="dark"] {{ {dark} }} }}\n'
        f'@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }}\n'
    )
    return f"{themes}{tones}\n{(_CSS / 'report.css').read_text(encoding='utf-8')}"


def _block(tokens: str, selector: str) -> str:
    """What stands between the braces of the selector, on one line."""
    found = re.search(rf"^{re.escape(selector)} \{{(.*?)^\}}", tokens, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"tokens.css has no block {selector}")
    return " ".join(found[1].split())
