"""The sink beside a row-wise client: the same email events into the same table of the same store.

The sink is the product's own, with intents, tokens and commits, reading the log; it is timed from its first
commit to its last, rows of the first round left out. The client has its rows in memory already, inserts 20,000
at once, and pays for decoding (fastavro) and inserting only; once as rows, once as columns. CPU seconds are
those of the inserting process and of the store together.
"""

from __future__ import annotations

from statistics import median

from benchmarks import brokers, inserts, stores
from benchmarks.events import Source, Traffic
from benchmarks.figure import Figure, Plan, median_of
from benchmarks.inserts import Taken
from schemas.topics import EMAIL_EVENTS
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.topics import apply_topics

PARTITIONS = 4


def measure(plan: Plan) -> list[Figure]:
    """Rows per second of the sink, and how many times those of the clients that is."""
    rows = inserts.ROUND * (3 if plan.quick else 7)  # full rounds only: the last one waits for no more
    source = Source(Traffic(events=rows, seed=plan.seed, repeats=0.0))
    records = list(source.records())
    with stores.started(plan.work) as (url, pid), brokers.started("tansu", plan.work / "broker") as broker:
        apply_topics(broker.bootstrap, PARTITIONS, 1)
        brokers.fill(broker.bootstrap, EMAIL_EVENTS.name, records)
        client = connect(url)
        apply_tables(client)
        values = [made.value for made in records]
        plan.say(f"{rows:,} rows of {sum(map(len, values)) / rows:.0f} bytes, rounds of {inserts.ROUND:,}")
        series: dict[str, list[Taken]] = {"sink": [], "rowwise": [], "columns": []}
        for number in range(plan.runs):
            series["rowwise"].append(
                _said(plan, "rowwise", inserts.by_client(client, values[: rows // 3], pid, inserts.as_rows))
            )
            series["columns"].append(
                _said(plan, "columns", inserts.by_client(client, values[: rows // 3], pid, inserts.as_columns))
            )
            series["sink"].append(
                _said(plan, "sink", inserts.by_sink(broker.bootstrap, url, client, pid, rows, f"bench-{number}"))
            )
        client.close()
    return _figures(series)


def _figures(series: dict[str, list[Taken]]) -> list[Figure]:
    ours = series["sink"]
    found = [
        median_of("sink_rows_per_s", [taken.rows_per_s for taken in ours], "rows/s", note="48 columns, token, intent"),
        median_of("sink_cpu_us_per_row", [taken.cpu_us for taken in ours], "CPU-us", note="sink and store"),
    ]
    for name, goal in (("rowwise", ">= 3"), ("columns", "")):
        other = series[name]
        ratios = [mine.rows_per_s / its.rows_per_s for mine, its in zip(ours, other, strict=True)]
        cpu = [its.cpu_us / mine.cpu_us for mine, its in zip(ours, other, strict=True)]
        note = f"by CPU {median(cpu):.3g} x"
        found.append(median_of(f"sink_vs_{name}", ratios, "x", goal=goal, note=note))
        found.append(median_of(f"{name}_rows_per_s", [taken.rows_per_s for taken in other], "rows/s"))
    return found


def _said(plan: Plan, name: str, taken: Taken) -> Taken:
    speed, whole, own = taken.rows_per_s, taken.cpu_us, taken.own_cpu_us
    plan.say(f"{name:<8} {speed:>9,.0f} rows/s  {whole:>6.1f} CPU-us a row, {own:.1f} of them its own")
    return taken
