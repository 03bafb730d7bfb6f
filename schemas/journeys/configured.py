"""The journeys that a configuration names: one folder, beside the file, for all tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.journeys.files import load_journeys
from schemas.journeys.journey import Journey
from schemas.segments.configured import Stamp, stamp_of
from schemas.segments.rules import Segment


def configured_journeys(
    config: Config, file: Path, segments: Mapping[str, Sequence[Segment]]
) -> dict[str, list[Journey]]:
    """By tenant, those that have any; `file` is where the configuration is from. None where no folder is named.

    `segments`: of the tenants. Raises Misconfigured where a journey is wrong, or names a segment, a webhook or a tenant
    that is not there.
    """
    if not config.journeys:
        return {}
    folder = file.parent / Path(config.journeys)
    webhooks: dict[str, set[str]] = {}
    for webhook in config.journey_webhooks:
        webhooks.setdefault(webhook.tenant, set()).add(webhook.name)
    ids = {tenant: {segment.id for segment in theirs} for tenant, theirs in segments.items()}
    known = [tenant.name for tenant in config.tenants]
    found: dict[str, list[Journey]] = {}
    for journey in load_journeys([folder], ids, webhooks):
        if journey.tenant not in known:
            raise Misconfigured(
                f"{folder}: `{journey.id}` is for the tenant {journey.tenant!r}, which is not under `tenants` in"
                f" {file}; known: {', '.join(known)}"
            )
        found.setdefault(journey.tenant, []).append(journey)
    return found


def configured_journeys_stamp(config: Config, file: Path) -> Stamp:
    """Equal while nobody has changed the files of the journeys."""
    return stamp_of(file.parent / Path(config.journeys)) if config.journeys else frozenset()
