"""What the process is told: settings, configuration, schema ids and certificates, from its environment.

The only module that reads `os.environ` besides the entry point, which hands it on to child processes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from schemas.avro import Codec
from schemas.config import Config
from schemas.config_file import load_config
from schemas.errors import Misconfigured
from schemas.learned import Learned, load_learned
from schemas.settings import Settings, load_settings


def variables() -> Mapping[str, str]:
    """The environment itself, for what reads more of it than settings."""
    return os.environ


def settings() -> Settings:
    """The process's settings. Raises Misconfigured."""
    return load_settings(os.environ)


def config(of: Settings) -> Config:
    """The configuration file. Raises Misconfigured."""
    return load_config(of.config, os.environ)


def learned(of: Settings) -> Learned | None:
    """The learned numbers of the detectors; None: the built-in ones. Raises Misconfigured."""
    return load_learned(Path(of.parameters), "MAILWEIR_PARAMETERS") if of.parameters else None


def codec(of: Settings) -> Codec:
    """Schema ids: built in, or those of the registry."""
    if of.schema_registry:
        from streams.registry import registered_ids, registry_client  # noqa: PLC0415 - only where one is used

        with registry_client(of.schema_registry) as client:
            return Codec(registered_ids(client))
    return Codec()


def trusted_certificates() -> dict[str, bytes]:
    """Signing certificates known beforehand (URL to PEM), for networks without a way out and for the demo."""
    path = os.environ.get("MAILWEIR_TRUSTED_CERTIFICATES")
    if not path:
        return {}
    try:
        return {url: pem.encode() for url, pem in json.loads(Path(path).read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise Misconfigured(
            f"MAILWEIR_TRUSTED_CERTIFICATES={path}: expected a JSON object of URL to PEM text ({error})"
        ) from error
