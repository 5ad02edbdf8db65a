"""What a bucket does with objects by itself, read from a store and judged."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from backup_core.cancel import CancelToken
from backup_core.repository.storage.bucket_hazards import BucketUse, hazards, unknowns
from backup_core.repository.storage.s3_bucket import BucketRules, Known, LifecycleRule, read_bucket_rules
from backup_core.repository.storage.s3_client import S3Client
from tests.s3_server import S3Server, boto3_client, create_bucket, endpoint


USE = BucketUse("production/", timedelta(hours=48), is_checked=True)
EXPIRES = {"Expiration": {"Days": 30}}
GOOD = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "ID": "uploads"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that plays S3 in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def rules_of(url: str, bucket: str, **changes: Any) -> BucketRules:
    """What a server tells of a bucket."""
    with closing(S3Client(endpoint(url, bucket, **changes), CancelToken())) as client:
        return read_bucket_rules(client)


def set_lifecycle(url: str, bucket: str, *rules: dict[str, Any]) -> None:
    """Give a bucket rules that are in force for all of its keys where they say nothing else."""
    every = [{"Status": "Enabled", "Filter": {"Prefix": ""}} | rule for rule in rules]
    boto3_client(url).put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": every})


def losses(url: str, bucket: str, use: BucketUse = USE) -> list[str]:
    """Everything in a bucket's rules that would lose backups."""
    return [hazard.text for hazard in hazards(rules_of(url, bucket), use) if hazard.loses_backups]


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (EXPIRES | {"ID": "old"}, "'old' removes objects by their age"),
        ({"Expiration": {"Date": "2030-01-01T00:00:00Z"}}, "removes objects"),
        (EXPIRES | {"Filter": {"Prefix": "production/"}}, "removes objects"),
        (EXPIRES | {"Filter": {"Prefix": "production/0a1b/users/"}}, "removes objects"),
        ({"Transitions": [{"Days": 30, "StorageClass": "DEEP_ARCHIVE"}]}, "to DEEP_ARCHIVE"),
    ],
)
def test_a_rule_that_eats_shared_objects_is_a_failure(url: str, rule: dict[str, Any], word: str) -> None:
    """What a rule calls old may belong to the newest backup."""
    bucket = create_bucket(url)
    set_lifecycle(url, bucket, rule)

    [found] = losses(url, bucket)

    assert word in found


@pytest.mark.parametrize(
    "rule",
    [
        EXPIRES | {"Filter": {"Prefix": "logs/"}},
        EXPIRES | {"Filter": {"Prefix": "production2/"}},
        EXPIRES | {"Status": "Disabled"},
        EXPIRES | {"Filter": {"Tag": {"Key": "kind", "Value": "scratch"}}},
        {"Transitions": [{"Days": 30, "StorageClass": "GLACIER_IR"}]},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
        GOOD,
    ],
)
def test_a_rule_that_is_for_others_or_harmless_is_none(url: str, rule: dict[str, Any]) -> None:
    """Other prefixes, tags that our objects haven't got, classes that can be read at once, older versions."""
    bucket = create_bucket(url)
    set_lifecycle(url, bucket, rule)

    assert losses(url, bucket) == []


def test_a_bucket_that_anybody_can_read_is_a_failure(url: str) -> None:
    """By its access list as well as by its policy."""
    bucket = create_bucket(url)
    boto3_client(url).put_bucket_acl(Bucket=bucket, ACL="public-read")

    assert losses(url, bucket) == ["Anybody can read the bucket"]


def test_a_lock_without_checksums_is_a_failure(url: str) -> None:
    """S3 refuses to lock what came without one."""
    bucket = f"{create_bucket(url)}-locked"
    boto3_client(url).create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)

    assert losses(url, bucket, BucketUse("", USE.grace, is_checked=False))
    assert losses(url, bucket) == []


def test_versions_that_stay_for_ever_are_worth_a_warning(url: str) -> None:
    """Retention would free nothing."""
    bucket = create_bucket(url)
    boto3_client(url).put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def told() -> bool:
        return any("keeps a version" in hazard.text for hazard in hazards(rules_of(url, bucket), USE))

    assert told()
    set_lifecycle(url, bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}})
    assert not told()


def test_a_well_kept_bucket_has_no_hazard(url: str) -> None:
    """Nothing to change, and nothing unknown."""
    bucket = create_bucket(url)
    set_lifecycle(url, bucket, GOOD)
    block = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"),
        True,
    )
    boto3_client(url).put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)

    rules = rules_of(url, bucket)

    assert (list(hazards(rules, USE)), list(unknowns(rules))) == ([], [])


def test_a_store_that_knows_no_rules_leaves_them_unknown(s3_server: S3Server) -> None:
    """Versitygw answers NotImplemented: nobody may take that for a bucket without rules."""
    rules = rules_of(s3_server.url, s3_server.create_bucket())

    assert rules.lifecycle.value is None
    assert any(line.startswith("lifecycle rules: the store doesn't tell") for line in unknowns(rules))


@given(
    prefix=st.sampled_from(["", "a/", "a/b/"]),
    rule=st.sampled_from(["", "a", "a/", "a/b/c", "b/", "a/c"]),
    key=st.text("abc/", min_size=1, max_size=6),
)
def test_no_rule_that_could_remove_one_of_our_objects_goes_untold(prefix: str, rule: str, key: str) -> None:
    """Whatever the prefixes are: if a key of ours falls under the rule, the rule is told."""
    found = hazards(
        BucketRules(
            Known((LifecycleRule("", rule, needs_tags=False, expires=True, moved_to=(), ends_uploads_after_days=7,
                                 expires_versions=False),)),
            Known(value=False), Known(value=False), Known(value=False), Known(value=True),
        ),
        BucketUse(prefix, USE.grace, is_checked=True),
    )  # fmt: skip

    if f"{prefix}{key}".startswith(rule):
        assert [hazard.loses_backups for hazard in found] == [True]
