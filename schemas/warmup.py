"""Which sending IPs are being warmed up, and by which plan: a part of `mailweir.yaml`."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Warmup(BaseModel):
    """One IP. `plan`: a name that `mailweir warmup plans` prints; `started_on`: the day (UTC) of its first step."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ip: str
    plan: str = Field(min_length=1)
    started_on: date
    tenant: str = "default"

    @field_validator("ip")
    @classmethod
    def _is_ip(cls, ip: str) -> str:
        try:
            return str(ip_address(ip))  # in the form in which events have it
        except ValueError:
            raise ValueError(f"{ip[:80]!r} is no IP address; write one such as 192.0.2.7") from None
