"""`make oracle`: who is in a segment by the stream, by brute force over the facts, and by SQL in ClickHouse.

python -m tests.oracle [--cases N] [--seed N] [--json FILE] [--kind KIND] [--first N]

A line for each kind of rule and a summary; exit 1 when the three differ somewhere, with the command that repeats it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sinks.clickhouse import connect
from streams.core.segments.fact import Fact
from tests.oracle.cases import KINDS, BySql, ask, made
from tests.oracle.facts import create, insert, members

_CLEARED_EVERY = 50  # cases: a table with many parts is slow
_SHOWN = 20


@dataclass(slots=True)
class Tally:
    """What came of the cases of a kind. `wrong`: a sentence for each case in which the three differ."""

    kind: str
    cases: int = 0
    asked: int = 0
    members: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """At most 80 columns."""
        verdict = f"{len(self.wrong)} WRONG" if self.wrong else "all agree"
        counts = f"{self.cases:7,} cases {self.asked:9,} asked {self.members:9,} in {self.seconds:6.1f} s"
        return f"{self.kind:14}{counts}  {verdict}"


Histories = Mapping[str, Sequence[Fact]]
Store = Callable[[str, Histories], BySql]
"""Takes in the histories of a case, under its name; the way to ask SQL about them."""
Opened = AbstractContextManager[Store]


def run(seed: int, numbers: Sequence[int], kinds: Sequence[str], store: Store) -> Iterator[Tally]:
    """The cases of these numbers of each kind."""
    for kind in kinds:
        began, tally = time.monotonic(), Tally(kind)
        for number in numbers:
            case = made(seed, kind, number)
            answer = ask(case, store(case.seed, case.histories))
            tally.cases += 1
            tally.asked += answer.asked
            tally.members += answer.members
            if answer.wrong:
                repeat = f'make oracle ARGS="--seed {seed} --kind {kind} --first {number} --cases 1"'
                tally.wrong.append(f"{answer.wrong}\n  {repeat}")
        tally.seconds = time.monotonic() - began
        yield tally


@contextmanager
def clickhouse() -> Iterator[Store]:
    """ClickHouse's engine in this process; facts of some cases at a time."""
    with tempfile.TemporaryDirectory(prefix="mailweir-oracle-") as folder:
        client, taken = connect(f"chdb://{folder}"), itertools.count(1)
        create(client)

        def take(name: str, histories: Histories) -> BySql:
            if next(taken) % _CLEARED_EVERY == 0:
                client.command("TRUNCATE TABLE mailweir.facts")
            insert(client, histories, name)
            return lambda rule, segments, at: members(client, name, rule, segments, at, at)

        yield take
        client.close()


def main(arguments: Sequence[str] | None = None, opened: Callable[[], Opened] = clickhouse) -> int:
    """The exit code."""
    asked = _arguments(arguments)
    kinds = [asked.kind] if asked.kind else KINDS
    numbers = range(asked.first, asked.first + -(-asked.cases // len(kinds)))
    tallies: list[Tally] = []
    with opened() as store:
        for tally in run(asked.seed, numbers, kinds, store):
            tallies.append(tally)
            _say(tally.line)
    wrong = [f"{tally.kind}: {sentence}" for tally in tallies for sentence in tally.wrong]
    _say("\n".join([_summary(tallies, asked.seed), *wrong[:_SHOWN]]))
    if asked.json:
        asked.json.write_text(json.dumps(_report(tallies, asked.seed), indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make oracle", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=7, help="of rules and histories (default 7)")
    parser.add_argument("--cases", type=_positive, default=1_700, help="in all, as many of each kind (default 1700)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there as well")
    parser.add_argument("--kind", choices=KINDS, help="this kind of rule only")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="begin with the case of this number")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _summary(tallies: Sequence[Tally], seed: int) -> str:
    cases, asked, wrong = (
        sum(tally.cases for tally in tallies),
        sum(tally.asked for tally in tallies),
        sum(len(tally.wrong) for tally in tallies),
    )
    return f"seed {seed}: {cases:,} cases, {asked:,} recipients asked about, stream, loops and SQL; {wrong} wrong"


def _report(tallies: Sequence[Tally], seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "cases": sum(tally.cases for tally in tallies),
        "asked": sum(tally.asked for tally in tallies),
        "mismatches": sum(len(tally.wrong) for tally in tallies),
        "kinds": [asdict(tally) for tally in tallies],
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
