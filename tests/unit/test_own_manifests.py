"""What a node knows of the manifests that it wrote."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.repository.incremental.own_manifests import OwnManifest, OwnManifests


NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
TABLE = "a" * 32


def test_two_attempts_at_one_tag_are_both_known(tmp_path: Path) -> None:
    """Nobody knows which of them the store has taken; what was removed is forgotten, of that table only."""
    own = OwnManifests(tmp_path / "own")
    assert not own.are_known()
    for sha256 in ("1" * 64, "2" * 64):
        own.add(TABLE, OwnManifest("1733313018", sha256, NOW))
    own.add(TABLE, OwnManifest("1733313019", "3" * 64, NOW))
    own.add("b" * 32, OwnManifest("1733313018", "4" * 64, NOW))
    again = OwnManifests(tmp_path / "own")
    assert again.are_known()
    assert again.sha256s(TABLE, "1733313018") == {"1" * 64, "2" * 64}
    again.drop(TABLE, ["1733313018", "1733313020"])
    assert own.of_table(TABLE) == (OwnManifest("1733313019", "3" * 64, NOW),)
    assert own.sha256s("b" * 32, "1733313018") == {"4" * 64}


def test_a_run_adds_while_a_prune_drops(tmp_path: Path) -> None:
    """Neither loses what the other did."""
    own = OwnManifests(tmp_path / "own")
    tags = [str(1733313018 + number) for number in range(40)]
    for tag in tags[:20]:
        own.add(TABLE, OwnManifest(tag, "1" * 64, NOW))
    with ThreadPoolExecutor(2) as pool:
        dropped = pool.map(lambda tag: OwnManifests(tmp_path / "own").drop(TABLE, [tag]), tags[:20])
        added = pool.map(lambda tag: own.add(TABLE, OwnManifest(tag, "2" * 64, NOW)), tags[20:])
        assert list(zip(dropped, added, strict=True)) == [(None, None)] * 20
    assert {each.tag for each in own.of_table(TABLE)} == set(tags[20:])


@given(
    content=st.binary(max_size=60) | st.sampled_from([b"[]", b"{}", b"[[1]]", b'[["1", "2", "yesterday"]]', b"null"])
)
def test_a_file_that_nobody_can_make_out_claims_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """It is as if nothing had been written; the next one is added all the same."""
    directory = tmp_path_factory.mktemp("own")
    (directory / f"{TABLE}.json").write_bytes(content)
    own = OwnManifests(directory)
    assert own.of_table(TABLE) == ()
    own.add(TABLE, OwnManifest("1733313018", "1" * 64, NOW))
    assert own.sha256s(TABLE, "1733313018") == {"1" * 64}
