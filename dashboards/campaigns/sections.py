"""The sections of a campaign's report as HTML, each left out where there is nothing to say. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.campaigns.charts import bar, columns, highest
from dashboards.campaigns.figures import WORDS, Course, Figure, Report
from dashboards.campaigns.markup import Markup, joined, tag
from dashboards.campaigns.tables import decisions, links, parts, refusals, scores
from dashboards.campaigns.words import BADLY, TROUBLED, maturity_words, moment, percent, verdict

_TILES = ("delivered", "bounced", "deferred", "rejected", "opened_human", "clicked_human", "unsubscribed", "complained")
_TONES = {BADLY: "paused", TROUBLED: "watch"}
_SENDING = ("delivered", "bounced", "deferred", "rejected")
_REACTING = ("opened", "clicked", "complained")
_SERIES = {"opened": "Opened", "clicked": "Clicked", "rejected": "Not sent", "deferred": "Put off"}
_WHO = (("human", "people"), ("uncertain", "uncertain"), ("machine", "machines only"))


def body(report: Report) -> Markup:
    """The report itself, without anything around it."""
    made = (
        ("What became of it", _tiles(report)),
        ("From sending to clicking", _funnel(report)),
        ("Over time", _course(report.course)),
        ("Complaints", _complaints(report)),
        ("Why mail was refused or put off", refusals(report)),
        ("By mailbox provider", parts(report.providers, "Mailbox provider")),
        ("Variants", parts(report.variants, "Variant")),
        ("Links", links(report)),
        ("Score", scores(report)),
        ("Decisions", decisions(report)),
    )
    sections = [tag("section", tag("h2", title), inner) for title, inner in made if inner]
    return tag("main", _head(report), *sections, _notes(), class_="report", id="main")


def _head(report: Report) -> Markup:
    span = f"{moment(report.first_at)} to {moment(report.last_at)}, as known on {moment(report.as_of)}"
    return tag(
        "header",
        tag("p", f"Campaign {report.campaign} of {report.tenant}", class_="what"),
        tag("h1", report.sentence),
        tag("p", f"{report.total.reach}. {span}.", class_="meta"),
        data_tone=_TONES.get(verdict(report), "healthy"),
    )


def _tiles(report: Report) -> Markup:
    figures = (report.total.figures[name] for name in _TILES)
    return tag(
        "dl",
        *(tag("div", tag("dt", WORDS[each.name]), tag("dd", *_figure(each))) for each in figures),
        class_="figures",
    )


def _figure(figure: Figure) -> tuple[Markup, Markup]:
    said = f"{figure.count:,} of {figure.denominator:,} {figure.of}"
    return tag("b", percent(figure.share) if figure.share is not None else f"{figure.count:,}"), tag("small", said)


def _funnel(report: Report) -> Markup:
    total, messages = report.total, report.total.messages
    delivered = total.figures["delivered"]
    steps = [
        _step("Sent", [("messages", 1.0 if messages else 0.0)], f"{messages:,} messages"),
        _step(
            "Delivered",
            [("delivered", delivered.share or 0.0)],
            f"{delivered.count:,}, {percent(delivered.share)} of messages",
        ),
    ]
    for kind, word in (("opened", "Opened"), ("clicked", "Clicked")):
        figures = [(who, total.figures[f"{kind}_{name}"]) for name, who in _WHO]
        shares = [(each.name, each.count / messages if messages else 0.0) for _, each in figures]
        said = ", ".join(f"{each.count:,} {who} ({percent(each.share)})" for who, each in figures)
        steps.append(_step(word, shares, f"{said} of delivered"))
    return joined(*steps)


def _step(word: str, shares: list[tuple[str, float]], said: str) -> Markup:
    return tag("div", tag("span", word), bar(shares, f"{word}: {said}"), tag("small", said), class_="step")


def _course(course: Course) -> Markup | None:
    if not course.points:
        return None
    charts = [
        _over_time(course, series, words)
        for series, words in ((_SENDING, "sending"), (_REACTING, "reactions of people, or uncertain"))
        if highest(course, series)
    ]
    return joined(*charts, _course_table(course))


def _over_time(course: Course, series: tuple[str, ...], words: str) -> Markup:
    begin, end = (moment(course.points[place]["time"]) for place in (0, -1))
    keys = (tag("span", bar([(name, 1.0)], ""), _SERIES.get(name, WORDS.get(name, name))) for name in series)
    most = f"up to {highest(course, series):,} events in {_length(course.bucket_s)}"
    label = f"Events over time, {words}: {most}, from {begin} to {end}"
    return joined(
        tag("div", *keys, class_="legend"),
        columns(course, series, label),
        tag("div", tag("span", begin), tag("span", most), tag("span", end), class_="axis"),
    )


def _course_table(course: Course) -> Markup:
    names = (*_SENDING, *_REACTING, "unsubscribed")
    head = tag(
        "tr",
        tag("th", "From (UTC)"),
        *(tag("th", _SERIES.get(name, WORDS.get(name, name)), class_="num") for name in names),
    )
    rows = (
        tag(
            "tr",
            tag("td", moment(point["time"]).removesuffix(" UTC")),
            *(tag("td", f"{point[name]:,}", class_="num") for name in names),
        )
        for point in course.points
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag(
        "details",
        tag("summary", f"As a table, in steps of {_length(course.bucket_s)}"),
        tag("div", table, class_="scroll", tabindex="0"),
    )


def _complaints(report: Report) -> Markup:
    grown, figure = report.maturity, report.total.figures["complained"]
    told = f"{figure.count:,} of {figure.denominator:,} delivered messages"
    said = f"{told} were complained about ({percent(figure.share)})."
    due = bar([("due", grown.due or 0.0)], f"{percent(grown.due)} of the complaints to be expected are in")
    return joined(tag("p", said), due, tag("p", maturity_words(grown)))


def _length(seconds: int) -> str:
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}s" if count > 1 else f"a{'n' if word == 'hour' else ''} {word}"
    return "no time"


def _notes() -> Markup:
    return tag("footer", *(tag("p", note) for note in notes()))


def notes() -> Iterator[str]:
    """What the figures count."""
    yield "A message is what one recipient was sent under one message id; it counts once, however often it happened."
    yield (
        "Opened by machines only: every open came from software that fetches mail for its readers or checks it."
        " Uncertain: neither that nor a person could be made out."
    )
    yield (
        "Some mailbox providers (Gmail among them) report no complaints, so the share of complaints is of all delivered"
        " mail and lower than what those providers see."
    )
