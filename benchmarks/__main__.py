"""`make bench`: every stage and the whole path, measured on this machine.

Exit 0 when everything could be measured and every total was right, 1 when a stage failed or counted wrong,
2 for a wrong command line. A missed goal is said in the table; it fails nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, report, stages
from benchmarks.figure import Figure, Plan

BROKERS = {"tansu": ("tansu",), "kafka": ("kafka",), "both": ("tansu", "kafka")}


def main(argv: Sequence[str]) -> int:
    """Run; the exit code."""
    asked = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mailweir-bench-") as folder:
        plan = Plan(
            quick=asked.quick,
            seed=asked.seed,
            runs=asked.runs or (1 if asked.quick else 3),
            work=Path(folder),
            brokers=BROKERS[asked.broker],
            rate=asked.rate,
            events=asked.events,
        )
        try:
            todo = stages.chosen(asked.only, plan)
        except ValueError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        about = machine.describe(plan.brokers)
        print("\n".join(machine.lines(about)), flush=True)
        figures = _measure(todo, plan)
    print("\n" + "\n".join(report.table(figures)), flush=True)
    if asked.json:
        text = json.dumps(report.as_json(about, figures, quick=plan.quick), indent=1)
        asked.json.write_text(text + "\n", encoding="utf-8")
    return 0 if report.is_sound(figures) else 1


def _measure(todo: Sequence[stages.Stage], plan: Plan) -> list[Figure]:
    figures: list[Figure] = []
    for stage in todo:
        print(f"\n{stage.name} ...", flush=True)
        began = time.monotonic()
        figures += stages.run(stage, plan)
        print(f"  {stage.name}: {time.monotonic() - began:.0f} s", flush=True)
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures every stage and the whole path.")
    parser.add_argument("--quick", action="store_true", help="small inputs, one run each: about five minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--seed", type=int, default=7, help="of every made-up input (default 7)")
    parser.add_argument("--runs", type=_positive, help="repetitions, of which the median counts (default 3, quick 1)")
    parser.add_argument("--only", type=_names, default=[], metavar="NAME,...", help="these stages only")
    parser.add_argument("--broker", choices=tuple(BROKERS), default="tansu", help="where there is one (default tansu)")
    parser.add_argument(
        "--rate", type=_positive, default=21_000, metavar="N", help="events/s for whole_path (default 21000)"
    )
    parser.add_argument(
        "--events", type=_positive, default=0, metavar="N", help="stored for panels (default 1 million)"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
