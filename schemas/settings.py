"""Settings: addresses and knobs of one process, from `MAILWEIR_*` environment variables.

This module reads the mapping it is given; only `streams.environment` touches `os.environ`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import Misconfigured


class Settings(BaseSettings):
    """Addresses and knobs of one process, from `MAILWEIR_*` environment variables."""

    model_config = SettingsConfigDict(env_prefix="MAILWEIR_", extra="ignore", frozen=True)

    kafka: str = "127.0.0.1:9092"
    clickhouse: str = "http://127.0.0.1:8123"
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
    schema_registry: str = ""
    config: Path = Path("mailweir.yaml")
    mailbox_domains: str = ""  # path of what `mailweir mailboxes` wrote
    parameters: str = ""  # path of what `mailweir reputation learn` wrote
    partitions: int = Field(default=4, ge=1, le=1024)
    replication: int = Field(default=1, ge=1, le=9)
    host: str = "127.0.0.1"
    gateway_port: int = Field(default=8610, ge=0, le=65535)
    gateway_processes: int = Field(default=1, ge=1, le=64)
    console_port: int = Field(default=8600, ge=0, le=65535)
    suppression_port: int = Field(default=8630, ge=0, le=65535)
    suppression_entries: int = Field(default=10_000_000, ge=1_000)  # suppressed addresses; they are held in memory
    console_hosts: str = ""  # names under which people's browsers reach the console, comma between
    store_port: int = Field(default=8123, ge=0, le=65535)
    data: Path = Path("data")
    session_timeout_ms: int = Field(default=10_000, ge=6_000, le=300_000)
    flush_s: float = Field(default=1.0, gt=0, le=60)
    tick_s: float = Field(default=1.0, ge=0, le=60)
    metrics_port: int = Field(default=0, ge=0, le=65535)  # /healthz, /readyz, /metrics of a worker; 0: none
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. Raises Misconfigured naming the variable."""
    given = {k[9:].lower(): v for k, v in environ.items() if k.startswith("MAILWEIR_") and v != ""}
    try:
        known = {name: given[name] for name in Settings.model_fields if name in given}
        return Settings(**known)  # type: ignore[arg-type]  # texts; pydantic makes of them what the fields hold
    except ValidationError as error:
        lines = [f"MAILWEIR_{str(e['loc'][0]).upper()}: {e['msg']}, got {e['input']!r}" for e in error.errors()]
        raise Misconfigured("\n".join(lines)) from None
