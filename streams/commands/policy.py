"""`mailweir policy check [FILE]`: what each tenant's policy comes to, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from schemas.config import Config
from schemas.config_file import load_config
from schemas.errors import Misconfigured
from streams.core.remediation.policy_findings import findings
from streams.core.remediation.policy_rules import Finding
from streams.core.remediation.policy_table import bounds, lines, place_of

OK, FAILED = 0, 1
_ROW = "  {0:<17} {1:<10} {2:<15} {3:<7} {4}"


def run_check(path: Path, environ: Mapping[str, str], out: TextIO, *, tenant: str = "", is_strict: bool = False) -> int:
    """Print tables, then findings. Exit code 1 for an error, with `is_strict` for a warning too.

    `tenant`: only this one's table. Raises Misconfigured for a file that no service would start with.
    """
    config = load_config(path, environ)
    names = [item.name for item in config.tenants]
    if tenant and tenant not in names:
        raise Misconfigured(f"--tenant {tenant}: not under `tenants` of {path}; known: {', '.join(names)}")
    out.writelines(_table(config, name) + "\n" for name in ([tenant] if tenant else names))
    found = findings(config)
    out.writelines(_said(path, finding) for finding in found)
    errors = sum(finding.is_error for finding in found)
    out.write(f"{path}: {_count(errors, 'error')}, {_count(len(found) - errors, 'warning')}\n")
    return FAILED if errors or (is_strict and found) else OK


def _table(config: Config, tenant: str) -> str:
    policy = config.policy(tenant)
    rows = [f"tenant {tenant}: {place_of(config, tenant)}, version {policy.version}"]
    rows.append(_ROW.format("kind", "level", "action", "mode", "why"))
    rows += [_ROW.format(line.kind, line.level, line.action, line.mode, line.why).rstrip() for line in lines(policy)]
    rows += [f"  {name + ':':<12} {sentence}" for name, sentence in bounds(policy)]
    return "\n".join(rows) + "\n"


def _said(path: Path, finding: Finding) -> str:
    return f"{'error' if finding.is_error else 'warning'}: {path}: `{finding.place}`: {finding.sentence}\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
