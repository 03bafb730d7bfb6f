"""The screen of `mailweir top`: a snapshot as lines of text that fit the terminal, whatever its size. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from dashboards.campaigns.words import action, clean, percent
from schemas.aggregates import Level
from streams.commands.top_snapshot import Snapshot

FEWEST_LINES = 12
_NAME, _WIDE, _WIDE_NAME = 28, 100, 44  # columns
_TYPES = ("sent", "delivered", "deferred", "bounced", "rejected", "opened", "clicked", "complained")
_TONES = {Level.PAUSED: "bold red", Level.THROTTLED: "red", Level.WATCH: "yellow", Level.RECOVERING: "cyan"}
_LEVELS = {Level.PAUSED: "pause", Level.THROTTLED: "slow down", Level.RECOVERING: "recovers"}
_KINDS = {
    "campaign": "campaign",
    "campaign_provider": "camp.×prov.",
    "ip": "IP",
    "ip_provider": "IP×prov.",
    "domain": "domain",
    "domain_provider": "dom.×prov.",
    "ip_pool": "pool",
    "provider": "provider",
    "tenant": "tenant",
}
_SOON = "Waiting for the first answer ..."


def lines(found: Snapshot, width: int, height: int, now_ms: int, every_s: float | None = None) -> list[Text]:
    """At most `height` lines of at most `width` columns. `every_s`: how often it is asked anew; None: once."""
    head = [*_head(found, now_ms, every_s), *_figures(found, now_ms)] if found.at_ms else _empty(found, every_s)
    room = max(height, FEWEST_LINES) - len(head)
    made = [*head, *_lists(found, room, width, now_ms)] if found.at_ms else head
    return [_fitted(line, width) for line in made[:height]]


def plain(found: Snapshot, width: int, now_ms: int) -> list[Text]:
    """The same for a pipe or a log: everything that a tall screen shows."""
    return lines(found, width, 40, now_ms)


def _head(found: Snapshot, now_ms: int, every_s: float | None) -> Iterator[Text]:
    time = datetime.fromtimestamp(now_ms / 1000, UTC)
    line = Text.assemble(("mailweir top", "bold"), f"  {time:%Y-%m-%d %H:%M:%S} UTC")
    if every_s is not None:
        line.append(f"  every {every_s:g} s, q quits", style="dim")
    yield line
    old = f"Figures {_ago(found.at_ms, now_ms)} old. {clean(found.trouble)}"
    yield Text(old, style="bold red") if found.trouble else Text()


def _empty(found: Snapshot, every_s: float | None) -> list[Text]:
    ending = Text("q quits", style="dim") if every_s is not None else Text()
    return [
        Text("mailweir top", style="bold"),
        Text(clean(found.trouble) or _SOON, style="red" if found.trouble else ""),
        ending,
    ]


def _figures(found: Snapshot, now_ms: int) -> Iterator[Text]:
    totals, flow = found.totals, found.pipeline
    rates = [f"{name} {_rate(found.rates[name])}" for name in _TYPES if found.rates.get(name)]
    yield Text.assemble(("Events/s  ", "bold"), _rate(sum(found.rates.values())), ("  ".join(["", *rates[:4]]), "dim"))
    yield Text(f"          {'  '.join(rates[4:])}", style="dim")
    yield Text.assemble(
        ("15 min    ", "bold"),
        f"{_brief(totals['settled'])} settled: delivered {percent(totals['delivered_share'])},"
        f" bounced {percent(totals['bounced_share'])}",
    )
    yield Text(
        f"          deferred {percent(totals['deferred_share'])} of attempts,"
        f" complained {percent(totals['complained_share'])} of delivered"
    )
    ages = [_ago(flow[name] or 0, now_ms, " ago") for name in ("newest_event_at", "newest_batch_at")]
    yield Text.assemble(
        ("Lag       ", "bold"),
        f"row {_pair(flow, 'post_to_row')}  score {_pair(flow, 'post_to_score')}",
        (f"  newest event {ages[0]}, batch {ages[1]}", "dim"),
    )
    yield _letters(found)
    yield Text()


def _letters(found: Snapshot) -> Text:
    said = ", ".join(f"{row['records']:,} {row['code']} ({row['stage']})" for row in found.dead_letters)
    style = "yellow" if said else "dim"
    return Text.assemble(("Letters   ", "bold"), (f"dead in 24 h: {clean(said) or 'none'}", style))


def _lists(found: Snapshot, room: int, width: int, now_ms: int) -> Iterator[Text]:
    """Keys and decisions: two headings, a line between, and what fits below."""
    fits = max(0, room - 3)
    decided = min(len(found.decisions), max(fits // 3, fits - len(found.keys)))
    shown = found.keys[: fits - max(decided, 1)]
    size = _NAME if width < _WIDE else _WIDE_NAME
    columns = f"{'KEY':<{size}} {'LEVEL':<9} {'SCORE':>5} {'90 %':<7} WHY"
    yield Text(columns, style="bold")
    yield from (_key(each, size) for each in shown)
    if not found.keys:
        yield Text("no key was scored in the last 6 hours", style="dim")
    yield Text()
    yield Text.assemble(("DECISIONS ", "bold"), f"{found.open_decisions} open, of {len(found.decisions)} in 24 h")
    yield from (_decision(each, now_ms) for each in found.decisions[:decided])


def _key(key: Mapping[str, Any], size: int) -> Text:
    level = key["level"]
    known = Level(level) if level in set(Level) else Level.HEALTHY
    name = Text(f"{_KINDS.get(key['kind'], key['kind'])} {clean(key['key'])}".replace("|", " × "))
    name.truncate(size, overflow="ellipsis", pad=True)
    interval = f"{key['score_low']:.0f}-{key['score_high']:.0f}"
    return Text.assemble(
        name,
        " ",
        (f"{_LEVELS.get(known, level):<9}", _TONES.get(known, "green")),
        f" {key['score']:>5.0f} {interval:<7} ",
        (clean(key["reason"]) or "nothing of weight", "dim"),
    )


def _decision(decision: Mapping[str, Any], now_ms: int) -> Text:
    state = decision["state"].replace("_", " ")
    style = {"waiting": "bold yellow", "failed": "bold red", "revert failed": "bold red", "done": "green"}.get(
        state, ""
    )
    return Text.assemble(
        (f"{decision['decision_id'][:8]}  ", "dim"),
        f"{_ago(decision['decided_at'], now_ms):>6}  ",
        (f"{clean(state):<9}", style),
        f"  {clean(action(decision))}",
        (f"  {clean(decision['reason'])}", "dim"),
    )


def _fitted(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    line.no_wrap = True
    return line


def _pair(flow: Mapping[str, Any], name: str) -> str:
    return f"{_duration(flow[f'{name}_p50_ms'])}/{_duration(flow[f'{name}_p99_ms'])}"


def _duration(ms: float | None) -> str:
    if ms is None:
        return "-"
    if ms < 1_000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms / 60_000:.0f} min" if ms < 3_600_000 else f"{ms / 3_600_000:.0f} h"


def _ago(at_ms: int, now_ms: int, after: str = "") -> str:
    if at_ms <= 0:
        return "none"
    age_s = max(0, now_ms - at_ms) // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if age_s >= size:
            return f"{age_s // size} {unit}{after}"
    return f"{age_s} s{after}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 0.05 else "0" if not rate else f"{rate:.2f}"


def _brief(count: int) -> str:
    return f"{count:,}" if count < 1_000_000 else f"{count / 1e6:.1f} M"
