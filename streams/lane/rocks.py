"""RocksDB as the lane needs it: bounded memory, one batch at a time, damage noticed and remembered.

Blocks, their indexes and filters live in one cache; rows not yet in files live in write buffers under one
budget. Both are bounds for the process, however many partitions it owns: 64 + 32 MiB (measured with 32
partitions and 2.5 million rows: 110 MiB). An open partition without rows costs a quarter of a MiB and 7 files.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import cast

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DbClosedError,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
)

from schemas.errors import Transient
from streams.lane.folders import Folder

log = logging.getLogger(__name__)
_MIB = 1 << 20
CACHE_BYTES = 64 * _MIB
BUFFERS_BYTES = 32 * _MIB
_BUFFER_BYTES = 8 * _MIB  # of one partition; also about what a start after a kill reads back from RocksDB's log
_OPEN_FILES = 48  # a partition's; files are 64 MiB


class Memory:
    """What the partitions of this process share. Sizes in bytes."""

    def __init__(self, cache_bytes: int = CACHE_BYTES, buffers_bytes: int = BUFFERS_BYTES) -> None:
        self._cache = Cache(cache_bytes)
        self._buffers = WriteBufferManager(buffers_bytes, allow_stall=False)

    def open(self, folder: Path) -> Rdict:
        """Open or make a database. Raises Exception (RocksDB's text) when it cannot."""
        return Rdict(str(folder), self._options())

    def _options(self) -> Options:
        options = Options(raw_mode=True)  # keys and values are bytes as they are
        options.create_if_missing(create_if_missing=True)
        options.set_block_based_table_factory(self._tables())
        options.set_write_buffer_manager(self._buffers)
        options.set_write_buffer_size(_BUFFER_BYTES)
        options.set_max_write_buffer_number(2)
        options.set_max_open_files(_OPEN_FILES)
        options.set_max_background_jobs(2)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(_MIB)
        options.set_stats_dump_period_sec(0)
        return options

    def _tables(self) -> BlockBasedOptions:
        tables = BlockBasedOptions()
        tables.set_block_cache(self._cache)
        tables.set_cache_index_and_filter_blocks(v=True)
        tables.set_pin_l0_filter_and_index_blocks_in_cache(v=True)
        tables.set_bloom_filter(10, block_based=False)  # one look in a hundred for a row that is not there
        return tables


class Store:
    """The database in a folder that this process holds. Everything raises Transient when the disk fails.

    Reads may run beside a write; a write holds the interpreter for about a microsecond a row.
    """

    def __init__(self, folder: Folder, memory: Memory) -> None:
        self.folder, self._memory = folder, memory
        self._db = self._open()

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Their values, None for what is not there."""
        if not keys:
            return []
        with self._trouble():
            return cast("list[bytes | None]", self._db.get(list(keys)))

    def walk(self, start: bytes, stop: bytes) -> Generator[tuple[bytes, bytes], None, None]:
        """Keys and values, start <= key < stop, in order, as they are now. Close it: it holds the database."""
        with self._trouble():
            rows = self._db.iter()
            rows.seek(start)
            while rows.valid():
                key = rows.key()
                if key >= stop:
                    return
                yield key, rows.value()
                rows.next()
            rows.status()  # raises for a damaged block, which otherwise looks like the end

    def write(self, batch: WriteBatch) -> None:
        """All of it or nothing, also after a crash."""
        with self._trouble():
            self._db.write(batch)

    def clear(self) -> None:
        """Throw everything away."""
        self.close()
        self._clear_folder()
        self._db = self._open()

    def close(self) -> None:
        """Close the database. Safe to call again."""
        with contextlib.suppress(DbClosedError):
            self._db.close()

    def _open(self) -> Rdict:
        folder, reason = self.folder, "a read found a damaged block"
        if not folder.is_condemned:
            try:
                return self._memory.open(folder.path)
            except Exception as error:  # RocksDB's errors have no type of their own, only a text
                if not _is_damage(error):
                    raise Transient(f"{folder.path} cannot be opened: {error}; see to its disk and owner") from error
                reason = str(error)
        log.warning("%s: damaged (%s); its rows are read from the changelog again", folder.path, reason)
        self._clear_folder()
        with self._trouble():
            return self._memory.open(folder.path)

    def _clear_folder(self) -> None:
        try:
            self.folder.clear()
        except OSError as error:
            raise Transient(f"{self.folder.path} cannot be deleted: {error}; see to its disk and owner") from error

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        """RocksDB's errors as ours; after damage nobody opens this folder again."""
        try:
            yield
        except Exception as error:  # as above
            if _is_damage(error):
                self.folder.condemn()
            raise Transient(f"{self.folder.path}: {error}; a new process opens it again, or rebuilds it") from error


def _is_damage(error: Exception) -> bool:
    return any(sign in str(error) for sign in ("Corruption", "No such file", "Invalid argument"))
