"""What is sent of a large object counts, whatever ended the put: the next one sends the rest."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import RunCancelledError, SourceError, StorageUnavailableError
from backup_core.repository.storage.protocol import Content
from backup_core.repository.storage.s3_checksums import ChecksumMode
from tests.faults.s3_bucket import PART_BYTES, ProxiedBucket
from tests.s3_proxy import answers, error, hangs, proxied
from tests.s3_server import S3Server, create_bucket
from tests.storage_samples import MIB, BrokenContent, noise, streamed


LARGE = 16 * MIB
PARTS = 4
DEADLINE_SECONDS = 40.0

PUT = """
import sys
from backup_core.cancel import CancelToken
from backup_core.repository.storage.s3 import S3Storage
from tests.s3_server import endpoint
from tests.storage_samples import noise, streamed

storage = S3Storage(endpoint(sys.argv[1], sys.argv[2]), CancelToken(), part_bytes=int(sys.argv[3]), parallel=2)
storage.put("users/a", streamed(noise(int(sys.argv[4]))))
"""


@pytest.fixture
def bucket(s3_server: S3Server) -> Iterator[ProxiedBucket]:
    """An empty bucket behind a proxy."""
    with proxied(s3_server.url) as proxy:
        yield ProxiedBucket(s3_server, create_bucket(s3_server.url), proxy)


@pytest.mark.parametrize("checksum", [ChecksumMode.SHA256, ChecksumMode.MD5])
def test_only_missing_parts_are_sent_after_a_failure(bucket: ProxiedBucket, checksum: ChecksumMode) -> None:
    """The next put, by SHA-256 and by MD5, knows the parts that are there for what they are, and sends the others."""
    bucket.proxy.fail("UploadPart", answers(500, error("InternalError")), skip=2)
    with pytest.raises(StorageUnavailableError):
        bucket.storage(checksum=checksum).put("users/a", streamed(noise(LARGE)))
    bucket.proxy.mend()
    storage = bucket.storage(checksum=checksum)
    storage.put("users/a", streamed(noise(LARGE)))
    assert bucket.proxy.count("UploadPart") == PARTS - 2
    assert bucket.content("users/a") == noise(LARGE)
    assert bucket.unfinished() == 0


def test_only_missing_parts_are_sent_after_kill_9(bucket: ProxiedBucket) -> None:
    """What a process has sent that was killed in the middle of an object isn't sent again by the next one."""
    bucket.proxy.fail("UploadPart", hangs, skip=2)
    killed = subprocess.Popen([sys.executable, "-c", PUT, bucket.proxy.url, bucket.name, str(PART_BYTES), str(LARGE)])
    deadline = time.monotonic() + DEADLINE_SECONDS
    # Two are sent at a time: when two hang, the two before them have arrived.
    while bucket.proxy.count("UploadPart") < 2 + 2:
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert bucket.keys() == []
    bucket.proxy.mend()
    storage = bucket.storage()
    storage.put("users/a", streamed(noise(LARGE)))
    assert bucket.proxy.count("UploadPart") == PARTS - 2
    assert bucket.content("users/a") == noise(LARGE)


def test_a_put_that_hangs_is_cancelled(bucket: ProxiedBucket) -> None:
    """A run that is cancelled doesn't wait for a store that hangs; what was sent is there for the next."""
    cancel = CancelToken()

    def hang_and_cancel(request: object) -> None:
        cancel.set(143)
        hangs(request)  # type: ignore[arg-type]

    bucket.proxy.fail("UploadPart", hang_and_cancel, skip=2)
    with pytest.raises(RunCancelledError):
        bucket.storage(cancel).put("users/a", streamed(noise(LARGE)))
    bucket.proxy.mend()
    bucket.storage().put("users/a", streamed(noise(LARGE)))
    assert bucket.proxy.count("UploadPart") <= PARTS - 1


def test_what_a_source_has_left_is_dropped(bucket: ProxiedBucket) -> None:
    """Where the source fails, its parts are of no use and are removed."""
    with pytest.raises(SourceError):
        bucket.storage().put("users/a", BrokenContent(noise(LARGE)).content)
    assert bucket.proxy.count("UploadPart") > 0
    assert bucket.unfinished() == 0


@pytest.mark.parametrize("other", ["content", "size", "mode"])
def test_parts_of_something_else_are_not_used(bucket: ProxiedBucket, other: str) -> None:
    """Parts of another content under the same key, or in another mode, are dropped, and the object is right."""
    mode = ChecksumMode.NONE if other == "mode" else ChecksumMode.SHA256
    former = {"content": noise(LARGE, seed=1), "size": noise(LARGE)[: 11 * MIB], "mode": noise(LARGE)}[other]
    bucket.proxy.fail("CompleteMultipartUpload", answers(500, error("InternalError")))
    with pytest.raises(StorageUnavailableError):
        bucket.storage(checksum=mode).put("users/a", streamed(former))
    bucket.proxy.mend()
    storage = bucket.storage()
    storage.put("users/a", streamed(noise(LARGE)))
    assert bucket.content("users/a") == noise(LARGE)
    assert bucket.unfinished() == 0
    # Of the shorter one two whole parts are the same, and only these.
    assert bucket.proxy.count("UploadPart") == (PARTS - 2 if other == "size" else PARTS)


def test_uploads_of_other_keys_are_left_alone(bucket: ProxiedBucket) -> None:
    """An object that is put has nothing to do with what is unfinished of others; all is listed once."""
    bucket.proxy.fail("UploadPart", answers(500, error("InternalError")), skip=1)
    for key in ("users/a", "users/ab"):
        with pytest.raises(StorageUnavailableError):
            bucket.storage().put(key, streamed(noise(LARGE)))
    bucket.proxy.mend()
    storage = bucket.storage()
    storage.put("users/a", streamed(noise(LARGE)))
    storage.put("users/b", streamed(noise(LARGE, seed=2)))
    assert bucket.unfinished() == 1
    assert bucket.proxy.count("ListMultipartUploads") == 1


def test_small_objects_ask_for_no_uploads(bucket: ProxiedBucket) -> None:
    """Where nothing goes in parts, nobody asks for unfinished uploads: one put and one look for each object."""
    storage = bucket.storage()
    for number in range(5):
        storage.put(f"users/{number}", Content.of(b"x"))
    assert bucket.proxy.operations == ["PutObject", "HeadObject"] * 5
