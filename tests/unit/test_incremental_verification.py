"""What a verification of an incremental backup finds, what it reads for that, and what it writes down."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_core.cancel import CancelToken
from backup_core.encryption import parse_recipients, read_identities
from backup_core.errors import (
    IntegrityError,
    NotFoundError,
    PermissionDeniedError,
    RunCancelledError,
    StorageUnavailableError,
)
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.losses import read_losses
from backup_core.repository.listing import BackupStatus
from backup_core.repository.manifest import parse_manifest, summarize
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, ObjectInfo
from backup_core.repository.verification import DEEP, SHALLOW, Depth, VerifyPass
from backup_core.repository.verified_note import parse_verified
from tests.lagging_storage import LaggingStorage
from tests.repository_backups import USERS
from tests.small_node import restored
from tests.stepped_site import KEYS, SteppedSite, site_in
from tests.storage_samples import stored


class CountingStorage(MemoryStorage):
    """Remembers what was read, and refuses what it is told to."""

    reads: list[str]
    refused: str = ""

    def get(self, key: str, *, offset_bytes: int = 0):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """The content of an object."""
        self.__dict__.setdefault("reads", []).append(key.rpartition("/")[2])
        return super().get(key, offset_bytes=offset_bytes)

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Stores it, where nobody has forbidden that."""
        if self.refused and self.refused in key:
            raise PermissionDeniedError("the bucket may only be read")
        return super().put(key, content, if_absent=if_absent)

    def objects_read(self) -> list[str]:
        """Names of objects that were read since it was last asked."""
        found = [name for name in self.reads if "Data.db" in name or ".tar" in name]
        self.reads.clear()
        return found


def counting_site(directory: Path) -> SteppedSite[CountingStorage]:
    """A site whose store counts."""
    return SteppedSite(directory, store=CountingStorage)


def problems(error: pytest.ExceptionInfo[IntegrityError]) -> tuple[str, ...]:
    """What was found."""
    found: tuple[str, ...] = error.value.context["problems"]
    return found


def test_names_and_sizes_are_looked_at_without_reading(tmp_path: Path) -> None:
    """A shallow verification reads no object; it says so beside the backup, and claims nothing of the content."""
    site = counting_site(tmp_path)
    made = site.back_up("1", "2")
    site.store.objects_read()
    result = site.verify(made, SHALLOW)
    assert site.store.objects_read() == []
    assert (result.objects, result.deep, result.read_bytes) == (5, False, 0)
    note = parse_verified(site.repository.read_note(made, "verified.json"))
    assert note is not None
    assert (note.fraction, note.objects, note.read_since) == (0.0, 5, None)
    assert site.repository.find("users").verified.stored is None


def test_every_byte_is_read_once_in_a_pass(tmp_path: Path) -> None:
    """What backups share is read for the first of them; each says since when all of it is known to be right."""
    site = counting_site(tmp_path)
    first, second = site.back_up("1", "2"), site.back_up("2", "3")
    site.store.objects_read()
    within, began_at = VerifyPass(), site.clock.now()
    results = [site.verify(one, DEEP, within=within) for one in (second, first)]
    assert sorted(site.store.objects_read()) == sorted(site.objects())
    assert all(result.deep for result in results)
    assert results[0].read_bytes == results[0].size_bytes
    assert 0 < results[1].read_bytes < results[1].size_bytes
    assert {one.verified.stored for one in site.repository.backups()} == {began_at}
    site.verify(first, DEEP)
    assert len(site.store.objects_read()) == 5, "another pass reads again"


@pytest.mark.parametrize("depth", [SHALLOW, DEEP], ids=["shallow", "deep"])
def test_a_lost_object_damages_every_backup_that_needs_it(tmp_path: Path, depth: Depth) -> None:
    """One of them was verified; all of them are listed as damaged, others not, and the next one is whole again."""
    site = site_in(tmp_path)
    old, hit, also_hit = site.back_up("1"), site.back_up("1", "2"), site.back_up("2", "3")
    site.store.delete([KEYS.object("2-Data.db.zst")])
    with pytest.raises(IntegrityError, match=r"users/\d+ is damaged: 2-Data\.db\.zst is missing") as found:
        site.verify(hit, depth)
    assert problems(found) == ("2-Data.db.zst is missing",)
    statuses = {one.tag: one.status for one in site.repository.backups()}
    damaged, complete = BackupStatus.DAMAGED, BackupStatus.COMPLETE
    assert statuses == {old.tag: complete, hit.tag: damaged, also_hit.tag: damaged}
    assert site.repository.find("users") == site.repository.find("users", old.tag)
    assert all(one.damaged_at for one in site.repository.backups() if one.status is damaged)
    mended = site.back_up("2", "3")
    assert mended.status is complete
    assert restored(site.repository, mended) == site.node.files(USERS)
    assert site.verify(mended, DEEP).deep


def test_other_content_is_found_by_reading_and_withdrawn_by_reading(tmp_path: Path) -> None:
    """Until every byte of the backup was found right, it stays damaged, whatever a quicker look says."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    right = stored(site.store, KEYS.object("1-Data.db.zst"))
    site.spoil("1-Data.db.zst", b"x" * len(right))
    with pytest.raises(IntegrityError, match=r"1-Data\.db\.zst has another content"):
        site.verify(made, DEEP)
    assert read_losses(site.store, KEYS).damaged.keys() == {"1-Data.db.zst"}
    site.spoil("1-Data.db.zst", right)
    for depth in (SHALLOW, Depth(0.5)):
        with pytest.raises(IntegrityError, match="read back 2026-11-22"):
            site.verify(made, depth)
    assert site.repository.find("users").status is BackupStatus.DAMAGED
    site.verify(made, DEEP)
    assert site.repository.find("users").status is BackupStatus.COMPLETE
    assert read_losses(site.store, KEYS).damaged == {}


def test_what_the_store_calls_otherwise_is_read(tmp_path: Path) -> None:
    """An ETag that changed is no damage by itself: the object is read, once, even where nothing else is."""
    site = counting_site(tmp_path)
    made = site.back_up("1")
    right = stored(site.store, KEYS.object("1-Data.db.zst"))
    site.clock.step(hours=1)
    etags = {info.key: info.etag for info in site.store.list(KEYS.objects)}
    site.spoil("1-Data.db.zst", b"x" * len(right))
    assert {info.key: info.etag for info in site.store.list(KEYS.objects)} != etags
    site.store.objects_read()
    with pytest.raises(IntegrityError, match="another content"):
        site.verify(made, SHALLOW)
    assert set(site.store.objects_read()) == {"1-Data.db.zst"}


def test_a_changed_manifest_is_told_apart_from_the_one_that_this_node_wrote(tmp_path: Path) -> None:
    """Somebody has changed manifest and summary together: on this node that is damage, another machine can't know."""
    site = site_in(tmp_path)
    made = site.back_up("1", "2")
    content = stored(site.store, KEYS.manifest(made.tag)).replace(
        b'"scylla_version":"6.2.3"', b'"scylla_version":"6.2.4"'
    )
    summary = summarize(parse_manifest(content), content)
    site.store.put(KEYS.manifest(made.tag), Content.of(content))
    site.store.put(KEYS.summary(made.tag), Content.of(summary.to_json()))
    elsewhere = site.opened(site.store, state="elsewhere")
    depth, nothing, cancel = SHALLOW, lambda _bytes: None, CancelToken()
    assert elsewhere.verify(elsewhere.find("users"), depth=depth, on_progress=nothing, cancel=cancel).objects == 5
    with pytest.raises(IntegrityError, match="isn't the one that this node wrote"):
        site.verify(made, SHALLOW)
    assert site.repository.find("users").status is BackupStatus.DAMAGED
    with pytest.raises(IntegrityError, match="isn't the one that this node wrote"):
        site.verify(made, DEEP)


def test_a_manifest_that_fell_into_other_hands_is_damage(tmp_path: Path) -> None:
    """A manifest that doesn't fit its summary, or that is cut short, is told and written down."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    content = stored(site.store, KEYS.manifest(made.tag))
    for wrong in (content[:-1] + b" ", content[:200] + b" " * (len(content) - 200)):
        site.store.put(KEYS.manifest(made.tag), Content.of(wrong))
        with pytest.raises(IntegrityError, match=made.tag):
            site.verify(made, SHALLOW)
        assert site.repository.find("users").status is BackupStatus.DAMAGED


def test_a_listing_that_lags_hides_nothing_from_a_verification(tmp_path: Path) -> None:
    """Objects that aren't listed yet are asked for by name."""
    site = SteppedSite(tmp_path, store=LaggingStorage)
    made = site.back_up("1", "2")
    site.store.hide("/2-")
    assert site.verify(made, DEEP).objects == 5


class UnavailableStorage(MemoryStorage):
    """Is down whenever an object of data is asked for."""

    is_down = False

    def get(self, key: str, *, offset_bytes: int = 0):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """Asks to come again."""
        if self.is_down and "Data.db" in key:
            raise StorageUnavailableError("slow down")
        return super().get(key, offset_bytes=offset_bytes)


def test_a_store_that_is_down_is_no_damage(tmp_path: Path) -> None:
    """Nothing is known of the backup then: nothing is written down, and the error is the store's."""
    site = SteppedSite(tmp_path, store=UnavailableStorage)
    made = site.back_up("1")
    site.store.is_down = True
    before = site.all_keys()
    with pytest.raises(StorageUnavailableError):
        site.verify(made, DEEP)
    assert site.all_keys() == before
    assert site.repository.find("users").status is BackupStatus.COMPLETE


def test_a_bucket_that_may_only_be_read_can_be_verified(tmp_path: Path) -> None:
    """What was found right is so, though it can't be written down; what wasn't is told with that."""
    site = counting_site(tmp_path)
    made = site.back_up("1")
    site.store.refused = KEYS.root
    result = site.verify(made, DEEP)
    assert result.deep
    assert "may only be read" in result.unnoted
    site.store.delete([KEYS.object("1-Data.db.zst")])
    with pytest.raises(IntegrityError) as found:
        site.verify(made, DEEP)
    assert "1-Data.db.zst is missing" in problems(found)[0]
    assert any("retention will count it as good" in text for text in problems(found))


def test_what_is_removed_meanwhile_is_not_damaged(tmp_path: Path) -> None:
    """And a signal ends a verification without a verdict."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    cancel = CancelToken()
    cancel.set(143)
    with pytest.raises(RunCancelledError):
        site.repository.verify(made, depth=DEEP, on_progress=lambda _bytes: None, cancel=cancel)
    site.repository.remove(made)
    with pytest.raises(NotFoundError, match="removed"):
        site.repository.verify(made, depth=DEEP, on_progress=lambda _bytes: None, cancel=CancelToken())
    assert [key for key in site.all_keys() if "/backups/" in key] == []


def test_what_is_encrypted_is_verified_with_and_without_a_key(tmp_path: Path) -> None:
    """Without one, the stored bytes are compared; with one, the plain ones too; a wrong one says so."""
    pyrage = pytest.importorskip("pyrage")
    key, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    sealed = Encoding(compress=True, recipients=parse_recipients([str(key.to_public())]))
    site = site_in(tmp_path, encoding=sealed)
    made = site.back_up("1")
    assert site.verify(made, DEEP).read_bytes > 0
    (tmp_path / "key").write_text(str(key))
    (tmp_path / "other").write_text(str(other))
    with_key, with_other = (
        site.opened(site.store, identities=read_identities(tmp_path / name)) for name in ("key", "other")
    )
    assert with_key.verify(made, depth=DEEP, on_progress=lambda _bytes: None, cancel=CancelToken()).deep
    with pytest.raises(PermissionDeniedError, match="none of the given identities"):
        with_other.verify(made, depth=DEEP, on_progress=lambda _bytes: None, cancel=CancelToken())
    site.spoil("1-Data.db.zst.age")
    with pytest.raises(IntegrityError, match=r"1-Data\.db\.zst\.age"):
        site.verify(made, SHALLOW)


@settings(max_examples=15, deadline=None)
@given(generations=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True), percent=st.integers(5, 60))
def test_samples_have_read_everything_in_time(
    tmp_path_factory: pytest.TempPathFactory, generations: list[str], percent: int
) -> None:
    """So many samples as make a whole have read every byte of every backup, and none has read everything at once."""
    site = counting_site(tmp_path_factory.mktemp("site"))
    backups = [site.back_up(*generations[: number + 1]) for number in range(len(generations))]
    read: set[str] = set()
    site.store.objects_read()
    for _ in range(-(-100 // percent)):
        site.clock.step(hours=1)
        within = VerifyPass()
        for one in backups:
            site.verify(one, Depth(percent / 100), within=within)
        sample = site.store.objects_read()
        assert len(sample) == len(set(sample)), "what backups share is read once in a pass"
        read.update(sample)
    assert read == site.objects()
    assert all(one.verified.stored for one in site.repository.backups())


def test_a_note_about_another_backup_says_nothing(tmp_path: Path) -> None:
    """What was verified of a backup isn't claimed of one that has taken its tag."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    site.verify(made, DEEP)
    note = json.loads(site.repository.read_note(made, "verified.json") or b"")
    site.repository.write_note(made, "verified.json", json.dumps({**note, "manifest_sha256": "0" * 64}).encode())
    assert site.repository.find("users").verified.stored is None


@given(st.binary(max_size=80) | st.sampled_from([b"{}", b"[]", b'{"format_version": 1}', b'{"format_version": 9}']))
def test_a_note_may_hold_anything(content: bytes) -> None:
    """What can't be understood says nothing, and breaks nothing."""
    assert parse_verified(content) is None
