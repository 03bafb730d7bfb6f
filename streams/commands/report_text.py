"""A campaign's report for a terminal: 80 columns or wider, colours only support what the words say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dashboards.campaigns.figures import WORDS, Course, Figure, Part, Report
from dashboards.campaigns.words import (
    BADLY,
    OUTCOMES,
    TROUBLED,
    action,
    clean,
    maturity_words,
    moment,
    percent,
    reason,
    state,
    verdict,
)

_TONES = {BADLY: "bold red", TROUBLED: "bold yellow"}
_BAR = 18  # columns
_STEPS = " ▁▂▃▄▅▆▇█"
_COURSE = 60  # columns
_PARTS = ("delivered", "bounced", "deferred", "opened_human", "clicked_human", "unsubscribed", "complained")
_HEADS = ("deliv.", "bounced", "put off", "opened", "clicked", "unsub.", "compl.")
_COURSES = ("delivered", "bounced", "deferred", "opened", "clicked", "complained")


def render(report: Report) -> RenderableType:
    """The whole report; what there is nothing to say of is left out."""
    made: list[RenderableType | None] = [
        _head(report),
        _section("What became of it", _figures(report.total)),
        _section("Over time", _course(report.course)),
        _section("Complaints", Text(maturity_words(report.maturity))),
        _section("Why mail was refused or put off", _refusals(report)),
        _section("By mailbox provider", _parts(report.providers, "provider")),
        _section("Variants", _parts(report.variants, "variant")),
        _section("Links, by people who clicked", _links(report)),
        _section("Score", _scores(report)),
        _section("Decisions", _decisions(report)),
    ]
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in made if part is not None))


def _head(report: Report) -> RenderableType:
    span = f"{moment(report.first_at)} to {moment(report.last_at)}"
    return Group(
        Text(clean(report.sentence), style=_TONES.get(verdict(report), "bold green")),
        Text(
            f"{clean(report.tenant)}: {report.total.reach}. {span}, as known on {moment(report.as_of)}.",
            style="dim",
        ),
    )


def _section(title: str, inner: RenderableType | None) -> RenderableType | None:
    return None if inner is None else Group(Text(title, style="bold"), Padding(inner, (0, 0, 0, 2)))


def _figures(total: Part) -> Table:
    table = _table((("", "left"), ("", "right"), ("", "left"), ("", "left")), has_head=False)
    for figure in total.figures.values():
        said = f"{figure.count:,} of {figure.denominator:,} {figure.of}"
        table.add_row(WORDS[figure.name], percent(figure.share), said, Text(_bar(figure), style="dim"))
    return table


def _bar(figure: Figure) -> str:
    return "█" * round(_BAR * (figure.share or 0.0))


def _course(course: Course) -> RenderableType | None:
    if not course.points:
        return None
    first, last = course.points[0]["time"], course.points[-1]["time"]
    table = _table((("", "left"), ("", "left"), ("most", "right")))
    for name in _COURSES:
        line, most = _line(course, name)
        if most:
            table.add_row(name.replace("deferred", "put off"), line, f"{most:,}")
    return Group(
        table, Text(f"{moment(first)} to {moment(last)}; opens and clicks of people or uncertain.", style="dim")
    )


def _line(course: Course, name: str) -> tuple[str, int]:
    """The counts as a line of blocks, and the highest of them."""
    first, last = course.points[0]["time"], course.points[-1]["time"]
    columns = min(_COURSE, (last - first) // (course.bucket_s * 1000) + 1)
    sums = [0] * columns
    for point in course.points:
        sums[(point["time"] - first) * columns // (last - first + course.bucket_s * 1000)] += point[name]
    most = max(sums)
    return "".join(_STEPS[-(-8 * count // most)] if count else " " for count in sums), most


def _refusals(report: Report) -> Table | None:
    table = _table((("", "left"), ("", "right"), ("messages", "right"), ("why", "left"), ("mostly at", "left")))
    for each in report.refusals:
        figure = each.messages
        table.add_row(
            OUTCOMES[each.outcome],
            percent(figure.share),
            f"{figure.count:,}",
            reason(each.reason),
            clean(each.main_provider),
        )
    return table if report.refusals else None


def _parts(parts: Sequence[Part], title: str) -> RenderableType | None:
    if not parts:
        return None
    table = _table(((title, "left"), ("messages", "right"), *((head, "right") for head in _HEADS)), gap=1)
    for part in parts:
        shares = (percent(part.figures[name].share).removesuffix(" %") for name in _PARTS)
        table.add_row(clean(part.name), f"{part.messages:,}", *shares)
    return Group(table, Text("In per cent: the first three of messages, the others of delivered ones.", style="dim"))


def _links(report: Report) -> Table | None:
    table = _table((("people", "right"), ("of delivered", "right"), ("machines'", "right"), ("link", "left")))
    for link in report.links:
        table.add_row(
            f"{link.people.count:,}", percent(link.people.share), f"{link.clicks_of_machines:,}", clean(link.link)
        )
    return table if report.links else None


def _scores(report: Report) -> RenderableType | None:
    lines: list[str] = []
    for each in report.scores:
        where = f"At {each.provider}: " if each.provider else ""
        level = {"paused": "pause advised", "throttled": "slow down"}.get(each.level, each.level)
        lines.append(f"{where}{each.score:.0f} of 100 ({each.low:.0f} to {each.high:.0f}), {level}.")
        if not each.provider:
            lines += [f"- {text}" for text in (*each.reasons, *([each.advice] if each.advice else []))]
    return _lines(lines)


def _decisions(report: Report) -> RenderableType | None:
    return _lines(
        f"{moment(each['decided_at'])}: {action(each)}, {state(each)}. {each['reason']}" for each in report.decisions
    )


def _lines(lines: Iterable[str]) -> RenderableType | None:
    made = [Text(clean(line)) for line in lines]
    return Group(*made) if made else None


def _table(columns: Sequence[tuple[str, str]], *, has_head: bool = True, gap: int = 2) -> Table:
    table = Table(box=None, show_header=has_head, header_style="dim", padding=(0, gap, 0, 0), pad_edge=False)
    for head, justify in columns:
        is_long = head in {"link", "why"}
        table.add_column(
            head,
            justify="right" if justify == "right" else "left",
            overflow="fold" if is_long else "ellipsis",
            no_wrap=not is_long,
        )
    return table
