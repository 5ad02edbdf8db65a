"""The data directory looks like the recorded nodes'."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.replay import (
    VERSIONS,
    alternator,
    assert_same,
    create_table,
    drop_a_table,
    load,
    normalised,
    put_item,
    recorded_life,
    replay_rest,
    snapshot_directories,
    volatile_paths,
)
from tests.conformance.snapshotting import AGE_INDEX, TAG, take


COMPONENT = re.compile(r"me-[0-9a-z]{4}_[0-9a-z]{4}_[0-9a-z]{18}-big-([A-Z]\w+\.\w+)")


def tree(root: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Every directory below a root, with size, link count and mode of its files, as tree.json has it."""
    return {
        str(directory.relative_to(root)): {
            path.name: {
                "size": path.stat().st_size,
                "nlink": path.stat().st_nlink,
                "mode": oct(stat.S_IMODE(path.stat().st_mode)),
            }
            for path in directory.iterdir()
            if path.is_file()
        }
        for directory in root.rglob("*")
        if directory.is_dir()
    }


def by_component(files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The files by what they are: how many SSTables there are depends on the items, which were not recorded."""
    found = {}
    for name, facts in files.items():
        match = COMPONENT.fullmatch(name)
        found[match[1] if match else name] = {"nlink": facts["nlink"], "mode": facts["mode"]}
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_directories_are_the_recorded_ones(version: str) -> None:
    """After the recorded snapshots there are the same directories, with the same components, links and modes."""
    with recorded_life(version) as sandbox:
        for label, _, _ in replay_rest(sandbox, version):
            if label.startswith("GET /storage_service/snapshots") and not label.endswith("true"):
                given = tree(sandbox.data_directory)
                if any(path.endswith("/snapshots/1733313020") for path in given):
                    break
    found = {normalised(path): by_component(files) for path, files in given.items()}
    recorded = load(version, "tree.json")
    kept = {path for path in recorded if "" not in volatile_paths(version, "tree.json", path)}
    assert set(found) == {normalised(path) for path in kept}
    for path in kept:
        volatile = volatile_paths(version, "tree.json", path)
        assert_same(by_component(recorded[path]), found[normalised(path)], volatile=volatile, what=path)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dropped_table_leaves_what_was_recorded(version: str) -> None:
    """DeleteTable leaves the directory with one snapshot `pre-drop-<ms>` and nothing else."""
    with Sandbox(version) as sandbox:
        drop_a_table(sandbox)
        given = {path: sorted(files) for path, files in tree(sandbox.data_directory).items()}
    assert_same(load(version, "after_drop.json"), given)


@pytest.mark.parametrize("version", VERSIONS)
def test_schemas_are_the_recorded_ones(version: str) -> None:
    """`schema.cql` has byte for byte the text of the real snapshots, but for the time of creation."""
    with recorded_life(version) as sandbox:
        for name, real in snapshot_directories(version).items():
            keyspace = next(path.name for path in real.parents if path.name.startswith("alternator_"))
            if not (directory := snapshot_of(sandbox, keyspace, name)).exists():
                take(sandbox, keyspace)
            assert normalised((directory / "schema.cql").read_text()) == normalised((real / "schema.cql").read_text())


def snapshot_of(sandbox: Sandbox, keyspace: str, name: str) -> Path:
    """Where the snapshot of a column family is, or will be."""
    pattern = re.compile(re.escape(name) + "-[0-9a-f]{32}")
    [directory] = [path for path in (sandbox.data_directory / keyspace).iterdir() if pattern.fullmatch(path.name)]
    return directory / "snapshots" / TAG


def test_a_stream_that_is_switched_on_gets_a_log_directory() -> None:
    """UpdateTable with a stream makes the directory of the CDC log, and a snapshot of the keyspace holds it."""
    with Sandbox("6.2") as sandbox:
        create_table(sandbox, "users")
        stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        request = {"TableName": "users", "StreamSpecification": stream}
        assert alternator(sandbox, "UpdateTable", request).status == 200
        put_item(sandbox, "users", {"pk": {"S": "a"}})
        [log] = take(sandbox, "alternator_users").glob("users_scylla_cdc_log-*/snapshots/*")
        assert len(list(log.glob("*-Data.db"))) == 1


def test_a_dropped_index_leaves_its_snapshot_only() -> None:
    """UpdateTable that drops a GSI removes the view's files, and leaves a `pre-drop` snapshot of it."""
    with Sandbox("2026.1") as sandbox:
        create_table(sandbox, "users", **AGE_INDEX)
        updates = [{"Delete": {"IndexName": "by_age"}}]
        answer = alternator(sandbox, "UpdateTable", {"TableName": "users", "GlobalSecondaryIndexUpdates": updates})
        assert answer.status == 200, answer
        [view] = sandbox.data_directory.glob("alternator_users/users:by_age-*")
        assert [path.name.partition("-")[0] for path in view.glob("**/*") if path.parent.name == "snapshots"] == ["pre"]
        assert [path.name for path in view.iterdir()] == ["snapshots"]
