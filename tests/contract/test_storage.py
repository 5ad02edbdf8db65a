"""What every storage promises, whatever it keeps its objects in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.errors import NotFoundError, ObjectExistsError, ObjectNotFoundError, SourceError, StorageError
from backup_core.events import SilentReporter
from backup_core.repository.storage.local import LocalStorage
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, Storage
from backup_core.repository.storage.retrying import Backoff, RetryingStorage
from backup_core.repository.storage.s3 import S3Storage
from backup_core.repository.storage.throttled import ThrottledStorage
from backup_core.throttle import Throttle
from tests.s3_server import S3Server, create_bucket, endpoint
from tests.storage_samples import MIB, BrokenContent, keys, noise, stored, streamed


PART_BYTES = 5 * MIB
"""The smallest that S3 takes."""

ORDERED = ("a-b/c", "a-b/d/e", "a/b", "a/c.d", "a/c/d", "ab", "b/~marker.json")
"""As the bytes of the whole keys have it, not name by name."""


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A server that plays S3 in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def moto_storage(moto_url: str) -> Iterator[Storage]:
    """A bucket of moto's."""
    with closing(bucket_storage(moto_url)) as storage:
        yield storage


@pytest.fixture(scope="session")
def versitygw_storage(s3_server: S3Server) -> Iterator[Storage]:
    """A bucket of a real server's."""
    with closing(bucket_storage(s3_server.url)) as storage:
        yield storage


@pytest.fixture(params=["memory", "retrying", "throttled", "local", "moto", "versitygw"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """An empty storage of each kind; buckets are emptied afterwards, as making a client takes its time."""
    if request.param in {"moto", "versitygw"}:
        storage: Storage = request.getfixturevalue(f"{request.param}_storage")
        yield storage
        storage.delete(keys(storage))
        return
    with closing(made(request.param, tmp_path)) as storage:
        yield storage


def made(kind: str, directory: Path) -> Storage:
    """A storage of a kind, empty."""
    cancel = CancelToken()
    if kind == "local":
        (directory / "objects").mkdir()
        return LocalStorage(directory / "objects")
    memory = MemoryStorage(SystemClock())
    if kind == "retrying":
        return RetryingStorage(memory, Backoff(), cancel, SilentReporter())
    if kind == "throttled":
        return ThrottledStorage(memory, Throttle(1 << 40, cancel))
    return memory


def bucket_storage(url: str) -> S3Storage:
    """A storage in a bucket that was made for it."""
    return S3Storage(endpoint(url, create_bucket(url)), CancelToken(), part_bytes=PART_BYTES)


@pytest.mark.parametrize("size_bytes", [0, 1, 3 * MIB])
def test_what_was_put_is_there(storage: Storage, size_bytes: int) -> None:
    """An object comes back as it was put, and what is told of it is what was told when it was put."""
    content = noise(size_bytes)
    begun_at = datetime.now(UTC)
    info = storage.put("users/0a/sstables/me-1-Data.db", streamed(content))
    assert (info.key, info.size_bytes) == ("users/0a/sstables/me-1-Data.db", size_bytes)
    assert abs(info.modified_at - begun_at) < timedelta(minutes=1)
    assert storage.stat(info.key) == info
    assert list(storage.list("users/")) == [info]
    assert stored(storage, info.key) == content


def test_large_content_of_unknown_size_is_put(storage: Storage) -> None:
    """What doesn't tell how large it becomes comes back whole, though it takes several parts."""
    content = noise(12 * MIB)
    info = storage.put("users/large", streamed(content, is_exact=False))
    assert info.size_bytes == len(content)
    assert stored(storage, "users/large") == content


def test_content_of_just_one_part_is_put(storage: Storage) -> None:
    """Content that fills a part to its last byte is neither cut nor followed by an empty part."""
    content = noise(PART_BYTES)
    assert storage.put("users/part", streamed(content)).size_bytes == PART_BYTES
    assert stored(storage, "users/part") == content


def test_a_put_replaces(storage: Storage) -> None:
    """A second put of a key leaves its own content, under another ETag."""
    first = storage.put("users/summary", Content.of(b"a long first content"))
    second = storage.put("users/summary", Content.of(b"second"))
    assert stored(storage, "users/summary") == b"second"
    assert storage.stat("users/summary") == second
    assert first.etag != second.etag


@pytest.mark.parametrize("size_bytes", [10, PART_BYTES + 1])
def test_if_absent_leaves_what_is_there(storage: Storage, size_bytes: int) -> None:
    """A put that must not replace puts what isn't there, and leaves what is."""
    storage.put("users/manifest", streamed(noise(size_bytes)), if_absent=True)
    with pytest.raises(ObjectExistsError):
        storage.put("users/manifest", streamed(noise(size_bytes, seed=1)), if_absent=True)
    assert stored(storage, "users/manifest") == noise(size_bytes)


def test_of_many_that_put_if_absent_one_does(storage: Storage) -> None:
    """Of several that put the same key at the same time only if it is absent, one does it, and its content is there."""

    def put(number: int) -> bytes | None:
        content = noise(1000, seed=number)
        try:
            storage.put("users/manifest", Content.of(content), if_absent=True)
        except ObjectExistsError:
            return None
        return content

    with ThreadPoolExecutor(6) as workers:
        winners = [content for content in workers.map(put, range(6)) if content]
    assert winners == [stored(storage, "users/manifest")]


@pytest.mark.parametrize("size_bytes", [1000, PART_BYTES + 1000])
def test_a_source_that_fails_leaves_nothing(storage: Storage, size_bytes: int) -> None:
    """Where the content's source fails, its error comes out, its blocks are closed, and what was there stays."""
    storage.put("users/kept", Content.of(b"former"))
    for key in ("users/kept", "users/new"):
        broken = BrokenContent(noise(size_bytes))
        with pytest.raises(SourceError, match="vanished"):
            storage.put(key, broken.content)
        assert broken.was_closed
    assert keys(storage) == ["users/kept"]
    assert stored(storage, "users/kept") == b"former"
    assert storage.clear_up(datetime.now(UTC) + timedelta(days=1)) == ()


def test_what_is_not_there(storage: Storage) -> None:
    """An object that isn't there can't be read, isn't told of, and may be removed."""
    storage.put("users/a", Content.of(b"a"))
    with pytest.raises(ObjectNotFoundError), storage.get("users/b"):
        pass
    assert storage.stat("users/b") is None
    assert storage.stat("users") is None
    storage.delete(["users/b", "nothing/at/all"])
    assert list(storage.list("others/")) == []
    assert list(storage.folders("others/")) == []
    assert keys(storage) == ["users/a"]


def test_reading_from_an_offset(storage: Storage) -> None:
    """What is left out of an object's beginning is left out, all of it too."""
    content = noise(3 * MIB)
    storage.put("users/a", streamed(content))
    assert stored(storage, "users/a", offset_bytes=2 * MIB + 17) == content[2 * MIB + 17 :]
    assert stored(storage, "users/a", offset_bytes=len(content)) == b""


def test_lists_are_in_order(storage: Storage) -> None:
    """Lists have all keys with a prefix, parts of names too, in the order of the keys, and folders likewise."""
    for key in reversed(ORDERED):
        storage.put(key, Content.of(key.encode()))
    assert keys(storage) == list(ORDERED)
    assert keys(storage, "a/") == ["a/b", "a/c.d", "a/c/d"]
    assert keys(storage, "a") == list(ORDERED[:-1])
    assert keys(storage, "a/c") == ["a/c.d", "a/c/d"]
    assert list(storage.folders("")) == ["a-b", "a", "b"]
    assert list(storage.folders("a/")) == ["c"]


def test_many_are_removed(storage: Storage) -> None:
    """What is removed is gone, with the folders that only it was in; the rest stays."""
    for key in ORDERED:
        storage.put(key, Content.of(b"x"))
    storage.delete(key for key in ORDERED if key not in {"a/b", "ab"})
    assert keys(storage) == ["a/b", "ab"]
    assert list(storage.folders("")) == ["a"]
    storage.put("a-b/c", Content.of(b"again"))
    assert stored(storage, "a-b/c") == b"again"


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/./b", "a/..", "a\nb", "~tmp-a/b", "a" * 300, "a\0"])
def test_what_can_be_no_key_is_refused(storage: Storage, key: str) -> None:
    """What leads elsewhere in a directory, or can't be kept somewhere, is no key anywhere."""
    with pytest.raises(StorageError, match="can't be the key"):
        storage.put(key, Content.of(b"x"))
    with pytest.raises(StorageError, match="can't be the key"):
        storage.stat(key)
    with pytest.raises(StorageError, match="can't be the key"), storage.get(key):
        pass
    with pytest.raises(StorageError, match="can't be the key"):
        storage.delete([key])
    assert keys(storage) == []


def test_many_at_a_time(storage: Storage) -> None:
    """Objects that are put, read and removed by several threads don't get in each other's way."""

    def live(number: int) -> bool:
        key, content = f"folder-{number % 3}/{number}", noise(50_000, seed=number)
        storage.put(key, streamed(content, block_bytes=9000))
        same = stored(storage, key) == content
        storage.delete([key])
        return same and storage.stat(key) is None

    with ThreadPoolExecutor(8) as workers:
        assert all(workers.map(live, range(24)))
    assert keys(storage) == []


def test_nothing_is_unfinished_that_was_put(storage: Storage) -> None:
    """What is asked for what puts have left half-done tells of no object."""
    storage.put("users/1-Data.db", streamed(noise(12 * MIB), is_exact=False))
    assert not any("users" in name for name in storage.unfinished())


def test_clearing_up_leaves_objects(storage: Storage) -> None:
    """Objects are nothing half-done, however old."""
    storage.put("users/a", Content.of(b"a"))
    assert storage.clear_up(datetime.now(UTC) + timedelta(days=1)) == ()
    assert stored(storage, "users/a") == b"a"


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    """A directory that isn't there isn't taken for an empty one."""
    assert_told(LocalStorage(tmp_path / "objects"))


@pytest.mark.parametrize("server", ["moto_url", "s3_server"])
def test_a_bucket_that_is_gone_is_told(server: str, request: pytest.FixtureRequest) -> None:
    """A bucket that isn't there isn't taken for an empty one, and isn't made."""
    found = request.getfixturevalue(server)
    with closing(S3Storage(endpoint(getattr(found, "url", found), "nowhere"), CancelToken())) as storage:
        assert_told(storage)
        with pytest.raises(NotFoundError, match="bucket"):
            storage.put("users/a", Content.of(b"a"))


def assert_told(storage: Storage) -> None:
    """Whatever a storage is asked, it says that it isn't there."""
    with pytest.raises(NotFoundError, match="objects|bucket"):
        storage.stat("users/a")
    with pytest.raises(NotFoundError, match="objects|bucket"):
        stored(storage, "users/a")
    with pytest.raises(NotFoundError, match="objects|bucket"):
        keys(storage)
    with pytest.raises(NotFoundError, match="objects|bucket"):
        storage.delete(["users/a"])
