"""Campaigns drawn second by second and judged by the watch as they go, many beside each other, each a key of its own.

Bounces and blocks are binomial, complaints Poisson with lognormal delays. Real lists are not independent: `tilt`
sorts one by age, the oldest and worst part first, and `in_runs` makes a share of its bounces come in runs of
consecutive messages, as closed companies in a list sorted by domain do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from schemas.aggregates import RANK, KeyKind, Level
from streams.core.compiled import Floats, Ints
from streams.core.meaning import METRICS
from streams.core.reputation.watch import PARAMETERS, Parameters, Watch

DAY_S = 86_400
START = 1_750_000_000 // DAY_S * DAY_S  # any instant: nothing depends on it
SIGMA = 1.3
AFTER_S = 60  # once all is sent, slots with complaints are taken by the minute
_KEYS = {KeyKind.IP_PROVIDER: "|gmail", KeyKind.DOMAIN_PROVIDER: "|gmail", KeyKind.CAMPAIGN_PROVIDER: "|gmail"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Bounces and blocks of what is tried, complaints of what is delivered."""

    bounces: float = 0.02
    complaints: float = 0.0005
    blocks: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """`messages` evenly over `minutes`, in slots of `every_s` seconds.

    Complaints come a median of `delay_h` hours late (lognormal, sigma 1.3). From the share `turns_at` of the
    messages on `later` holds. `tilt`: rates fall in a straight line from 1 + tilt to 1 - tilt times the given ones.
    `in_runs`: share of the bounces that come in runs, geometric with the mean `run_length`.
    """

    messages: int
    minutes: int
    shares: Shares
    later: Shares | None = None
    turns_at: float = 0.0
    delay_h: float = 4.0
    tilt: float = 0.0
    in_runs: float = 0.0
    run_length: float = 8.0
    every_s: int = 1
    kind: KeyKind = KeyKind.CAMPAIGN


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one campaign: the worst level, messages sent and seconds passed when it was paused, -1: never."""

    worst: Level
    sent: int
    after_s: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """All runs of a campaign: a row per sending slot, a column per run. `late`: (second, run) of each complaint."""

    seconds: Ints
    sent: Ints
    bounced: Ints
    blocked: Ints
    late: Ints


def fates_of(campaign: Campaign, runs: int, seed: int, parameters: Parameters = PARAMETERS) -> list[Fate]:
    """Send the campaign so many times, until it is paused or a day after the last message has passed."""
    drawn = draw(campaign, runs, np.random.default_rng(seed))
    watch = Watch(parameters)
    suffix = _KEYS.get(campaign.kind, "")
    names = [f"simulated\x1f{campaign.kind}\x1f{run}{suffix}".encode() for run in range(runs)]
    places = {name: run for run, name in enumerate(names)}
    sent = np.concatenate([[0], np.cumsum(drawn.sent)])
    worst, ended, after_s = [Level.HEALTHY] * runs, np.full(runs, -1), np.full(runs, -1)
    for second, counts in _slots(drawn):
        chosen = np.flatnonzero((ended < 0) & counts.any(axis=1))
        slot = START + second
        minutes = np.full(len(chosen), slot // 60 * 60_000)
        watch.take(slot, [names[run] for run in chosen.tolist()], minutes, counts[chosen])
        for name in watch.due(slot):
            run, level = places[name], watch.level(name)
            worst[run] = max(worst[run], level, key=RANK.__getitem__)
            if level is Level.PAUSED:
                ended[run], after_s[run] = sent[np.searchsorted(drawn.seconds, second, side="right")], second
    return [Fate(worst=worst[run], sent=int(ended[run]), after_s=int(after_s[run])) for run in range(runs)]


def draw(campaign: Campaign, runs: int, generator: np.random.Generator) -> Drawn:
    """Everything that will happen, at once."""
    slots = campaign.minutes * 60 // campaign.every_s
    upto = np.linspace(0, campaign.messages, slots + 1).astype(np.int64)
    sent: Ints = np.diff(upto)
    place = upto[:-1] / campaign.messages
    is_later = place >= campaign.turns_at if campaign.later is not None else np.zeros(slots, np.bool_)
    later, slope = campaign.later or campaign.shares, 1.0 + campaign.tilt * (1.0 - 2.0 * place)
    shape = (slots, runs)

    def share(name: str) -> Floats:
        values: Floats = slope * np.where(is_later, getattr(later, name), getattr(campaign.shares, name))
        return values[:, None]

    size = np.broadcast_to(sent[:, None], shape)
    bounced = generator.binomial(size, share("bounces") * (1.0 - campaign.in_runs))
    if campaign.in_runs:
        bounced = np.minimum(bounced + _runs(campaign, sent, upto, share("bounces")[:, 0], runs, generator), size)
    blocked = generator.binomial(size - bounced, share("blocks"))
    delivered = size - bounced - blocked
    seconds = np.arange(slots) * campaign.every_s
    complaints = generator.poisson(delivered * share("complaints"))
    return Drawn(seconds, sent, bounced, blocked, _late(campaign, seconds, complaints, generator))


def _runs(
    campaign: Campaign, sent: Ints, upto: Ints, share: Floats, runs: int, generator: np.random.Generator
) -> Ints:  # fmt: skip
    """Bounces in runs, by slot and run of the simulation."""
    starts = generator.poisson(np.broadcast_to((sent * share)[:, None], (len(sent), runs)) * campaign.in_runs
                               / campaign.run_length)  # fmt: skip
    slot, run = np.nonzero(starts)
    often = starts[slot, run]
    slot, run = np.repeat(slot, often), np.repeat(run, often)
    lengths = generator.geometric(1.0 / campaign.run_length, len(slot))
    first = upto[slot] + generator.integers(0, sent[slot])
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    message = np.minimum(np.repeat(first, lengths) + offset, campaign.messages - 1)
    at = np.searchsorted(upto, message, side="right") - 1
    found: Ints = np.bincount(at * runs + np.repeat(run, lengths), minlength=len(sent) * runs)
    return found.reshape(len(sent), runs)


def _late(campaign: Campaign, seconds: Ints, complaints: Ints, generator: np.random.Generator) -> Ints:
    slot, run = np.nonzero(complaints)
    often = complaints[slot, run]
    slot, run = np.repeat(slot, often), np.repeat(run, often)
    late = generator.lognormal(math.log(campaign.delay_h * 3600), SIGMA, len(slot))
    at = (seconds[slot] + generator.random(len(slot)) * campaign.every_s + late).astype(np.int64)
    order = np.argsort(at, kind="stable")
    return np.stack([at[order], run[order]])


def _slots(drawn: Drawn) -> Iterator[tuple[int, Ints]]:
    """Second and counts (a row per run) of every slot in which something happens, rising."""
    delivered, complained = METRICS.index("delivered"), METRICS.index("complained")
    bounced, blocked = METRICS.index("bounced_address"), METRICS.index("bounced_block")
    slots, runs = drawn.bounced.shape
    step = int(drawn.seconds[1] - drawn.seconds[0]) if slots > 1 else 1
    end = int(drawn.seconds[-1]) + step
    ends = np.searchsorted(drawn.late[0], drawn.seconds + step)
    begin = 0
    for slot in range(slots):
        if not drawn.sent[slot] and ends[slot] == begin:
            continue
        counts = np.zeros((runs, len(METRICS)), np.int64)
        counts[:, bounced], counts[:, blocked] = drawn.bounced[slot], drawn.blocked[slot]
        counts[:, delivered] = drawn.sent[slot] - drawn.bounced[slot] - drawn.blocked[slot]
        counts[:, complained] = np.bincount(drawn.late[1, begin : ends[slot]], minlength=runs)
        begin = ends[slot]
        yield int(drawn.seconds[slot]) + step - 1, counts
    for second in range(end, end + DAY_S, AFTER_S):
        upto = int(np.searchsorted(drawn.late[0], second + AFTER_S))
        if upto > begin:
            counts = np.zeros((runs, len(METRICS)), np.int64)
            counts[:, complained] = np.bincount(drawn.late[1, begin:upto], minlength=runs)
            begin = upto
            yield second + AFTER_S - 1, counts
