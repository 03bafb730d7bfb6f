"""Start one service of `streams.wiring`."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

from streams.commands.ending import end


def service(name: str) -> None:
    """Run `streams.wiring.NAME` with the environment's settings until a signal stops it."""
    from streams import environment, wiring

    end(lambda: getattr(wiring, name)(environment.settings()))
