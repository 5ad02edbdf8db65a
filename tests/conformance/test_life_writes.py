"""A backup while clients write: whatever was acknowledged before it began is in it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.conformance.life_items import Item
from tests.conformance.life_reading import TABLE, contents, expected_scans
from tests.conformance.life_shapes import Shape
from tests.conformance.life_site import Site


pytestmark = pytest.mark.slow


SHAPE = Shape("pk:S sk:N", {"by_version": "version:N"}, {"local": "version:N"})
WRITERS = 2
KEYS = 100
ACKNOWLEDGED_BEFORE = 150
WAIT_SECONDS = 60


@dataclass
class Writer:
    """Writes items of a few keys one after the other, over and over again, each with the next version.

    Attributes:
        sent, acknowledged: newest version of each key.
    """

    site: Site
    table: str
    partition: str
    sent: dict[int, int] = field(default_factory=dict)
    acknowledged: dict[int, int] = field(default_factory=dict)
    done: int = 0

    def write(self, stop: threading.Event) -> None:
        """Write until it is time to stop."""
        while not stop.is_set():
            key = self.done % KEYS
            self.sent[key] = self.done
            self.site.dynamodb.put_item(TableName=self.table, Item=self.item(key, self.done))
            self.acknowledged[key] = self.done
            self.done += 1

    def item(self, key: int, version: int) -> Item:
        """A version of an item."""
        return {"pk": {"S": self.partition}, "sk": {"N": str(key)}, "version": {"N": str(version)}}


@contextmanager
def writing(*writers: Writer) -> Iterator[None]:
    """Let them write during the block, in which some of it has been written already."""
    stop = threading.Event()
    threads = [threading.Thread(target=writer.write, args=(stop,)) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while min(writer.done for writer in writers) < ACKNOWLEDGED_BEFORE:
            assert time.monotonic() < deadline, "the node is too slow"
            time.sleep(0.01)
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_what_was_acknowledged_is_in_it(site: Site) -> None:
    """Each key has the version that was acknowledged before the backup began or a newer one, in the indexes too."""
    table = site.make(site.name("busy"), SHAPE)
    writers = [Writer(site, table.name, f"writer {number}") for number in range(WRITERS)]
    with writing(*writers):
        before = [dict(writer.acknowledged) for writer in writers]
        site.back_up(table.name)
        during = [writer.done for writer in writers]
    assert all(done > max(acknowledged.values()) for done, acknowledged in zip(during, before, strict=True))
    copy = site.name("copy")
    site.restore(table.name, "--as", copy)
    pages = site.dynamodb.get_paginator("scan").paginate(TableName=copy)
    found = [item for page in pages for item in page["Items"]]
    versions = {(item["pk"]["S"], int(item["sk"]["N"])): int(item["version"]["N"]) for item in found}
    assert len(versions) == len(found) == WRITERS * KEYS
    for writer, acknowledged in zip(writers, before, strict=True):
        for key, version in acknowledged.items():
            assert version <= versions[writer.partition, key] <= writer.sent[key]
    scanned = contents(site.dynamodb, copy).scanned
    assert scanned == expected_scans(SHAPE, found)
    assert len(scanned[TABLE]) == len(scanned["by_version"])
