"""The page itself: nothing from elsewhere, nothing inline, nothing missing, enough contrast."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dashboards.console.app import STATIC
from dashboards.console.pages import HTML, NAVIGATION, PAGES, whole
from dashboards.console.panels import PANELS

OURS = [
    *sorted(p for p in STATIC.rglob("*") if p.suffix in {".css", ".js", ".svg"} and "vendor" not in p.parts),
    *sorted(HTML.glob("*.html")),
]
LOGIN = (HTML / "login.html").read_text(encoding="utf-8")
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
MARKUP_NAMES = {"http://www.w3.org/2000/svg", "http://127.0.0.1:8610"}  # a namespace, and the gateway's example


class Markup(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def name_of(path: Path) -> str:
    return str(path.relative_to(STATIC.parent))


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: page.path)
def page(request: pytest.FixtureRequest) -> Markup:
    return Markup(whole(request.param))


@pytest.fixture(scope="module", params=[*PAGES, None], ids=lambda page: page.path if page else "login")
def any_page(request: pytest.FixtureRequest) -> Markup:
    """The login too, which has no frame."""
    return Markup(whole(request.param) if request.param else LOGIN)


def imported(script: Path) -> list[Path]:
    """The modules that it names."""
    found = re.findall(r'from "(\.[^"]+)"', script.read_text(encoding="utf-8"))
    return [(script.parent / target).resolve() for target in found]


def scripts_of(page: Markup) -> set[Path]:
    """Those that the page loads, and all that these import."""
    named = [a.get("src") or "" for tag, a in page.tags if tag == "script"]
    left, found = [STATIC / name.removeprefix("/static/") for name in named if "/vendor/" not in name], set[Path]()
    while left:
        script = left.pop()
        if script not in found:
            found.add(script)
            left += imported(script)
    return found


def test_the_pages_load_every_script_that_there_is() -> None:
    loaded = scripts_of(Markup(LOGIN))
    for page in PAGES:
        loaded |= scripts_of(Markup(whole(page)))
    assert loaded == set(SCRIPTS)


def test_every_file_of_a_page_is_in_the_table_of_pages() -> None:
    assert {page.file for page in PAGES} | {"frame.html", "login.html"} == {path.name for path in HTML.iterdir()}


def test_the_navigation_names_every_page_that_has_a_label_and_marks_the_one_that_is_open(page: Markup) -> None:
    linked = [a.get("href") for tag, a in page.tags if tag == "a" and not (a.get("href") or "").startswith("#")]
    assert {other.path for other in NAVIGATION if other.label} <= set(linked)
    assert len([a for _, a in page.tags if "aria-current" in a]) == 1  # a page without label says `under` which it is


def test_every_page_has_one_title_one_description_and_one_main_part(any_page: Markup) -> None:
    names = [
        tag
        for tag, a in any_page.tags
        if tag in {"title", "main"} or (a.get("name") == "description" and a.get("content"))
    ]
    assert sorted(names) == ["main", "meta", "title"]


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_nothing_refers_to_another_origin(path: Path) -> None:
    found = set(re.findall(r"(?:https?|wss?):?//[^\s\"'`$<>)]+", path.read_text(encoding="utf-8")))
    assert found <= MARKUP_NAMES


def test_vendored_files_refer_to_other_origins_only_in_their_licence() -> None:
    for path in (STATIC / "vendor").rglob("*"):
        if path.suffix in {".js", ".css"}:
            without_banner = re.sub(r"/\*!.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert not re.search(r"https?://", without_banner), path


def test_every_vendored_folder_has_its_licence() -> None:
    folders = [path for path in (STATIC / "vendor").iterdir() if path.is_dir()]
    assert folders
    assert all((folder / "LICENSE").stat().st_size > 500 for folder in folders)


def test_the_page_has_no_inline_script_style_or_handler(any_page: Markup) -> None:
    for tag, attributes in any_page.tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_every_file_the_page_and_its_modules_name_exists(any_page: Markup) -> None:
    named = [a.get("src") or a.get("href") or "" for tag, a in any_page.tags if tag in {"script", "link", "img"}]
    assert all((STATIC / name.removeprefix("/static/")).is_file() for name in named)
    for script in SCRIPTS:
        assert all(target.is_file() for target in imported(script)), script.name


def test_every_query_a_panel_needs_is_sampled_and_every_sampled_one_is_shown() -> None:
    needed = set()
    for script in (STATIC / "panels").glob("*.js"):
        declared = re.search(r"export const needs = \[([^]]*)\]", script.read_text(encoding="utf-8"))
        needed |= set(re.findall(r'"(\w+)"', declared[1])) if declared else set()
    assert needed - {"pulse"} == {panel.query for panel in PANELS}


def test_every_element_a_script_looks_up_is_on_the_page(any_page: Markup) -> None:
    there = {attributes["id"] for _, attributes in any_page.tags if "id" in attributes}
    for script in scripts_of(any_page):
        wanted = set(re.findall(r'getElementById\("([^"]+)"\)', script.read_text(encoding="utf-8")))
        assert wanted <= there, script.name


def test_colours_stand_only_in_the_tokens() -> None:
    for path in OURS:
        if path.suffix in {".css", ".js"} and path.name != "tokens.css":
            assert not re.search(r"#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8")), path.name


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [":root", '[data-theme="dark"]'])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "surface"),
        ("ink-2", "surface"),
        ("ink-3", "surface"),
        ("ink-2", "raised"),
        ("ink-3", "raised"),
        ("ink-3", "bg"),
        ("accent", "surface"),
        *((tone, f"{tone}-bg") for tone in ("healthy", "watch", "throttled", "paused", "recovering", "quiet")),
    ],
)
def test_text_has_the_contrast_that_wcag_aa_asks_for(theme: str, text: str, ground: str) -> None:
    tokens = (STATIC / "css" / "tokens.css").read_text(encoding="utf-8")
    block = tokens[tokens.index(f"{theme} {{") :]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[: block.index("}")]))
    assert contrast(colours[text], colours[ground]) >= 4.5
