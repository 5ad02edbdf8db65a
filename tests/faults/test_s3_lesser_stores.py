"""Stores that speak like S3 and do less: each lack costs something, and never the backup."""

from collections.abc import Iterator

import pytest

from backup_core.errors import ObjectExistsError, PermissionDeniedError, StorageError, StorageUnavailableError
from backup_core.repository.storage.protocol import Content
from backup_core.repository.storage.s3_checksums import ChecksumMode
from tests.faults.s3_bucket import ProxiedBucket
from tests.s3_proxy import answers, error, proxied
from tests.s3_server import S3Server, create_bucket
from tests.storage_samples import MIB, keys, noise, streamed


LARGE, PARTS = 11 * MIB, 3

MANY = tuple(f"users/{number}" for number in range(5))


@pytest.fixture
def bucket(s3_server: S3Server) -> Iterator[ProxiedBucket]:
    """An empty bucket behind a proxy."""
    with proxied(s3_server.url) as proxy:
        yield ProxiedBucket(s3_server, create_bucket(s3_server.url), proxy)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "MissingContentMD5"), (501, "NotImplemented"), (405, "MethodNotAllowed")],
)
def test_objects_are_removed_one_by_one_where_batches_are_refused(
    bucket: ProxiedBucket, status: int, code: str
) -> None:
    """A store that refuses to remove many at a time is asked to once, and then for one after the other."""
    bucket.proxy.fail("DeleteObjects", answers(status, error(code)))
    storage = bucket.storage()
    assert storage.capabilities.batch_delete
    for _ in range(2):
        for key in MANY:
            storage.put(key, Content.of(b"x"))
        storage.delete(MANY)
        assert keys(storage) == []
    assert not storage.capabilities.batch_delete
    assert bucket.proxy.count("DeleteObjects") == 1


def test_a_store_that_refuses_to_remove_what_is_not_there(bucket: ProxiedBucket) -> None:
    """A store that answers 404 for an object that is gone already has nothing left to do."""
    bucket.proxy.fail("DeleteObject", answers(404, error("NoSuchKey")))
    bucket.storage().delete(["users/a"])


def test_trouble_with_a_batch_is_no_refusal(bucket: ProxiedBucket) -> None:
    """A store that is down while many are removed keeps its capability."""
    bucket.proxy.fail("DeleteObjects", answers(503, error("SlowDown")), times=1)
    storage = bucket.storage()
    with pytest.raises(StorageUnavailableError):
        storage.delete(MANY)
    storage.delete(MANY)
    assert storage.capabilities.batch_delete


def test_a_key_that_is_refused_in_a_batch_is_told(bucket: ProxiedBucket) -> None:
    """A batch that is answered 200 with an error for a key isn't a success, unless it says that the key isn't there."""
    body = b"<DeleteResult>%b</DeleteResult>"
    gone = b"<Error><Key>users/1</Key><Code>NoSuchKey</Code><Message>gone</Message></Error>"
    locked = b"<Error><Key>users/2</Key><Code>AccessDenied</Code><Message>object lock</Message></Error>"
    bucket.proxy.fail("DeleteObjects", answers(200, body % gone), times=1)
    bucket.proxy.fail("DeleteObjects", answers(200, body % (gone + locked)), times=1)
    storage = bucket.storage()
    storage.delete(MANY)
    with pytest.raises(PermissionDeniedError, match="Failed to remove users/2 at .*object lock"):
        storage.delete(MANY)


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [("ListMultipartUploads", 403, "AccessDenied"), ("ListParts", 501, "NotImplemented")],
)
def test_without_lists_of_parts_objects_are_sent_anew(
    bucket: ProxiedBucket, operation: str, status: int, code: str
) -> None:
    """A store that doesn't tell what it has of an upload gets all of it, and nothing fails for that."""
    bucket.proxy.fail("UploadPart", answers(500, error("InternalError")), skip=1)
    with pytest.raises(StorageUnavailableError):
        bucket.storage().put("users/a", streamed(noise(LARGE)))
    bucket.proxy.mend()
    bucket.proxy.fail(operation, answers(status, error(code)))
    storage = bucket.storage()
    assert storage.capabilities.resumes_parts
    storage.put("users/a", streamed(noise(LARGE)))
    storage.put("users/b", streamed(noise(LARGE)))
    assert not storage.capabilities.resumes_parts
    assert bucket.proxy.count("UploadPart") == 2 * PARTS
    assert bucket.proxy.count(operation) == 1
    assert bucket.content("users/a") == noise(LARGE)


@pytest.mark.parametrize(("operation", "size_bytes"), [("PutObject", 10), ("CompleteMultipartUpload", LARGE)])
def test_without_conditions_we_look_before(bucket: ProxiedBucket, operation: str, size_bytes: int) -> None:
    """A store that knows no conditions is looked at before: what is there stays."""
    bucket.proxy.fail(operation, answers(501, error("NotImplemented")), times=1)
    storage = bucket.storage()
    assert storage.capabilities.conditional_put
    storage.put("users/a", streamed(noise(size_bytes)), if_absent=True)
    assert not storage.capabilities.conditional_put
    with pytest.raises(ObjectExistsError):
        storage.put("users/a", streamed(noise(size_bytes, seed=1)), if_absent=True)
    assert bucket.content("users/a") == noise(size_bytes)


@pytest.mark.parametrize("code", ["NotImplemented", "InvalidRequest"])
def test_a_store_that_refuses_checksums_tells_which_setting_helps(bucket: ProxiedBucket, code: str) -> None:
    """Where checksums of the newer kind are refused, the error names the older ones."""
    bucket.proxy.fail("PutObject", answers(501 if code == "NotImplemented" else 400, error(code)))
    with pytest.raises(StorageError, match='"md5" or "none"'):
        bucket.storage().put("users/a", Content.of(b"x"))


@pytest.mark.parametrize("checksum", ChecksumMode)
def test_each_checksum_mode_is_understood(bucket: ProxiedBucket, checksum: ChecksumMode) -> None:
    """Objects of one part and of several are put in each mode, and told to be checked but for none."""
    storage = bucket.storage(checksum=checksum)
    storage.put("users/small", Content.of(b"x"))
    storage.put("users/large", streamed(noise(LARGE)))
    assert bucket.content("users/large") == noise(LARGE)
    assert storage.capabilities.checksums == (checksum is not ChecksumMode.NONE)


def test_foreign_objects_are_left_out_of_lists(bucket: ProxiedBucket) -> None:
    """What a console or somebody else has put below the prefix under names that are no keys disturbs nobody."""
    client = bucket.server.client()
    for key in ("production/0a1b/users/", "production/0a1b/notes\ttab", "production/0a1bc/other", "elsewhere"):
        client.put_object(Bucket=bucket.name, Key=key, Body=b"")
    storage = bucket.storage()
    storage.put("users/a", Content.of(b"x"))
    assert keys(storage) == ["users/a"]
    assert list(storage.folders("")) == ["users"]
