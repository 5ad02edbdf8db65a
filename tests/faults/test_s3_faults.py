"""What can go wrong between us and a bucket: nothing is lost, a clear line, and the next put succeeds."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NotFoundError, ObjectExistsError, PermissionDeniedError, StorageError
from backup_core.errors import StorageUnavailableError as Unavailable
from backup_core.events import STORAGE_RETRIED
from backup_core.repository.storage.protocol import Content
from backup_core.repository.storage.s3 import S3Storage
from tests.faults.s3_bucket import ProxiedBucket
from tests.s3_proxy import (
    Fault,
    and_then,
    answers,
    breaks_off,
    cuts,
    damages,
    does_and_answers,
    drips,
    error,
    hangs,
    loses_the_answer,
    proxied,
)
from tests.s3_server import PREFIX, SECRET, S3Server, create_bucket, endpoint
from tests.storage_samples import MIB, noise, stored, streamed


SMALL, LARGE = 50_000, 11 * MIB
LARGE_PARTS = 3

PASSING: dict[str, Fault] = {
    "reset": breaks_off(20_000),
    "500": answers(500, error("InternalError")),
    "503": answers(503, error("SlowDown")),
    "request timeout": answers(400, error("RequestTimeout")),
    "proxy's own page": answers(502, b"<html>Bad Gateway</html>"),
    "hanging": hangs,
    "lost answer": loses_the_answer,
    "damaged": damages,
    "yes without doing": answers(200, b""),
}
"""What goes well when it is tried again."""


@pytest.fixture
def bucket(s3_server: S3Server) -> Iterator[ProxiedBucket]:
    """An empty bucket behind a proxy."""
    with proxied(s3_server.url) as proxy:
        yield ProxiedBucket(s3_server, create_bucket(s3_server.url), proxy)


@pytest.mark.parametrize("how", PASSING)
def test_a_small_object_is_put_again(bucket: ProxiedBucket, how: str) -> None:
    """A put that fails in a way that passes is made again, and told; then the object is there, once."""
    bucket.proxy.fail("PutObject", PASSING[how], times=2)
    storage = bucket.retrying(read_timeout_seconds=1.0 if how == "hanging" else 30.0)
    info = storage.put("users/a", streamed(noise(SMALL)), if_absent=True)
    assert info.size_bytes == SMALL
    assert bucket.content("users/a") == noise(SMALL)
    names = {name for name, _ in bucket.told.warnings}
    fields = bucket.told.warnings[0][1]
    assert names == {STORAGE_RETRIED}
    assert (fields["operation"], fields["attempt"]) == ("put users/a", 1)
    assert SECRET not in str(bucket.told.warnings)


@pytest.mark.parametrize("how", ["reset", "503", "hanging", "lost answer", "damaged"])
def test_a_part_is_put_again(bucket: ProxiedBucket, how: str) -> None:
    """Where a part fails in a way that passes, the object becomes whole, and only missing parts are sent again."""
    bucket.proxy.fail("UploadPart", PASSING[how], skip=1, times=2)
    storage = bucket.retrying(read_timeout_seconds=1.0 if how == "hanging" else 30.0)
    storage.put("users/a", streamed(noise(LARGE)))
    assert bucket.content("users/a") == noise(LARGE)
    assert bucket.unfinished() == 0
    assert LARGE_PARTS <= bucket.proxy.count("UploadPart") <= LARGE_PARTS + 2
    assert bucket.proxy.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize(
    ("operation", "how"),
    [
        ("ListMultipartUploads", "500"),
        ("CreateMultipartUpload", "lost answer"),
        ("CompleteMultipartUpload", "500"),
        ("CompleteMultipartUpload", "lost answer"),
    ],
)
def test_an_upload_is_begun_and_completed_again(bucket: ProxiedBucket, operation: str, how: str) -> None:
    """Where the frame of an upload fails in a way that passes, the object becomes whole."""
    bucket.proxy.fail(operation, PASSING[how], times=1)
    storage = bucket.retrying()
    storage.put("users/a", streamed(noise(LARGE)))
    assert bucket.content("users/a") == noise(LARGE)


def test_an_answer_that_got_lost_is_no_foreign_object(bucket: ProxiedBucket) -> None:
    """A manifest whose put succeeded though its answer was lost isn't taken for one that was there before."""
    bucket.proxy.fail("PutObject", loses_the_answer, times=1)
    storage = bucket.retrying()
    storage.put("users/manifest", Content.of(b"mine"), if_absent=True)
    assert bucket.proxy.count("PutObject") == 2
    with pytest.raises(ObjectExistsError):
        storage.put("users/manifest", Content.of(b"mine"), if_absent=True)


def test_boto3_own_second_attempt_is_no_foreign_object(bucket: ProxiedBucket) -> None:
    """The same where boto3 itself has asked again, and was told that there is one."""
    bucket.proxy.fail("PutObject", loses_the_answer, times=1)
    storage = bucket.retrying(attempts=3)
    storage.put("users/manifest", Content.of(b"mine"), if_absent=True)
    assert bucket.content("users/manifest") == b"mine"


def test_another_object_stays_though_an_attempt_failed(bucket: ProxiedBucket) -> None:
    """What somebody else has put meanwhile is no success of ours."""
    bucket.storage().put("users/manifest", Content.of(b"their"))
    bucket.proxy.fail("PutObject", PASSING["500"], times=1)
    with pytest.raises(ObjectExistsError):
        bucket.retrying().put("users/manifest", Content.of(b"mine!"), if_absent=True)
    assert bucket.content("users/manifest") == b"their"


def test_an_upload_that_is_gone_for_being_completed(bucket: ProxiedBucket) -> None:
    """Where the store says that the upload is gone, and the object is there, it isn't sent a second time."""
    bucket.proxy.fail("CompleteMultipartUpload", does_and_answers(404, error("NoSuchUpload")), times=1)
    storage = bucket.retrying()
    storage.put("users/a", streamed(noise(LARGE)))
    assert bucket.proxy.count("UploadPart") == LARGE_PARTS
    assert bucket.content("users/a") == noise(LARGE)


def test_an_object_that_is_truncated_is_put_again(bucket: ProxiedBucket) -> None:
    """A store that says yes and keeps only the beginning is found out, and given the object again."""
    path = bucket.server.file(bucket.name, f"{PREFIX}/users/a")
    truncates = and_then(lambda: path.write_bytes(path.read_bytes()[:100]))
    bucket.proxy.fail("PutObject", truncates, times=1)
    with pytest.raises(Unavailable, match="has said that .*users/a is stored, but it has 100 bytes instead of 50000"):
        bucket.storage().put("users/a", streamed(noise(SMALL)), if_absent=True)
    assert bucket.keys() == []
    bucket.proxy.fail("PutObject", truncates, times=1)
    bucket.retrying().put("users/a", streamed(noise(SMALL)), if_absent=True)
    assert bucket.content("users/a") == noise(SMALL)


def test_a_download_goes_on_where_it_broke_off(bucket: ProxiedBucket) -> None:
    """What comes back is whole, and its beginning isn't asked for twice; without retrying it is an error."""
    storage = bucket.retrying()
    storage.put("users/a", streamed(noise(LARGE)))
    bucket.proxy.fail("GetObject", cuts(7 * MIB), times=1)
    assert stored(storage, "users/a") == noise(LARGE)
    assert bucket.proxy.count("GetObject") == 2
    bucket.proxy.fail("GetObject", cuts(7 * MIB), times=1)
    with pytest.raises(Unavailable, match="Failed to get production/0a1b/users/a at s3://"):
        stored(bucket.storage(), "users/a")


def test_nobody_is_there() -> None:
    """A store that can't be reached is named, exit code 75, and without secrets."""
    storage = S3Storage(endpoint("http://127.0.0.1:1", "nowhere", attempts=1), CancelToken())
    with pytest.raises(Unavailable, match="http://127.0.0.1:1/") as caught:
        storage.put("users/a", Content.of(b"a"))
    assert caught.value.exit_code == 75
    assert "running" in caught.value.hint
    assert SECRET not in f"{caught.value} {caught.value.context}"


def test_the_bucket_goes_away_midway(bucket: ProxiedBucket) -> None:
    """An object whose bucket goes away while it is sent ends with that, and isn't tried again."""
    bucket.proxy.fail("UploadPart", answers(404, error("NoSuchBucket")), skip=1)
    with pytest.raises(NotFoundError, match="Make the bucket first"):
        bucket.retrying().put("users/a", streamed(noise(LARGE)))
    assert not bucket.told.warnings


def test_credentials_end_midway_and_new_ones_go_on(bucket: ProxiedBucket) -> None:
    """Credentials that expire in the middle end the put with what to do; the next process sends what is missing."""
    bucket.proxy.fail("UploadPart", answers(403, error("ExpiredToken")), skip=2)
    with closing(bucket.storage()) as refused, pytest.raises(PermissionDeniedError, match="get new ones"):
        refused.put("users/a", streamed(noise(LARGE)))
    assert bucket.keys() == []
    bucket.proxy.mend()
    bucket.storage().put("users/a", streamed(noise(LARGE)))
    assert bucket.proxy.count("UploadPart") == LARGE_PARTS - 2
    assert bucket.content("users/a") == noise(LARGE)


def test_a_refusal_says_what_to_do(bucket: ProxiedBucket) -> None:
    """Each way of refusing us is told with what to do about it, exit code 77, and isn't tried again."""
    storage = bucket.retrying()
    for code, says in (
        ("AccessDenied", "policy"),
        ("RequestTimeTooSkewed", "clock"),
        ("SignatureDoesNotMatch", "secret"),
        ("InvalidAccessKeyId", "access key id"),
    ):
        bucket.proxy.mend()
        bucket.proxy.fail("PutObject", answers(403, error(code)))
        with pytest.raises(PermissionDeniedError, match=says) as caught:
            storage.put("users/a", Content.of(b"a"))
        assert caught.value.exit_code == 77
        assert bucket.proxy.count("PutObject") == 1


@pytest.mark.parametrize(
    ("field", "says"),
    [("secret_access_key", "the secret isn't the one"), ("access_key_id", "doesn't know the access key id")],
)
def test_wrong_credentials_are_told(bucket: ProxiedBucket, field: str, says: str) -> None:
    """A real server that knows neither key nor secret is understood, for answers without a body too."""
    storage = bucket.storage(None, **{field: "wrong-s3cret"})
    with pytest.raises(PermissionDeniedError, match=f"(?i){says}") as caught:
        storage.put("users/a", Content.of(b"a"))
    assert "s3cret" not in f"{caught.value} {caught.value.context}"
    with pytest.raises(PermissionDeniedError, match=f"(?i){says}"):
        storage.stat("users/a")


def test_a_slow_line_is_not_a_dead_one(bucket: ProxiedBucket) -> None:
    """A part may take longer on its way than any timeout, as long as it moves."""
    bucket.proxy.fail("PutObject", drips(2 * MIB), times=1)
    storage = bucket.storage(connect_timeout_seconds=1.0)
    storage.put("users/a", streamed(noise(5 * MIB)))
    assert bucket.content("users/a") == noise(5 * MIB)


def test_uploads_are_cleared_up_by_age(bucket: ProxiedBucket) -> None:
    """What a dead put has left is removed when it is older than asked for, and told; what is younger stays."""
    bucket.proxy.fail("UploadPart", PASSING["500"], skip=1)
    with pytest.raises(Unavailable):
        bucket.storage().put("users/a", streamed(noise(LARGE)))
    storage = bucket.storage()
    assert storage.clear_up(datetime.now(UTC) - timedelta(hours=1)) == ()
    assert storage.unfinished() == ("users/a",)
    assert storage.clear_up(datetime.now(UTC) + timedelta(hours=1)) == ("users/a",)
    assert bucket.unfinished() == 0


def test_a_refusal_of_no_known_kind_is_told(bucket: ProxiedBucket) -> None:
    """What the store says that nobody has foreseen comes out as it says it, exit code 69."""
    bucket.proxy.fail("PutObject", answers(400, error("Whatever")))
    with pytest.raises(StorageError, match=r"Failed to put .*users/a at s3://.*says so \(Whatever\)") as caught:
        bucket.retrying().put("users/a", Content.of(b"a"))
    assert caught.value.exit_code == 69
