from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_core.archive import ArchiveFormat
from backup_core.model import Table
from backup_core.repository import links
from tests.repository_backups import TABLE_ID, names, opened, publish, published, repository


TAGS = ("1733313018", "1733313019", "1733399999")


def links_of(directory: Path) -> dict[str, str]:
    """Names and targets of the links in a directory."""
    return {path.name: str(path.readlink()) for path in directory.iterdir() if path.is_symlink()}


def test_links_lead_to_the_newest_backup(tmp_path: Path) -> None:
    """Every path of the predecessor's layout resolves to the files of the newest backup."""
    target = opened(tmp_path / "backups")
    for tag in TAGS:
        publish(target, tmp_path / "data", tag=tag, views=1)
    assert links_of(tmp_path / "backups/users") == {
        "latest": TAGS[-1],
        "table_schema.cql": "latest/table_schema.cql",
        "materialized_view_1.cql": "latest/materialized_view_1.cql",
        "users_backup.tar.gz": "latest/users_backup.tar.gz",
    }
    archive = tmp_path / "backups/users/users_backup.tar.gz"
    assert archive.resolve() == tmp_path / "backups/users" / TAGS[-1] / "users_backup.tar.gz"


def test_links_never_lead_backwards(tmp_path: Path) -> None:
    """Publishing an older snapshot later leaves the links where they are."""
    target = opened(tmp_path / "backups")
    publish(target, tmp_path / "data", tag=TAGS[2], views=2)
    before = links_of(tmp_path / "backups/users")
    publish(target, tmp_path / "data", tag=TAGS[0], views=3)
    assert links_of(tmp_path / "backups/users") == before


def test_links_that_lead_nowhere_are_removed(tmp_path: Path) -> None:
    """A view that is gone and an archive in another format lose their links, and only those."""
    publish(opened(tmp_path / "backups"), tmp_path / "data", tag=TAGS[0], views=3)
    (tmp_path / "backups/users/notes").symlink_to("elsewhere")
    zst = opened(tmp_path / "backups", archive_format=ArchiveFormat.TAR_ZST)
    publish(zst, tmp_path / "data", tag=TAGS[1], views=1)
    assert set(links_of(tmp_path / "backups/users")) == {
        "latest",
        "table_schema.cql",
        "materialized_view_1.cql",
        "users_backup.tar.zst",
        "notes",
    }


def test_links_pass_over_damaged_backups(tmp_path: Path) -> None:
    """Where the newest backup has lost its archive, the links lead to the newest complete one."""
    target = opened(tmp_path / "backups")
    publish(target, tmp_path / "data", tag=TAGS[0])
    location = published(target, tmp_path / "data", tag=TAGS[1])
    (location / "users_backup.tar.gz").unlink()
    target.mend()
    assert links_of(tmp_path / "backups/users")["latest"] == TAGS[0]


def test_links_go_with_the_last_complete_backup(tmp_path: Path) -> None:
    """Links to nothing are removed."""
    target = opened(tmp_path / "backups")
    (published(target, tmp_path / "data") / "users_backup.tar.gz").unlink()
    target.mend()
    assert links_of(tmp_path / "backups/users") == {}


def test_right_links_are_left_alone(tmp_path: Path) -> None:
    """Mending links that are right writes nothing."""
    target = opened(tmp_path / "backups")
    publish(target, tmp_path / "data", views=2)
    directory = tmp_path / "backups/users"
    before = directory.stat().st_mtime_ns, (tmp_path / "backups").stat().st_mtime_ns
    target.mend()
    assert (directory.stat().st_mtime_ns, (tmp_path / "backups").stat().st_mtime_ns) == before


@pytest.mark.parametrize("broken", ["latest", "table_schema.cql", "users_backup.tar.gz"])
def test_links_that_cron_has_deleted_come_back(tmp_path: Path, broken: str) -> None:
    """`find -name "*.tar.gz" -delete`, as the predecessor's users have it, takes links too; the next run mends them."""
    target = opened(tmp_path / "backups")
    publish(target, tmp_path / "data")
    before = links_of(tmp_path / "backups/users")
    (tmp_path / "backups/users" / broken).unlink()
    target.mend()
    assert links_of(tmp_path / "backups/users") == before


def test_every_name_of_an_archive_is_known(tmp_path: Path) -> None:
    """The link of an archive of any format is recognised, for tables whose names look like archives too."""
    name = "users_backup.tar.gz"
    for number, archive_format in enumerate(ArchiveFormat):
        target = opened(tmp_path / "backups", archive_format=archive_format)
        publish(target, tmp_path / "data", Table(name, TABLE_ID), TAGS[number])
    assert set(links_of(tmp_path / "backups" / name)) == {"latest", "table_schema.cql", f"{name}_backup.tar"}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 3), st.sampled_from(ArchiveFormat)), max_size=6))
def test_links_end_up_as_if_there_had_been_no_others(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, ArchiveFormat]]
) -> None:
    """Whatever links led to before, updating them for a backup gives exactly that backup's links."""
    root = tmp_path_factory.mktemp("repository")
    directory = root / "users"
    directory.mkdir()
    for number, (tag, views, archive_format) in enumerate(steps):
        newest = directory / f"{tag}{number}"
        newest.mkdir()
        expected = {"table_schema.cql", f"users_backup.{archive_format.value}"}
        expected |= {f"materialized_view_{view}.cql" for view in range(1, views + 1)}
        for name in (*expected, "manifest.json", "README.txt"):
            (newest / name).touch()
        links.update(root, directory, newest)
        assert links_of(directory) == {"latest": newest.name} | {name: f"latest/{name}" for name in expected}
    assert names(root) == {"users"}


def test_mending_an_empty_repository_is_nothing(tmp_path: Path) -> None:
    """There is nothing to mend where nothing was published."""
    opened(tmp_path / "backups").mend()
    assert repository(tmp_path / "backups").backups() == ()
