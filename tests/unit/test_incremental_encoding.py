import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from backup_core.compression import zstd_compressed
from backup_core.encryption import parse_recipients
from backup_core.errors import (
    IntegrityError,
    PermissionDeniedError,
)
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, ObjectInfo
from tests.incremental_site import KEY, KEYS, OTHER, PLAIN, SEALED, Site, two_sstables
from tests.repository_backups import USERS, FixedClock
from tests.storage_samples import MIB


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With two SSTables."""
    return two_sstables(tmp_path)


def test_other_recipients_get_everything_anew(site: Site) -> None:
    """What is encrypted to one can't stand for what is to be encrypted to another, or to nobody; all stay readable."""
    open_one, files = site.back_up(), site.node.files(USERS)
    sealed = site.back_up(SEALED)
    both = replace(SEALED, recipients=parse_recipients([str(KEY.to_public()), str(OTHER.to_public())]))
    sealed_to_both = site.back_up(both)
    site.sent()
    site.back_up(SEALED)
    assert site.sent() == []
    for listing in (open_one, sealed, sealed_to_both):
        assert site.restored(listing) == files
    assert site.repository().manifest(sealed).encrypted_to == SEALED.recipients.keys
    assert {stored.encryption for stored in site.repository().manifest(sealed).objects} == {"age"}


def test_what_is_encrypted_needs_an_identity(site: Site) -> None:
    """Nobody reads an encrypted object without a recipient's private key."""
    listing = site.back_up(SEALED)
    stranger = site.repository(identity=OTHER)
    manifest = stranger.manifest(listing)
    for stored in manifest.objects:
        with pytest.raises(PermissionDeniedError), stranger.read(listing, stored) as blocks:
            list(blocks)


@pytest.mark.parametrize("encoding", [PLAIN, SEALED], ids=["plain", "sealed"])
@pytest.mark.parametrize("damage", ["gone", "cut short", "longer", "changed"])
def test_what_is_not_what_was_stored_is_not_given(site: Site, encoding: Encoding, damage: str) -> None:
    """An object that is missing, or has another content than its manifest says, is told to be damaged."""
    listing = site.back_up(encoding)
    repository = site.repository(encoding)
    for stored in repository.manifest(listing).objects:
        key = KEYS.object(stored.name)
        with site.storage.get(key) as blocks:
            content = bytearray(b"".join(blocks))
        content[len(content) // 2] ^= 1
        unchanged = content[: len(content) // 2]
        others = {"cut short": unchanged, "longer": content + b"x", "changed": content}
        site.storage.delete([key])
        if damage != "gone":
            site.storage.put(key, Content.of(bytes(others[damage])))
        with pytest.raises(IntegrityError), repository.read(listing, stored) as blocks:
            list(blocks)


@pytest.mark.parametrize("encoding", [PLAIN, SEALED], ids=["plain", "sealed"])
def test_large_sstables_are_compressed_as_streams(site: Site, encoding: Encoding) -> None:
    """What is larger than what is looked at first comes back as well, whether it is compressed or not."""
    site.node.write(USERS, "3", b"".join(number.to_bytes(4) for number in range(MIB)))
    listing = site.back_up(encoding)
    by_role = [stored for stored in site.repository().manifest(listing).objects if stored.role == "data"]
    assert [stored.compression for stored in by_role] == ["zstd", "none", "zstd"]
    assert by_role[2].stored_size_bytes < by_role[2].plain_size_bytes == 4 * MIB
    assert site.restored(listing) == site.node.files(USERS)


def test_compression_can_be_left_out(site: Site) -> None:
    """Where the settings say so, nothing is compressed."""
    listing = site.back_up(replace(PLAIN, compress=False))
    assert {stored.compression for stored in site.repository().manifest(listing).objects} == {"none"}
    assert site.restored(listing) == site.node.files(USERS)


@pytest.mark.parametrize("size_bytes", [0, 100, 3 * MIB])
def test_what_is_put_is_the_same_each_time(site: Site, size_bytes: int) -> None:
    """A put that is begun again gets the same bytes, so that what was sent of it needn't be sent again."""
    site.node.write(USERS, "3", b"ab" * (size_bytes // 2))
    site.storage = storage = TwiceReadingStorage(FixedClock())
    listing = site.back_up()
    assert len(storage.compared) == 7
    assert site.restored(listing) == site.node.files(USERS)


class TwiceReadingStorage(MemoryStorage):
    """A storage that reads each object twice, the first time not to its end, and compares.

    Attributes:
        compared: keys of the objects.
    """

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock)
        self.compared: list[str] = []

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object."""
        with content.opened() as blocks:
            beginning = next(blocks, b"")
        with content.opened() as blocks:
            whole = b"".join(blocks)
        assert whole.startswith(beginning)
        info = super().put(key, content, if_absent=if_absent)
        with self.get(key) as blocks:
            assert b"".join(blocks) == whole
        assert info.size_bytes == content.most_bytes if content.is_exact else info.size_bytes <= content.most_bytes
        if key.startswith(KEYS.objects):
            self.compared.append(key)
        return info


def test_an_object_that_would_never_end_is_left_in_time(site: Site) -> None:
    """An object that unpacks to more than its manifest says is damaged, and isn't read any further."""
    listing = site.back_up()
    repository = site.repository()
    stored = next(each for each in repository.manifest(listing).objects if each.name == "1-Data.db.zst")
    bomb = b"".join(zstd_compressed(bytes(MIB) for _ in range(200)))
    site.storage.put(KEYS.object(stored.name), Content.of(bomb))
    claimed = replace(stored, stored_size_bytes=len(bomb), stored_sha256=hashlib.sha256(bomb).hexdigest())
    given: list[int] = []
    with pytest.raises(IntegrityError, match="another content"), repository.read(listing, claimed) as blocks:
        given.extend(map(len, blocks))
    assert sum(given) <= 2 * MIB
