"""Damaged bodies posted to a gateway with every provider as a source, over real HTTP: an answer, and never a 5xx."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from random import Random

from connectors.registry import CONNECTORS, connector
from schemas.config import Config
from tests.contract.signers.ses import FakeCertificates
from tests.contract.signing import SIGNERS
from tests.fuzz.bodies import Damaged, damaged
from tests.unit.streams.gateway.gate import NOW_MS, Gate, serving

_AT_ONCE = 16


class _Certificates(FakeCertificates):
    """The signers' certificates, always at hand."""

    def known(self, url: str) -> bytes | None:
        return self.get(url)


@dataclass(slots=True)
class Answers:
    """How often which status came, and requests that were answered with 5xx or not at all."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[tuple[str, bytes]] = field(default_factory=list)


async def run(count: int, seed: int) -> Answers:
    """Post `count` damaged bodies, two of three signed as they are."""
    config = Config.model_validate({
        "public_url": "https://hooks.example.com",
        "sources": [_source(item.name) for item in CONNECTORS],
    })  # fmt: skip
    found, random, bodies = Answers(), Random(seed), islice(damaged(seed), count)
    async with serving(config, connectors=connector, certificates=_Certificates()) as gate:

        async def post_all() -> None:
            for item in bodies:
                await _post(gate, item, random, found)
                gate.log.records.clear()

        await asyncio.gather(*(post_all() for _ in range(_AT_ONCE)))
    return found


def _source(provider: str) -> dict[str, object]:
    signer = next(signer for signer in SIGNERS if signer.provider == provider)
    source = signer.source(0, 1)
    secrets = [secret.get_secret_value() for secret in source.secrets]
    return {"name": provider, **source.model_dump(exclude={"name", "secrets"}), "secrets": secrets}


async def _post(gate: Gate, item: Damaged, random: Random, found: Answers) -> None:
    provider = item.case.provider
    headers, body = dict(item.case.headers), item.body
    if random.randrange(3):
        signer = next(signer for signer in SIGNERS if signer.provider == provider)
        try:
            signed = signer.sign(body, NOW_MS, 0)
        except Exception:  # noqa: BLE001 - signers read honest bodies only; this one goes out unsigned
            pass
        else:
            headers, body = headers | signed.headers, signed.body
    headers = {name: value for name, value in headers.items() if _can_be_sent(name, value)}
    try:
        answer = await gate.post(provider, body, headers or {"x": "y"})
    except Exception as error:  # noqa: BLE001 - as in `parsers`
        found.faults.append((f"{provider}/{item.case.name}: {type(error).__name__}: {error}", body))
        return
    found.statuses[answer.status_code] += 1
    if answer.status_code >= 500:
        found.faults.append((f"{provider}/{item.case.name}: {answer.status_code} {answer.text[:200]}", body))


def _can_be_sent(name: str, value: object) -> bool:
    """A signer may have put damage into a header that no client would send."""
    return name not in {"host", "content-length"} and isinstance(value, str) and value.isascii() and value.isprintable()
