"""Several repositories: one that can't be used doesn't stop the others, and no tag ever has two contents."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backup_core.repository.marker import claim
from sandbox.catalog import now
from tests.faults.commands import assert_error
from tests.faults.harness import Station


def second_repository(path: Path) -> dict[str, str]:
    """Settings for another repository beside the first."""
    return {"repository.second.path": str(path), "repository.second.allow_same_disk": "true"}


def make_foreign(path: Path) -> None:
    """Another host's repository."""
    path.mkdir()
    claim(path, "00000000-0000-0000-0000-000000000001", "Elsewhere", now())


@pytest.mark.parametrize(
    ("make", "word"), [(make_foreign, "belongs to host"), (Path.touch, "second")], ids=["foreign", "file"]
)
def test_a_repository_that_cannot_be_used_stopped_the_others(
    station: Station, tmp_path: Path, make: Callable[[Path], None], word: str
) -> None:
    """The table is stored in the one that can be used, the run says which failed and ends with 3."""
    path = tmp_path / "second"
    make(path)
    before = len(station.listed())
    result = station.run("backup", "orders", settings=second_repository(path))
    assert_error(result, 3, "orders", "local only", word)
    assert len(station.listed()) == before + 1
    station.assert_clean()
    station.known = station.listed()


def test_one_tag_got_two_contents(station: Station, tmp_path: Path) -> None:
    """A tag that one repository has is refused before a snapshot is taken, also where another lacks it."""
    table = "users"
    tag = next(listing.tag for listing in station.known if listing.table == table)
    second = second_repository(tmp_path / "second")
    station.assert_refused(table, 69, f"{table}/{tag}", "exists already", "local", tag=tag, settings=second)
    assert list((tmp_path / "second").glob(f"{table}/*")) == []
