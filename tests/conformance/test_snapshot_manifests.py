"""A snapshot's manifest.json is that of the real nodes, in either format."""

import json
import re
from uuid import UUID

from sandbox.sstables import generation
from sandbox.tokens import tablet_of
from tests.conformance.replay import (
    assert_same,
    normalised,
    recorded_life,
    snapshot_directories,
)
from tests.conformance.snapshotting import taken


def test_manifests_up_to_2025_4_are_the_recorded_ones() -> None:
    """`manifest.json` of 6.2 is byte for byte that of the real snapshots, but for the generations."""
    real = snapshot_directories("6.2")
    with recorded_life("6.2") as sandbox:
        for name in ("orders", "empty_table"):
            given = (taken(sandbox, name) / "manifest.json").read_text()
            assert normalised(given) == normalised((real[name] / "manifest.json").read_text())


def test_manifests_from_2026_1_are_the_recorded_ones() -> None:
    """`manifest.json` of 2026.1 has the real one's keys in its order, on one line, and no `sstables` if empty."""
    real = snapshot_directories("2026.1")
    with recorded_life("2026.1") as sandbox:
        for name in ("orders", "empty_table"):
            recorded, given = ((each / "manifest.json").read_text() for each in (real[name], taken(sandbox, name)))
            assert shape(given) == shape(recorded)
            assert_same(json.loads(recorded), json.loads(given), volatile=["sstables/*/*_size", "sstables/*/*_token"])


def shape(manifest: str) -> str:
    """The text without what depends on the moment and the items."""
    return re.sub(r":-?\d+", ":0", normalised(manifest))


def test_manifests_from_2026_1_tell_the_truth() -> None:
    """Each SSTable in the manifest is there, is within one tablet, and its id is what its name spells."""
    with recorded_life("2026.1") as sandbox:
        directory = taken(sandbox, "orders")
        manifest = json.loads((directory / "manifest.json").read_text())
        assert {entry["toc_name"] for entry in manifest["sstables"]} == {
            path.name for path in directory.glob("*-TOC.txt")
        }
        for entry in manifest["sstables"]:
            index = directory / entry["toc_name"].replace("TOC.txt", "Index.db")
            assert entry["index_size"] == index.stat().st_size
            assert tablet_of(entry["first_token"]) == tablet_of(entry["last_token"])
            assert generation(UUID(entry["id"])) in entry["toc_name"]


def test_generations_are_spelled_like_the_real_ones() -> None:
    """The id of each real SSTable, spelled by the sandbox, is the generation in its files' names."""
    for directory in snapshot_directories("2026.1").values():
        for entry in json.loads((directory / "manifest.json").read_text()).get("sstables", []):
            assert entry["toc_name"] == f"me-{generation(UUID(entry['id']))}-big-TOC.txt"
