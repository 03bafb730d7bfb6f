"""`mailweir classify --check` and `--score FILE`: are the bounce rules sound, and how well do they read?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from connectors.bounce_rules import rule_book
from connectors.bounce_scores import Score, Share, read, score
from connectors.bounces import classify
from schemas.errors import Misconfigured

OK, FAILED = 0, 1


def run_check(out: TextIO) -> int:
    """Every rule must read its own examples; an example that another rule takes is named (exit 1)."""
    code, examples = OK, 0
    for rule in rule_book().rules:
        for example in rule.examples:
            examples += 1
            if (taken_by := classify(example).rule) != rule.name:
                out.write(f"{rule.name}: its example is read by {taken_by or 'no rule'}: {example}\n")
                code = FAILED
    out.write(f"{len(rule_book().rules)} rules, {examples} examples\n")
    return code


def run_score(path: Path, out: TextIO, *, as_json: bool = False) -> int:
    """The figures on labelled replies, then the replies read otherwise than labelled."""
    try:
        with path.open(encoding="utf-8") as lines:
            found = score(read(lines))
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error
    out.write(json.dumps(_as_dict(found)) + "\n" if as_json else _as_text(found))
    return OK


def _as_dict(found: Score) -> dict[str, Any]:
    missed = [{**asdict(item), "read_as": said, "rule": rule or None} for item, said, rule in found.missed]
    shares = {"reasons": found.reasons, "precision": found.precision, "recall": found.recall}
    return {**{name: _share(share) for name, share in shares.items()}, "missed": missed}


def _share(share: Share) -> dict[str, float | int]:
    low, high = share.interval
    return {"hits": share.hits, "count": share.count, "share": share.share, "low": low, "high": high}


def _as_text(found: Score) -> str:
    lines = [
        _figure("reasons as labelled", found.reasons),
        _figure("our suppressions a reader makes too", found.precision),
        _figure("a reader's suppressions we make", found.recall),
    ]
    lines += [
        f"{item.reason.value}, read as {said.value} by {rule or 'no rule'}: {item.reply}"
        for item, said, rule in found.missed
    ]
    return "\n".join(lines) + "\n"


def _figure(name: str, share: Share) -> str:
    low, high = share.interval
    return f"{name}: {share.share:.1%} ({low:.1%} to {high:.1%}), {share.hits} of {share.count}"
