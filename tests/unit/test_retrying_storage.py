"""How a storage that is unavailable now and then is asked again."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.errors import ObjectNotFoundError, RunCancelledError, SourceError, StorageUnavailableError
from backup_core.events import STORAGE_RETRIED
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, ObjectInfo
from backup_core.repository.storage.retrying import Backoff, RetryingStorage
from tests.repository_backups import RecordingReporter
from tests.storage_samples import BrokenContent, keys, noise, stored, streamed


T = TypeVar("T")

ATTEMPTS = 3


class FlakyStorage(MemoryStorage):
    """Memory that is out of reach at times.

    Attributes:
        failures: how often it will be from now on.
        given: how much of a list, or how many blocks of an object, come before that.
    """

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.failures = 0
        self.given = 0
        self.asked: list[str] = []

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or a failure."""
        self._fail(f"stat {key}")
        return super().stat(key)

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object, or fail."""
        self._fail(f"put {key}")
        return super().put(key, content, if_absent=if_absent)

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """An object, or its beginning."""
        self.asked.append(f"get {key} from {offset_bytes}")
        with super().get(key, offset_bytes=offset_bytes) as blocks:
            yield self._cut(blocks)

    def folders(self, prefix: str) -> Iterator[str]:
        """Folders, or some of them."""
        return self._cut(super().folders(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, or fail."""
        chosen = tuple(keys)
        self._fail(f"delete {len(chosen)}")
        super().delete(chosen)

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Fail, perhaps."""
        self._fail("clear up")
        return super().clear_up(before)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects, or some of them."""
        return self._cut(super().list(prefix))

    def _cut(self, whole: Iterator[T]) -> Iterator[T]:
        """As much as comes before the next failure."""
        if not self.failures:
            yield from whole
            return
        yield from islice(whole, self.given)
        self._fail("more")

    def _fail(self, what: str) -> None:
        self.asked.append(what)
        if self.failures:
            self.failures -= 1
            raise StorageUnavailableError("out of reach")


@dataclass
class Site:
    """A storage that fails at times, asked through one that asks again."""

    flaky: FlakyStorage = field(default_factory=FlakyStorage)
    cancel: CancelToken = field(default_factory=CancelToken)
    reporter: RecordingReporter = field(default_factory=RecordingReporter)

    @property
    def storage(self) -> RetryingStorage:
        """It asks three times, one right after the other."""
        backoff = Backoff(attempts=ATTEMPTS, first_seconds=0.001, most_seconds=0.002)
        return RetryingStorage(self.flaky, backoff, self.cancel, self.reporter)


@pytest.fixture
def site() -> Site:
    """A storage with some objects that will fail twice: once less than is asked."""
    site = Site()
    for number in range(5):
        site.flaky.put(f"{number}/a", streamed(noise(3_000_000, seed=number)))
    site.flaky.asked.clear()
    site.flaky.failures = ATTEMPTS - 1
    return site


def test_each_question_is_asked_again(site: Site) -> None:
    """Whatever is asked is answered as long as one attempt of all succeeds, and each failed one is told."""
    storage = site.storage
    assert storage.put("new", Content.of(b"x")).size_bytes == 1
    site.flaky.failures = 2
    assert storage.stat("new") is not None
    site.flaky.failures = 2
    storage.delete(key for key in ["new"])
    site.flaky.failures = 2
    assert storage.clear_up(datetime.now(UTC)) == ()
    assert site.flaky.asked == ["put new"] * 3 + ["stat new"] * 3 + ["delete 1"] * 3 + ["clear up"] * 3
    assert [name for name, _ in site.reporter.events] == [STORAGE_RETRIED] * 8
    fields = site.reporter.events[1][1]
    assert (fields["operation"], fields["attempt"], fields["error"]) == ("put new", 2, "out of reach")


@pytest.mark.parametrize("given", [0, 1, 3, 5])
def test_lists_go_on_where_they_broke_off(site: Site, given: int) -> None:
    """A list that breaks off, anywhere and again and again, comes whole, in order and without repetition."""
    site.flaky.given = given
    assert keys(site.storage) == [f"{number}/a" for number in range(5)]
    site.flaky.failures = ATTEMPTS - 1
    assert list(site.storage.folders("")) == [str(number) for number in range(5)]


def test_content_goes_on_where_it_broke_off(site: Site) -> None:
    """An object whose content breaks off comes whole; what has come isn't asked for again."""
    site.flaky.given = 1
    assert stored(site.storage, "1/a", offset_bytes=10) == noise(3_000_000, seed=1)[10:]
    mib = 1 << 20
    assert [line for line in site.flaky.asked if line.startswith("get")] == [
        "get 1/a from 10",
        f"get 1/a from {10 + mib}",
        f"get 1/a from {10 + 2 * mib}",
    ]


def test_progress_earns_new_attempts(site: Site) -> None:
    """Failures count only as long as nothing comes in between: a long download may break off many times."""
    site.flaky.given, site.flaky.failures = 1, 2
    storage = site.storage
    with storage.get("1/a") as blocks:
        content = b""
        for block in blocks:
            content += block
            site.flaky.failures = 1
            if len(content) > 2_900_000:
                site.flaky.failures = 0
    assert content == noise(3_000_000, seed=1)


def test_the_last_failure_comes_out(site: Site) -> None:
    """When all attempts have failed, the error is the store's own, and it isn't told as one that is tried again."""
    site.flaky.failures = 99
    with pytest.raises(StorageUnavailableError, match="out of reach"):
        site.storage.put("new", Content.of(b"x"))
    assert site.flaky.asked == ["put new"] * ATTEMPTS
    assert len(site.reporter.events) == ATTEMPTS - 1


def test_what_does_not_pass_is_not_tried_again(site: Site) -> None:
    """An object that isn't there, and a source that fails, are no reasons to ask again."""
    site.flaky.failures = 0
    with pytest.raises(ObjectNotFoundError):
        stored(site.storage, "nothing")
    with pytest.raises(SourceError):
        site.storage.put("new", BrokenContent(b"x" * 100).content)
    assert site.reporter.events == []


def test_waiting_is_cancelled(site: Site) -> None:
    """A run that is cancelled doesn't wait for the next attempt."""
    site.cancel.set(143)
    with pytest.raises(RunCancelledError):
        site.storage.stat("1/a")
    assert site.flaky.asked == ["stat 1/a"]


@given(st.integers(1, 40))
def test_delays_grow_and_have_an_end(failures: int) -> None:
    """Each delay is at least half of the longest that it may be, and that doubles up to its end."""
    backoff = Backoff(first_seconds=2.0, most_seconds=60.0)
    longest = min(60.0, 2.0**failures)
    assert longest / 2 <= backoff.delay_seconds(failures) <= longest
