"""The whole path on this machine: every service a process, signed posts in, rows and scores out.

Throughput: posts of 30 events leave at a fixed rate, by default somewhat above the goal, and the figure is the
slope of the stored rows over time while they do, first seconds left out. It is wrong unless in the end every accepted
event is stored once and counted once. Lag is accepted less stored, memory is resident memory per process;
both are given with their slopes, since what grows would fail in the second hour. Latency: `latency.py`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import httpx

from benchmarks import brokers, latency
from benchmarks.figure import Figure, Plan, missing
from benchmarks.processes import Used, slope, used
from benchmarks.river import LETTERS, Load, River, running
from streams.local.broker import Broker

GOAL = 20_000
_SKIP_S = 5.0
_SETTLE_S = {True: 60.0, False: 300.0}  # by plan.quick
LATENCY_GOALS = {"p50": "< 150", "p99": "< 500"}
RATES = (1_000.0, 100.0, 10_000.0)


@dataclass(slots=True)
class Samples:
    """What was seen while the load ran; times in seconds since it began."""

    stored: list[tuple[float, float]] = field(default_factory=list)
    lag: list[tuple[float, float]] = field(default_factory=list)
    rss: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    first: dict[str, Used] = field(default_factory=dict)
    last: dict[str, Used] = field(default_factory=dict)
    span_s: float = 0.0


def measure(plan: Plan) -> list[Figure]:
    """Rate, lag, memory, CPU per service, and latency, for every broker of the plan."""
    found: list[Figure] = []
    for index, name in enumerate(plan.brokers):
        suffix = f"_{name}" if index else ""
        try:
            with brokers.started(name, plan.work / name / "broker") as broker:
                found += asyncio.run(_measure(broker, plan, name, suffix))
        except brokers.CannotRunError as error:
            found.append(missing(f"whole_path_eps{suffix}", "events/s", f"{name}: {error}", goal=f">= {GOAL:,}"))
    return found


async def _measure(broker: Broker, plan: Plan, name: str, suffix: str) -> list[Figure]:
    async with running(broker, plan.work / name, plan.say) as river:
        found: list[Figure] = []
        for rate in RATES[:1] if plan.quick else RATES:
            found += await _latency(river, plan, rate, suffix)
        found += await _hops(river, plan, suffix)
        before = _spent(river)
        samples, accepted, took_s = await _loaded(river, plan)
        settled_s, totals = await river.settled(_SETTLE_S[plan.quick])
        plan.say(f"settled {settled_s:.1f} s after the load: {totals}, posted {river.posted:,}")
        found += _throughput(river, plan, samples, accepted / took_s, settled_s, totals, suffix)
        found.append(_cpu_per_event(before, _spent(river), accepted, suffix))
        found.append(
            Figure(
                name=f"whole_path_drained_eps{suffix}", value=accepted / (took_s + settled_s), unit="events/s",
                runs=[accepted / (took_s + settled_s)],
                note="accepted events over the time until the last one was stored and counted",
            )
        )  # fmt: skip
    return found


def _spent(river: River) -> dict[str, float]:
    """CPU seconds of each process so far."""
    return {name: used(pid).cpu_s for name, pid in river.pids().items()}


def _cpu_per_event(before: dict[str, float], after: dict[str, float], events: int, suffix: str) -> Figure:
    """What an accepted event has cost all processes by the time everything is stored; a restarted one counts anew."""
    costs = {name: max(after[name] - before.get(name, 0.0), 0.0) / max(events, 1) * 1e6 for name in after}
    parts = ", ".join(f"{name} {us:.0f}" for name, us in sorted(costs.items(), key=lambda item: -item[1]))
    total = sum(costs.values())
    return Figure(name=f"whole_path_cpu_us_per_event{suffix}", value=total, unit="us", runs=[total], note=parts)


# -- latency -----------------------------------------------------------------------------------------------------


async def _latency(river: River, plan: Plan, rate: float, suffix: str) -> list[Figure]:
    took, lost = await latency.measure(river, rate, 15.0 if plan.quick else 60.0, plan.seed)
    is_named = rate == RATES[0]
    found = []
    for part, share in (("p50", 0.5), ("p99", 0.99)):
        name = f"post_to_score_{part}_ms{suffix}" if is_named else f"post_to_score_{rate:.0f}_{part}_ms{suffix}"
        goal = LATENCY_GOALS[part] if is_named else ""
        value = latency.percentile(took, share)
        note = f"at {rate:,.0f} events/s, {len(took)} probes, POST begun to score read"
        note = f"{lost} scores took over 15 s; {note}" if lost else note
        found.append(Figure(name=name, value=value, unit="ms", goal=goal, runs=[value], note=note))
    plan.say(f"post to score at {rate:,.0f}/s: " + ", ".join(f"{f.name} {f.value:.0f}" for f in found))
    return found


async def _hops(river: River, plan: Plan, suffix: str) -> list[Figure]:
    took = await latency.hops(river, RATES[0], 10.0 if plan.quick else 30.0, plan.seed)
    plan.say(f"on the way at {RATES[0]:,.0f}/s: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in took.items()))
    return [
        Figure(
            name=f"post_to_{name}_hop_ms{suffix}", value=ms, unit="ms", runs=[ms],
            note=f"median at {RATES[0]:,.0f} events/s with all four topics being read",
        )
        for name, ms in took.items()
    ]  # fmt: skip


# -- throughput --------------------------------------------------------------------------------------------------


async def _loaded(river: River, plan: Plan) -> tuple[Samples, int, float]:
    """Load the stack: samples, events accepted, seconds until the last one was."""
    seconds = 30.0 if plan.quick else 300.0
    began, before, samples = time.monotonic(), river.posted, Samples()
    base = await river.stored()
    async with river.load(plan.rate, seconds, plan.seed + 1) as load:
        watching = asyncio.create_task(_watch(river, load, samples, began, base))
        try:
            await load.done()
        finally:
            watching.cancel()
        took_s = time.monotonic() - began
    return samples, river.posted - before, took_s


async def _watch(river: River, load: Load, samples: Samples, began: float, base: int) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            accepted, stored = load.accepted, await river.stored() - base
        except (httpx.HTTPError, ValueError):
            continue  # the store is busy; the next second will do
        at = time.monotonic() - began
        if at < _SKIP_S:
            continue
        samples.stored.append((at, stored))
        samples.lag.append((at, accepted - stored))
        found = {name: used(pid) for name, pid in {**river.pids(), "courier": load.pid}.items()}
        samples.first = samples.first or found
        samples.last = found
        samples.span_s = at - samples.stored[0][0]
        for name, item in found.items():
            samples.rss.setdefault(name, []).append((at, item.rss_mb))


def _throughput(
    river: River, plan: Plan, samples: Samples, offered: float, settled_s: float, totals: dict[str, int], suffix: str
) -> list[Figure]:
    if not samples.lag:
        error = "the store did not answer once while the load ran"
        return [missing(f"whole_path_eps{suffix}", "events/s", error, goal=f">= {GOAL:,}")]
    rate = slope(samples.stored)
    text = f"offered {offered:,.0f}/s; {_verdict(river, totals, settled_s, is_slow=settled_s > _SETTLE_S[plan.quick])}"
    lags = sorted(lag for _, lag in samples.lag)
    lag_slope, memory = slope(samples.lag), _memory(samples)
    values = (
        ("whole_path_eps", rate, "events/s", f">= {GOAL:,}", text),
        ("whole_path_lag_s", lags[len(lags) // 2] / plan.rate, "s", "", f"median; most {lags[-1] / plan.rate:.1f} s"),
        ("whole_path_lag_slope", lag_slope / plan.rate * 60, "s a minute", "", "0: bounded"),
        (
            "whole_path_rss_slope",
            sum(memory.values()),
            "MB a minute",
            "",
            ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(memory.items(), key=lambda item: -item[1])),
        ),
        ("whole_path_cpu", sum(_cores(samples).values()), "cores", "", _per_service(samples)),
    )
    plan.say(f"stored {rate:,.0f} events/s; CPU in per cent of a core: {_per_service(samples)}")
    return [
        Figure(name=f"{name}{suffix}", value=value, unit=unit, goal=goal, runs=[value], note=_wrong_first(note))
        for name, value, unit, goal, note in values
    ]


def _wrong_first(note: str) -> str:
    head, mark, rest = note.partition("; wrong ")
    return f"wrong {rest}; {head}" if mark else note


def _verdict(river: River, totals: dict[str, int], settled_s: float, *, is_slow: bool) -> str:
    """What the totals at the end say."""
    expected = {name: 0 if name == LETTERS else river.posted for name in totals}
    off = [f"{name} {count:,} of {expected[name]:,}" for name, count in totals.items() if count != expected[name]]
    restarts = {name: count for name, count in river.stack.supervisor.restarts.items() if count}
    again = f"; restarts {restarts}" if restarts else ""
    if not off:
        return f"every count equal; drained in {settled_s:.1f} s{again}"
    is_behind = is_slow and all(count <= expected[name] for name, count in totals.items())
    return f"{'behind' if is_behind else 'wrong'} after {settled_s:.0f} s: {', '.join(off)}{again}"


def _memory(samples: Samples) -> dict[str, float]:
    """MB a minute by process; the broker and the courier are none of ours."""
    return {name: slope(points) * 60 for name, points in samples.rss.items() if name not in {"broker", "courier"}}


def _cores(samples: Samples) -> dict[str, float]:
    span = samples.span_s or 1.0
    return {name: (samples.last[name].cpu_s - samples.first[name].cpu_s) / span for name in samples.last
            if name in samples.first}  # fmt: skip


def _per_service(samples: Samples) -> str:
    found = sorted(_cores(samples).items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {cores * 100:.0f}" for name, cores in found)
