"""`make fuzz`: damaged bodies through every parser and the gateway; a summary, exit 1 when one did harm.

python -m tests.fuzz [--bodies N] [--requests N] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from tests.fuzz import gates, parsers

_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make fuzz", description="damaged bodies through every parser and the gateway"
    )
    parser.add_argument("--bodies", type=int, default=1_000_000, help="through the parsers")
    parser.add_argument("--requests", type=int, default=50_000, help="to the gateway")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the damage")
    asked = parser.parse_args(arguments)
    found = parsers.run(asked.bodies, asked.seed)
    _say(
        f"{found.bodies:,} bodies of {len(found.by_provider)} providers: {found.events:,} events,"
        f" {found.failures:,} failures kept; slowest {found.slowest_s * 1000:.0f} ms ({found.slowest});"
        f" memory grew {found.grown_mb:.0f} MB"
    )
    answers = asyncio.run(gates.run(asked.requests, asked.seed))
    counted = ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.statuses.items()))
    _say(f"{sum(answers.statuses.values()):,} requests answered: {counted}")
    faults = [*found.faults, *answers.faults]
    for what, body in faults[:_SHOWN]:
        _say(f"  {what}\n    {body[:300]!r}")
    _say(f"seed {asked.seed}: {len(faults)} did harm")
    return 1 if faults else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
