"""The registry of control drivers: every API through which mailweir can act on a sender.

To add one: a module in `connectors/controls/`, one line here, its name in `schemas.config.Control`.
The contract suite (`tests/contract/test_controls.py`) loops over `DRIVERS`.
"""

from __future__ import annotations

from connectors.controls.base import ControlResult, Driver, Pace, Verdict
from connectors.controls.brevo import BREVO
from connectors.controls.dry_run import DRY_RUN
from connectors.controls.effects import WRITTEN, ControlAnswer, ControlRequest, Effect, FileLine, TopicRecord
from connectors.controls.greenarrow import GREENARROW
from connectors.controls.kafka import KAFKA
from connectors.controls.klaviyo import KLAVIYO
from connectors.controls.kumomta import KUMOMTA
from connectors.controls.listmonk import LISTMONK
from connectors.controls.postfix import POSTFIX
from connectors.controls.postmark import POSTMARK
from connectors.controls.sendgrid import SENDGRID
from connectors.controls.ses import SES
from connectors.controls.sparkpost import SPARKPOST
from connectors.controls.standard_webhooks import STANDARD_WEBHOOKS
from schemas.errors import Misconfigured

__all__ = [
    "DRIVERS", "WRITTEN", "ControlAnswer", "ControlRequest", "ControlResult", "Driver", "Effect", "FileLine", "Pace",
    "TopicRecord", "Verdict", "driver_named",
]  # fmt: skip

DRIVERS: tuple[Driver, ...] = (
    SENDGRID, SES, POSTMARK, SPARKPOST, BREVO, KLAVIYO, LISTMONK, KUMOMTA, GREENARROW, POSTFIX, KAFKA,
    STANDARD_WEBHOOKS, DRY_RUN,
)  # fmt: skip

_BY_NAME = {driver.name: driver for driver in DRIVERS}
if len(_BY_NAME) != len(DRIVERS):
    raise Misconfigured("two control drivers share a name in connectors.control.DRIVERS")


def driver_named(name: str) -> Driver:
    """The driver of that name. Raises Misconfigured naming the known ones."""
    if name not in _BY_NAME:
        raise Misconfigured(f"control.driver {name!r} is unknown; known: {', '.join(sorted(_BY_NAME))}")
    return _BY_NAME[name]
