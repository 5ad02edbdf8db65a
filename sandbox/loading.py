"""Loading of what was put into a table's `upload/`: checked as a whole, then taken over batch by batch."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.catalog import Catalog
from sandbox.column_families import ColumnFamily, find_column_family
from sandbox.columns import written_schema
from sandbox.data_directory import DataDirectory
from sandbox.faults import Faults
from sandbox.items import ShownTableError
from sandbox.sstable_data import WrittenSchema
from sandbox.upload_directory import LoadingError, UploadedSSTable, uploaded_sstables


_BATCH_SIZE = 16


class Loading:
    """Loads SSTables, one request at a time: the node has one shard, and each shard refuses a second request.

    For the fault switches each batch of up to 16 SSTables is `load <keyspace>.<table> <first SSTable's number>`,
    after the batches before it have been consumed. The answer of an `error` fault is the reason that the request
    fails with; one that hangs goes on when the switches are cleared.

    Args:
        catalog: the node's tables.
        data: their files.
        faults: the node's switches.
    """

    def __init__(self, catalog: Catalog, data: DataDirectory, faults: Faults) -> None:
        self._catalog = catalog
        self._data = data
        self._faults = faults
        self._busy = threading.Lock()

    def load(self, keyspace: str, name: str) -> None:
        """Load all that is in a column family's `upload/`; one node owns every partition, so that none is left out.

        Raises:
            LoadingError: what was not loaded until then stays in `upload/`.
        """
        with self._one_at_a_time():
            with self._catalog.lock:
                family = find_column_family(self._catalog, keyspace, name)
                if family is None:
                    what = f"Can't find a column family {name} in keyspace {keyspace}"
                    raise LoadingError("data_dictionary::no_such_column_family", what)
                directory = self._data.upload_directory(family)
                found = uploaded_sstables(directory, self._data.user_id)
                _refuse_other_than_tables(family, found)
                target = written_schema(family, self._catalog.version)
            for first in range(0, len(found), _BATCH_SIZE):
                self._interrupt(f"load {keyspace}.{name} {first}")
                self._load_batch(family, directory, target, found[first : first + _BATCH_SIZE])

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise LoadingError("std::runtime_error", "Already loading SSTables. Try again later")
        try:
            yield
        finally:
            self._busy.release()

    def _interrupt(self, target: str) -> None:
        fault = self._faults.take(target)
        if fault is None:
            return
        if fault.kind == "error":
            raise LoadingError("std::runtime_error", fault.answer)
        self._faults.hang()

    def _load_batch(
        self, family: ColumnFamily, directory: Path, target: WrittenSchema, batch: Sequence[UploadedSSTable]
    ) -> None:
        rows = [row for sstable in batch for row in sstable.rows(directory, target)]
        with self._catalog.lock:
            if self._catalog.tables.get(family.table.name) is not family.table:
                raise LoadingError(
                    "data_dictionary::no_such_column_family", f"Can't find a column family with UUID {family.id}"
                )
            try:
                self._data.load(family, rows)
            except ShownTableError as error:
                raise LoadingError("std::runtime_error", str(error)) from error
            for sstable in batch:
                for name in sstable.names:
                    (directory / name).unlink()


def _refuse_other_than_tables(family: ColumnFamily, found: Sequence[UploadedSSTable]) -> None:
    if family.kind == "table" or not found:
        return
    if family.kind == "view":
        what = "Loading Materialized View SSTables is not supported. Re-create the view instead."
        raise LoadingError("std::runtime_error", what)
    raise LoadingError("std::runtime_error", f"the sandbox does not load SSTables into {family.name}")
