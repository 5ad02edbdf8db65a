"""How content is cut into parts, in little memory; endpoints that can't be; a line that is slowed down."""

import io
import threading
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.errors import PermissionDeniedError, RunCancelledError, SettingsError, SourceError
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content
from backup_core.repository.storage.s3 import S3Storage
from backup_core.repository.storage.s3_client import S3Endpoint
from backup_core.repository.storage.s3_part_memory import PartBuffer, PartMemory
from backup_core.repository.storage.s3_parts import PART_BYTES, part_size_bytes, parts_of
from backup_core.repository.storage.throttled import ThrottledStorage
from backup_core.throttle import Throttle
from tests.storage_samples import MIB, BrokenContent, noise, stored, streamed


TIB = 1 << 40


class CountingMemory(PartMemory):
    """Knows how many buffers are taken.

    Attributes:
        taken: at this moment.
    """

    def __init__(self, part_bytes: int, parts: int) -> None:
        super().__init__(part_bytes, parts, CancelToken())
        self.taken = 0

    def take(self, size_bytes: int) -> PartBuffer:
        """Counted."""
        self.taken += 1
        return super().take(size_bytes)

    def give_back(self, buffer: PartBuffer) -> None:
        """Counted."""
        self.taken -= 1
        super().give_back(buffer)


@given(
    size_bytes=st.integers(0, 300),
    part_bytes=st.integers(1, 100),
    block_bytes=st.integers(1, 150),
    is_exact=st.booleans(),
)
def test_parts_are_the_content(size_bytes: int, part_bytes: int, block_bytes: int, is_exact: bool) -> None:
    """Parts put together are the content; all are as large as asked but the last, which alone says that it is."""
    content = noise(size_bytes)
    memory = CountingMemory(part_bytes, 3)
    bodies: list[bytes] = []
    lasts: list[bool] = []
    for part in parts_of(streamed(content, is_exact=is_exact, block_bytes=block_bytes), part_bytes, memory):
        with part:
            assert part.number == len(bodies) + 1
            assert part.size_bytes == len(part.body.content)
            bodies.append(part.body.read())
            lasts.append(part.is_last)
    assert b"".join(bodies) == content
    assert [len(body) for body in bodies[:-1]] == [part_bytes] * (len(bodies) - 1)
    assert lasts == [False] * (len(bodies) - 1) + [True]
    assert len(bodies[-1]) > 0 or size_bytes == 0
    assert memory.taken == 0


@given(st.integers(0, 50 * TIB), st.booleans())
def test_parts_are_large_enough(most_bytes: int, is_exact: bool) -> None:
    """Whatever its size, an object has less parts than stores take, and the same ones each time."""
    content = Content(lambda: iter(()), most_bytes, is_exact=is_exact)
    size_bytes = part_size_bytes(content, PART_BYTES)
    assert size_bytes >= PART_BYTES
    assert most_bytes * 1.1 <= size_bytes * 10_000
    assert part_size_bytes(content, PART_BYTES) == size_bytes


def test_a_source_that_fails_gives_its_memory_back() -> None:
    """What was taken for the part that was being filled is there for others again."""
    memory = CountingMemory(100, 10)
    parts = parts_of(BrokenContent(noise(250)).content, 100, memory)
    next(parts).close()
    next(parts).close()
    with pytest.raises(SourceError):
        next(parts)
    assert memory.taken == 0


def test_memory_is_waited_for() -> None:
    """Nobody fills a part beyond what all may take together, but a single one that is larger than that."""
    memory = CountingMemory(100, 2)
    first, second = memory.take(10), memory.take(100)
    waiting = threading.Thread(target=lambda: memory.give_back(memory.take(60)))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    memory.give_back(first)
    waiting.join(30)
    assert not waiting.is_alive()
    memory.give_back(second)
    assert len(memory.take(1000)) == 1000


def test_buffers_are_used_again() -> None:
    """However many parts there are one after the other, they are held in the same memory, until it is cleared."""
    memory = CountingMemory(100, 2)
    first = memory.take(100)
    memory.give_back(first)
    assert memory.take(50) is first
    memory.give_back(first)
    memory.clear()
    assert memory.take(100) is not first


def test_a_part_is_a_file(tmp_path: Path) -> None:
    """Who sends a part can read it from any place, again and again, but not when its memory is somebody else's."""
    content = noise(1000)
    (tmp_path / "part").write_bytes(content)
    (part,) = parts_of(streamed(content), 2000, CountingMemory(2000, 1))
    with (tmp_path / "part").open("rb") as file:
        for body in (part.body, file):
            assert body.seek(0, io.SEEK_END) == 1000
            assert body.seek(900) == body.tell() == 900
            assert (body.read(40), body.read(), body.read(10)) == (content[900:940], content[940:], b"")
            assert (body.seek(10), body.read()) == (10, content[10:])
    part.close()
    with pytest.raises(ValueError, match="released"):
        part.body.read(1)


def test_waiting_for_memory_is_cancelled() -> None:
    """A run that is cancelled doesn't wait for parts of others."""
    cancel = CancelToken()
    memory = PartMemory(100, 1, cancel)
    memory.take(100)
    cancel.set(130)
    with pytest.raises(RunCancelledError):
        memory.take(1)


@pytest.mark.parametrize(
    "fields",
    [
        {"bucket": ""},
        {"bucket": "a/b"},
        {"bucket": "fine", "prefix": "/a"},
        {"bucket": "fine", "prefix": "a//b"},
        {"bucket": "fine", "prefix": "x" * 201},
        {"bucket": "fine", "url": "http://me:s3cret@127.0.0.1:9000"},
    ],
)
def test_an_endpoint_that_can_not_be_is_refused(fields: dict[str, str]) -> None:
    """What can't be a bucket, a prefix or an endpoint is refused before anything is asked; no secret is told."""
    with pytest.raises(SettingsError) as caught:
        S3Endpoint(**fields)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"url": "nowhere"}, "nowhere"), ({"profile": "no-such-profile"}, "no-such-profile")],
)
def test_settings_that_boto3_refuses_are_told(fields: dict[str, str], says: str) -> None:
    """An endpoint that is no URL, and a profile that isn't there, are told as settings, exit code 78."""
    with pytest.raises(SettingsError, match=says):
        S3Storage(S3Endpoint("bucket", **fields), CancelToken())  # type: ignore[arg-type]


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither the settings nor boto3 know any, that is said with what to do, exit code 77."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    storage = S3Storage(S3Endpoint("bucket", url="http://127.0.0.1:1"), CancelToken())
    with pytest.raises(PermissionDeniedError, match="there are no credentials"):
        storage.stat("users/a")


def test_the_secret_is_not_shown() -> None:
    """An endpoint that gets into a message or a log shows no secret."""
    assert "s3cret" not in repr(S3Endpoint("bucket", access_key_id="me", secret_access_key="s3cret"))


def test_a_slowed_line_takes_its_time() -> None:
    """What goes in and what comes out take as long as they may, together."""
    storage = ThrottledStorage(MemoryStorage(SystemClock()), Throttle(4 * MIB, CancelToken()))
    begun = monotonic()
    storage.put("users/a", streamed(noise(MIB)))
    assert stored(storage, "users/a") == noise(MIB)
    assert monotonic() - begun >= 0.5


def test_a_slowed_line_closes_its_source() -> None:
    """A source that fails behind a slowed line is closed, and its error comes out."""
    broken = BrokenContent(b"x" * 100)
    with pytest.raises(SourceError):
        ThrottledStorage(MemoryStorage(SystemClock()), Throttle(0, CancelToken())).put("users/a", broken.content)
    assert broken.was_closed
