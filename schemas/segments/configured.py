"""The segments that a configuration names: one folder, beside the file, for all tenants."""

from __future__ import annotations

import contextlib
from pathlib import Path

from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.nearest import hint
from schemas.segments.files import load_segments
from schemas.segments.rules import Segment

Stamp = frozenset[tuple[str, int, int]]
"""Name, time of change and size of files."""


def configured_segments(config: Config, file: Path) -> dict[str, list[Segment]]:
    """By tenant, those that have any; `file` is where the configuration is from.

    Raises Misconfigured where no folder is named, a rule is wrong, a tenant is not there, or a webhook names a segment
    that is not.
    """
    if not config.segments:
        raise Misconfigured(f"{file}: no `segments`; name the folder with yours, as in `segments: segments`")
    folder = _folder(config, file)
    known = [tenant.name for tenant in config.tenants]
    found: dict[str, list[Segment]] = {}
    for segment in load_segments([folder]):
        if segment.tenant not in known:
            raise Misconfigured(
                f"{folder}: `{segment.id}` is for the tenant {segment.tenant!r}, which is not under `tenants` in"
                f" {file}; known: {', '.join(known)}"
            )
        found.setdefault(segment.tenant, []).append(segment)
    for place, webhook in enumerate(config.segment_webhooks):
        ids = {segment.id for segment in found.get(webhook.tenant, [])}
        strange = next((id_ for id_ in webhook.segments if id_ != "*" and id_ not in ids), None)
        if strange is not None:
            raise Misconfigured(
                f"{file}: `segment_webhooks[{place}].segments`: the tenant {webhook.tenant!r} has no segment"
                f" {strange[:80]!r}; {hint(strange, ids)}"
            )
    return found


def configured_stamp(config: Config, file: Path) -> Stamp:
    """Equal while nobody has changed the files of the segments."""
    return stamp_of(_folder(config, file))


def stamp_of(folder: Path) -> Stamp:
    """Of each file there; of a file, its own."""
    found = []
    for path in [folder, *folder.rglob("*")]:
        with contextlib.suppress(OSError):  # gone meanwhile
            about = path.stat()
            found.append((str(path), about.st_mtime_ns, about.st_size))
    return frozenset(found)


def _folder(config: Config, file: Path) -> Path:
    return file.parent / Path(config.segments)
