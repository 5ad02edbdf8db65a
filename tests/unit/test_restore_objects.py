"""From the objects of an incremental backup to staged files: what is wanted is fetched, and all of that checked."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.errors import BackupError, IntegrityError, ManifestError, RunCancelledError
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest, StoredObject
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content
from backup_core.restore.backup_content import backup_content
from backup_core.restore.content import BackupContent, Unpacked
from backup_core.restore.directories import open_directory
from tests.load_samples import contents_of, member
from tests.repository_backups import HOST_ID, TAG, USERS, FixedClock
from tests.small_node import SmallNode, TestContext, Unhurried, incremental_repository


GENERATIONS = ("7", "8")
DATA = {generation: f"me-{generation}-big-Data.db" for generation in GENERATIONS}


class WatchedStorage(MemoryStorage):
    """Remembers what was fetched."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.fetched: list[str] = []

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """Remembered."""
        self.fetched.append(key.rpartition("/")[2])
        with super().get(key, offset_bytes=offset_bytes) as blocks:
            yield blocks


class Site:
    """A table of two SSTables that was backed up into memory."""

    def __init__(self, directory: Path) -> None:
        self.storage = WatchedStorage()
        self.node = SmallNode(directory / "data")
        self.repository = incremental_repository(self.storage, directory / "state", FixedClock())
        self.repository.open(HOST_ID, "Test Cluster")
        for number, generation in enumerate(GENERATIONS, start=1):
            self.node.write(USERS, generation, b"rows" * 1000 * number)

    def back_up(self) -> tuple[BackupListing, Manifest]:
        """Back the table up."""
        snapshot = self.node.snapshot(USERS, TAG, FixedClock().now())
        self.repository.store(TestContext(FixedClock()), snapshot, Unhurried())
        listing = self.repository.find("users")
        return listing, self.repository.manifest(listing)

    def replace(self, manifest: Manifest, role: str, plain: bytes) -> Manifest:
        """Put something else in the place of an object, and let the manifest agree with it."""
        stored = next(each for each in manifest.objects if each.role == role and "snapshot" not in each.name)
        sha256 = hashlib.sha256(plain).hexdigest()
        changed = replace(
            stored,
            plain_size_bytes=len(plain),
            plain_sha256=sha256,
            stored_size_bytes=len(plain),
            stored_sha256=sha256,
            compression="none",
        )
        self.storage.put(TableKeys(USERS.name, USERS.id).object(stored.name), Content.of(plain))
        objects = tuple(changed if each is stored else each for each in manifest.objects)
        return manifest.model_copy(update={"objects": objects})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A new one."""
    return Site(tmp_path)


def unpack(content: BackupContent, into: Path, wanted: Callable[[str], bool] = lambda _: True) -> Unpacked:
    """Unpack into a directory that is made."""
    into.mkdir()
    with open_directory(into) as directory:
        return content.unpack(directory, wanted=wanted, most_bytes=0, on_progress=lambda _: None, cancel=CancelToken())


def test_files_come_out_as_they_went_in(site: Site, tmp_path: Path) -> None:
    """Every file of the snapshot has its bytes, and each SSTable its CRC-32; the progress ends at what is stored."""
    listing, manifest = site.back_up()
    content = backup_content(site.repository, listing, manifest)
    found = unpack(content, tmp_path / "staging")
    files = contents_of(tmp_path / "staging")
    assert {name: body for name, body in files.items() if name.startswith("me-")} == site.node.files(USERS)
    assert files.keys() - site.node.files(USERS).keys() == {"manifest.json", "schema.cql"}
    assert sorted(sstable.prefix for sstable in found.sstables) == ["me-7-big", "me-8-big"]
    assert found.stored_size_bytes == content.stored_size_bytes == sum(o.stored_size_bytes for o in manifest.objects)
    heard: list[int] = []
    content.unpack(None, wanted=lambda _: False, most_bytes=0, on_progress=heard.append, cancel=CancelToken())
    assert heard == sorted(heard)
    assert heard[-1] == content.stored_size_bytes


def test_only_what_is_wanted_is_fetched(site: Site, tmp_path: Path) -> None:
    """For a batch of one SSTable its two objects are read, and the snapshot's own files; to check, all of them."""
    content = backup_content(site.repository, *site.back_up())
    site.storage.fetched.clear()
    found = unpack(content, tmp_path / "staging", lambda name: name.startswith("me-8-"))
    assert [sstable.prefix for sstable in found.sstables] == ["me-8-big"]
    assert set(contents_of(tmp_path / "staging")) == {
        name for name in site.node.files(USERS) if name.startswith("me-8-")
    }
    assert sorted(name.partition("-")[0] for name in site.storage.fetched) == ["8", "8", "snapshot"]
    site.storage.fetched.clear()
    content.unpack(None, wanted=lambda _: False, most_bytes=0, on_progress=lambda _: None, cancel=CancelToken())
    assert len(site.storage.fetched) == 5


def test_two_sstables_of_one_content(site: Site, tmp_path: Path) -> None:
    """Where the same data was stored once for two SSTables, both come out."""
    site.node.link(USERS, "7", "9")
    unpack(backup_content(site.repository, *site.back_up()), tmp_path / "staging")
    files = contents_of(tmp_path / "staging")
    assert files["me-9-big-Data.db"] == files["me-7-big-Data.db"] == b"rows" * 1000


def test_a_changed_object_is_refused(site: Site, tmp_path: Path) -> None:
    """Other bytes under an object's name are found, and the object is named."""
    listing, manifest = site.back_up()
    site.replace(manifest, "data", b"other")
    with pytest.raises(IntegrityError, match="7-Data.db"):
        unpack(backup_content(site.repository, listing, manifest), tmp_path / "staging")


def test_a_missing_object_is_refused(site: Site, tmp_path: Path) -> None:
    """An object that somebody has deleted is missing, and named."""
    listing, manifest = site.back_up()
    gone = next(stored.name for stored in manifest.objects if stored.role == "data")
    site.storage.delete((TableKeys(USERS.name, USERS.id).object(gone),))
    with pytest.raises(IntegrityError, match=f"{gone} is missing"):
        unpack(backup_content(site.repository, listing, manifest), tmp_path / "staging")


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar as GNU tar would write it."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return written.getvalue()


def components(site: Site, generation: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of an SSTable's tar."""
    files = site.node.files(USERS)
    return [member(name, files[name]) for name in sorted(files) if f"-{generation}-" in name and "Data.db" not in name]


HOSTILE: dict[str, tuple[Callable[[list[tuple[tarfile.TarInfo, bytes]]], bytes], str]] = {
    "upwards": (lambda own: tar_of(member("../outside"), *own[1:]), "is not a plain file name"),
    "link": (lambda own: tar_of(member(own[0][0].name, kind=tarfile.SYMTYPE), *own[1:]), "is a symbolic link"),
    "twice": (lambda own: tar_of(own[0], own[0], *own[2:]), "wasn't put in"),
    "of-another": (lambda own: tar_of(member("me-8-big-TOC.txt", own[2][1]), *own[:2]), "wasn't put in"),
    "less": (lambda own: tar_of(*own[1:]), "1 of 3 files are not in it"),
    "behind": (lambda own: tar_of(*own)[:-512] + b"x" * 512, "behind its end mark"),
    "cut": (lambda own: tar_of(*own)[:700], "it ends within a file|it ends before its end mark"),
    "other-digest": (lambda own: tar_of((own[0][0], b"1" * len(own[0][1])), *own[1:]), "has SHA-256"),
}


@pytest.mark.parametrize(("make", "words"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_tars_are_refused(
    site: Site, tmp_path: Path, make: Callable[[list[tuple[tarfile.TarInfo, bytes]]], bytes], words: str
) -> None:
    """Whatever a tar holds besides what the manifest says, though the manifest knows its hash: refused."""
    listing, manifest = site.back_up()
    plain = make(components(site, "7"))
    told = site.replace(manifest, "components", plain)
    # So that it isn't refused for its size alone.
    size_bytes = next(each.plain_size_bytes for each in manifest.objects if each.name.startswith("7-components"))
    with pytest.raises(BackupError, match=words if len(plain) == size_bytes else "something else"):
        unpack(backup_content(site.repository, listing, told), tmp_path / "staging")
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "state", "staging"}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_comes_through(
    site: Site, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A bit flipped anywhere in the plain content of a tar is found, though the manifest has the changed hash."""
    if not site.repository.backups("users"):
        site.back_up()
    listing = site.repository.find("users")
    manifest = site.repository.manifest(listing)
    plain = bytearray(tar_of(*components(site, "7")))
    position = data.draw(st.integers(0, len(plain) * 8 - 1))
    plain[position // 8] ^= 1 << position % 8
    told = site.replace(manifest, "components", bytes(plain))
    directory = tmp_path_factory.mktemp("flipped") / "staging"
    try:
        unpack(backup_content(site.repository, listing, told), directory)
    except BackupError:
        return
    assert {name: body for name, body in contents_of(directory).items() if "-7-" in name} == {
        name: body for name, body in site.node.files(USERS).items() if "-7-" in name
    }


Lie = Callable[[Manifest], dict[str, object]]


def _object(change: Callable[[StoredObject], StoredObject], role: str = "data") -> Lie:
    def lie(manifest: Manifest) -> dict[str, object]:
        first = next(each for each in manifest.objects if each.role == role)
        return {"objects": tuple(change(each) if each is first else each for each in manifest.objects)}

    return lie


LIES: dict[str, tuple[Lie, str]] = {
    "foreign": (
        lambda told: {"files": (replace(told.files[0], name="notes.txt"), *told.files[1:])},
        "no file of an SSTable",
    ),
    "twice": (lambda told: {"files": (*told.files, told.files[0])}, "is in it twice"),
    "larger-data": (_object(lambda stored: replace(stored, plain_size_bytes=10**15)), "isn't me-"),
    "other-data": (_object(lambda stored: replace(stored, plain_sha256="0" * 64)), "isn't me-"),
    "bomb": (_object(lambda stored: replace(stored, plain_size_bytes=10**15), "components"), "something else"),
    "other-role": (_object(lambda stored: replace(stored, role="schema")), "something else"),
    "other-table": (
        lambda told: {"table": told.table.model_copy(update={"name": "orders"})},
        "is that of a table 'orders'",
    ),
}


@pytest.mark.parametrize(("lie", "words"), LIES.values(), ids=LIES)
def test_manifests_that_contradict_themselves(site: Site, lie: Lie, words: str) -> None:
    """They are refused before anything is fetched."""
    listing, manifest = site.back_up()
    site.storage.fetched.clear()
    with pytest.raises(ManifestError, match=words):
        backup_content(site.repository, listing, manifest.model_copy(update=lie(manifest)))
    assert site.storage.fetched == []


def test_cancelled(site: Site) -> None:
    """A cancelled pass ends at the next block."""
    content, cancel = backup_content(site.repository, *site.back_up()), CancelToken()
    cancel.set(143)
    with pytest.raises(RunCancelledError):
        content.unpack(None, wanted=lambda _: True, most_bytes=0, on_progress=lambda _: None, cancel=cancel)
