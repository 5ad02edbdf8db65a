import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_core.errors import StorageError
from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.catalogue_file import BrokenCatalogueError
from backup_core.repository.incremental.pieces import KnownObject
from backup_core.repository.manifest import ArchivedFile, StoredObject
from backup_core.source_files import FileIdentity
from tests.repository_backups import TABLE_ID


OTHER_ID = "0" * 32
IDENTITIES = st.builds(
    FileIdentity,
    device=st.integers(0, 3),
    inode=st.integers(0, 3) | st.integers(0, 2**64 - 1),
    size_bytes=st.integers(0, 2**50),
    mtime_ns=st.integers(0, 2**62),
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty one."""
    with closing(Catalogue(tmp_path / "repositories" / "it.sqlite")) as made:
        yield made


def known(name: str, sha256: str = "a" * 64) -> KnownObject:
    """An object of components."""
    stored = StoredObject(
        name=name,
        role="components",
        plain_size_bytes=1,
        plain_sha256=sha256,
        stored_size_bytes=1,
        stored_sha256=sha256,
        compression="none",
    )
    inside = ArchivedFile(name="me-5-big-TOC.txt", size_bytes=1, sha256=sha256, object=name)
    return KnownObject(stored, name.split("-", maxsplit=1)[0], ("age1a",), (inside,))


@settings(max_examples=30)
@given(st.dictionaries(IDENTITIES, st.text("0123456789abcdef", min_size=64, max_size=64), max_size=20), st.data())
def test_a_file_is_known_by_all_that_it_is(files: dict[FileIdentity, str], data: st.DataObject) -> None:
    """A file that was read is known again, and one that differs in anything isn't; of an inode the last file counts."""
    with TemporaryDirectory() as directory, closing(Catalogue(Path(directory, "it.sqlite"))) as catalogue:
        catalogue.add_files(TABLE_ID, files)
        last = {file[:2]: file for file in files}
        asked = [*files, *data.draw(st.lists(IDENTITIES, max_size=5))]
        expected = {file: files[file] for file in asked if last.get(file[:2]) == file}
        assert catalogue.hashes(asked) == expected
        kept = {file.inode for file in asked[::2]}
        catalogue.keep_files(TABLE_ID, kept)
        assert catalogue.hashes(asked) == {file: sha256 for file, sha256 in expected.items() if file.inode in kept}


def test_objects_are_those_of_a_table(catalogue: Catalogue) -> None:
    """What is known of one table's objects says nothing about another's."""
    catalogue.add(TABLE_ID, known("5-components.tar"), {})
    catalogue.add_objects(TABLE_ID, [known("6-components.tar", "b" * 64)])
    catalogue.add_objects(OTHER_ID, [known("5-components.tar.zst")])
    assert catalogue.objects_of(TABLE_ID, "components", "5") == (known("5-components.tar"),)
    assert catalogue.objects_of(TABLE_ID, "data", "5") == ()
    assert catalogue.objects_with(TABLE_ID, "b" * 64) == (known("6-components.tar", "b" * 64),)
    assert catalogue.has_object(TABLE_ID, "6-components.tar")
    assert not catalogue.has_object(OTHER_ID, "6-components.tar")
    catalogue.forget(TABLE_ID)
    assert not catalogue.has_object(TABLE_ID, "6-components.tar")
    assert catalogue.has_object(OTHER_ID, "5-components.tar.zst")


def test_it_is_believed_as_of_the_last_removal(catalogue: Catalogue) -> None:
    """It knows a table from when it was told so, until somebody removes objects and doesn't tell."""
    assert not catalogue.knows(TABLE_ID, "")
    catalogue.drop(TABLE_ID, ["5-components.tar"], "monday")
    assert not catalogue.knows(TABLE_ID, "monday")
    catalogue.trust(TABLE_ID, "")
    assert catalogue.knows(TABLE_ID, "")
    assert not catalogue.knows(TABLE_ID, "monday")
    catalogue.add_objects(TABLE_ID, [known("5-components.tar")])
    catalogue.drop(TABLE_ID, ["5-components.tar"], "monday")
    assert catalogue.knows(TABLE_ID, "monday")
    assert not catalogue.has_object(TABLE_ID, "5-components.tar")
    catalogue.forget_objects(TABLE_ID)
    assert not catalogue.knows(TABLE_ID, "monday")


def test_it_outlives_its_process(tmp_path: Path) -> None:
    """What one process has written, the next one reads; two at a time don't harm each other."""
    path = tmp_path / "it.sqlite"
    with closing(Catalogue(path)) as one, closing(Catalogue(path)) as other:
        threads = [
            threading.Thread(target=each.add_objects, args=(TABLE_ID, [known(f"{number}-components.tar")]))
            for number, each in enumerate((one, other) * 5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with closing(Catalogue(path)) as again:
        assert all(again.has_object(TABLE_ID, f"{number}-components.tar") for number in range(10))
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_catalogue_is_removed_and_told(tmp_path: Path) -> None:
    """A file that is broken goes, and the next catalogue there is an empty one."""
    path = tmp_path / "it.sqlite"
    path.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(BrokenCatalogueError, match="was broken"):
        Catalogue(path)
    with closing(Catalogue(path)) as catalogue:
        assert not catalogue.knows(TABLE_ID, "")


def test_what_stands_in_its_way_stays(tmp_path: Path) -> None:
    """Where no file can be made, the way out is told, and nothing is removed."""
    path = tmp_path / "it.sqlite"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(StorageError, match="can't be used.*Give the state directory space and its owner"):
        Catalogue(path)
    assert (path / "inside").is_dir()


def test_a_catalogue_that_is_locked_is_not_broken(tmp_path: Path) -> None:
    """A file that another process holds for long is no reason to remove it."""
    path = tmp_path / "it.sqlite"
    with closing(Catalogue(path, busy_timeout_seconds=0.0)) as catalogue, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="database is locked"):
            catalogue.trust(TABLE_ID, "")
        other.rollback()
        catalogue.trust(TABLE_ID, "")
        assert catalogue.knows(TABLE_ID, "")
