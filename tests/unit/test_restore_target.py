from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.cancel import CancelToken
from backup_core.events import SilentReporter
from backup_core.restore.model import TargetServer
from backup_core.restore.releases import COMPUTED_INDEX_COLUMNS, Release, has, parse_release
from backup_core.restore.target import target_server
from daemon.settings_file import load_settings
from daemon.wiring import node_context
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.restore_samples import NEW, OLD


def asked(settings_file: Path) -> TargetServer:
    """What the node says of itself."""
    with node_context(load_settings(settings_file), SilentReporter(), CancelToken()) as context:
        return target_server(context)


@pytest.mark.parametrize(("node", "expected"), [("6.2", OLD), ("2026.1", NEW)], indirect=["node"])
def test_a_server_is_known_by_what_it_says(node: Sandbox, settings_file: Path, expected: TargetServer) -> None:
    """Version, features, settings, nodes and tables of each version are those of the recorded ones."""
    client(node).create_table(**simple_table("users"))
    server = asked(settings_file)
    assert server.tables == {"users"}
    for name in TargetServer.__slots__:
        if name not in {"version", "tables", "racks", "streams_on_tablets"}:
            assert (name, getattr(server, name)) == (name, getattr(expected, name))
    assert list((server.racks or {}).values()) == [1]


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("6.2.3-0.20250119.bff9ddde1283", Release(6, 2, 3)),
        ("2026.1.12-0.20260821.66541360f656", Release(2026, 1, 12)),
        ("2026.4.0-dev-0.20260821.1", Release(2026, 4)),
        ("2025.1", Release(2025, 1)),
        ("6.3.0~rc1", Release(6, 3)),
        ("", None),
        (None, None),
        ("nonsense", None),
    ],
)
def test_releases_are_read_from_versions(version: str | None, release: Release | None) -> None:
    """Build numbers and suffixes don't matter; what names no release is unknown."""
    assert parse_release(version) == release


def test_releases_are_ordered_as_they_came() -> None:
    """6.2 came before 2024.2 and 2025.1; an unknown release has what is said of unknown ones."""
    versions = ["5.4.9", "6.2.3", "2024.2.1", "2025.1.0", "2025.1.4", "2025.4.0", "2026.1.12"]
    releases = [parse_release(version) for version in versions]
    assert releases == sorted(release for release in releases if release)
    assert [has(release, COMPUTED_INDEX_COLUMNS) for release in releases] == [False] * 3 + [True] * 4
    assert has(None, COMPUTED_INDEX_COLUMNS, if_unknown=True)
    assert not has(None, COMPUTED_INDEX_COLUMNS)


@given(st.text(max_size=30))
def test_any_text_is_a_release_or_none(text: str) -> None:
    """What a proxy or a stranger answers is never an exception."""
    release = parse_release(text)
    assert release is None or text.startswith((f"{release.major}", "0"))
