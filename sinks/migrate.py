"""Bring the tables up to date: every SQL file of `migrations/` that was not applied yet, in order.

The bookkeeping (checksums, the `schema_versions` table) is the clickhouse-migrations library's. DDL is no
transaction in ClickHouse, so every statement says IF NOT EXISTS and a torn run is simply run again.
"""

from __future__ import annotations

import logging
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.defaults import MIGRATIONS_TABLE
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import Migration, MigrationStorage
from clickhouse_migrations.migrator import MIGRATION_LOG_FORMAT_COMPACT, Migrator

from schemas.errors import Misconfigured
from sinks.clickhouse import translate

FOLDER = Path(__file__).parent / "migrations"
_LOG = logging.getLogger(__name__)


def apply_tables(client: Client, *, dry_run: bool = False, folder: Path = FOLDER) -> list[str]:
    """Apply what is pending in the client's database; the names of those files, in order.

    With `dry_run` nothing is written. Raises Misconfigured when an applied file was changed or is gone,
    Transient when the store is away.
    """
    storage = MigrationStorage(folder)
    names = storage.migration_filenames()
    try:
        pending = _pending(client, storage) if dry_run else _apply(client, storage)
    except MigrationException as error:
        raise Misconfigured(f"{folder}: {error} Restore the file; write changes as a new, higher number") from error
    except ClickHouseError as error:
        raise translate(error, "applying the tables") from error
    return [Path(names[migration.version]).stem for migration in pending]


def _migrator(client: Client) -> Migrator:
    return Migrator(ClickhouseConnectConnection(client), migration_log_format=MIGRATION_LOG_FORMAT_COMPACT)


def _apply(client: Client, storage: MigrationStorage) -> list[Migration]:
    migrator = _migrator(client)
    migrator.init_schema()
    done = migrator.apply_migration(storage.migrations(), multi_statement=True)
    _LOG.info("tables: %d of %d migrations applied now", len(done), len(storage.migrations()))
    return list(done)


def _pending(client: Client, storage: MigrationStorage) -> list[Migration]:
    """What `_apply` would do, without creating the bookkeeping table."""
    history = client.query(
        "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = {name:String}",
        {"name": MIGRATIONS_TABLE},
    )
    if not history.result_rows[0][0]:
        return list(storage.migrations())
    return list(_migrator(client).migrations_to_apply(storage.migrations()))
