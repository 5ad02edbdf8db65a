"""What a bucket does with objects by itself: lifecycle rules, versions, locks, and who else may read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from backup_core.errors import BackupError, ObjectNotFoundError, PermissionDeniedError, StorageError
from backup_core.repository.storage.s3_client import S3Client
from backup_core.repository.storage.s3_errors import code_of


T_co = TypeVar("T_co", covariant=True)

_NOT_SET = frozenset(
    (
        "NoSuchLifecycleConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchBucketPolicy",
    )
)
_EVERYBODY = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """What a store told.

    Attributes:
        value: None if it didn't tell.
        why_unknown: empty if it told.
    """

    value: T_co | None
    why_unknown: str = ""


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One rule that is in force.

    Attributes:
        name: its ID; empty for none.
        prefix: of the keys that it is for.
        needs_tags: whether it is only for objects with tags, which ours haven't got.
        expires: whether it removes current objects.
        moved_to: storage classes that it moves them to.
        ends_uploads_after_days: that were never completed; None if it leaves them.
        expires_versions: whether it removes versions that aren't current any more.
    """

    name: str
    prefix: str
    needs_tags: bool
    expires: bool
    moved_to: tuple[str, ...]
    ends_uploads_after_days: int | None
    expires_versions: bool


@dataclass(frozen=True, slots=True)
class BucketRules:
    """What a bucket does by itself, as far as the store tells.

    Attributes:
        lifecycle: the rules in force.
        keeps_versions: whether what is deleted or overwritten stays as an older version.
        locks: whether versions can be locked.
        is_public: whether anybody may read it, by its policy or its access list.
        blocks_public: whether nothing could make it public.
    """

    lifecycle: Known[tuple[LifecycleRule, ...]]
    keeps_versions: Known[bool]
    locks: Known[bool]
    is_public: Known[bool]
    blocks_public: Known[bool]


def read_bucket_rules(client: S3Client) -> BucketRules:
    """Ask a store about its bucket. What it doesn't tell, or not to these credentials, is unknown.

    Raises:
        BackupError: the bucket can't be reached at all.
    """
    return BucketRules(
        lifecycle=_known(client, "get_bucket_lifecycle_configuration", _rules, not_set=()),
        keeps_versions=_known(
            client, "get_bucket_versioning", lambda answer: answer.get("Status") == "Enabled", not_set=False
        ),
        locks=_known(client, "get_object_lock_configuration", _locks, not_set=False),
        is_public=_is_public(client),
        blocks_public=_known(client, "get_public_access_block", _blocks, not_set=False),
    )


def _known(client: S3Client, operation: str, read: Callable[[Mapping[str, Any]], Any], *, not_set: Any) -> Known[Any]:
    what = operation.removeprefix("get_").replace("_", " ")
    try:
        return Known(read(client.call(operation, f"read the {what}")))
    except (StorageError, PermissionDeniedError, ObjectNotFoundError) as error:
        if code_of(error) in _NOT_SET:
            return Known(not_set)
        if error.retryable:
            raise
        return Known(None, _reason(error))


def _reason(error: BackupError) -> str:
    if isinstance(error, PermissionDeniedError):
        return "these credentials may not ask"
    return f"the store doesn't tell ({code_of(error) or 'no reason given'})"


def _rules(answer: Mapping[str, Any]) -> tuple[LifecycleRule, ...]:
    return tuple(_rule(rule) for rule in answer.get("Rules", ()) if rule.get("Status") == "Enabled")


def _rule(rule: Mapping[str, Any]) -> LifecycleRule:
    only_for = rule.get("Filter", {})
    both = only_for.get("And", {})
    expiration = rule.get("Expiration", {})
    return LifecycleRule(
        name=rule.get("ID", ""),
        prefix=rule.get("Prefix") or only_for.get("Prefix") or both.get("Prefix") or "",
        needs_tags=bool(only_for.get("Tag") or both.get("Tags")),
        expires="Days" in expiration or "Date" in expiration,
        moved_to=tuple(each.get("StorageClass", "") for each in rule.get("Transitions", ())),
        ends_uploads_after_days=rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        expires_versions="NoncurrentVersionExpiration" in rule,
    )


def _locks(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")


def _blocks(answer: Mapping[str, Any]) -> bool:
    block = answer.get("PublicAccessBlockConfiguration", {})
    return bool(block) and all(block.values())


def _is_public(client: S3Client) -> Known[bool]:
    by_policy = _known(client, "get_bucket_policy_status", _is_public_by_policy, not_set=False)
    by_list = _known(client, "get_bucket_acl", _is_public_by_list, not_set=False)
    if by_list.value or by_policy.value is False:
        return by_list
    return by_policy


def _is_public_by_policy(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("PolicyStatus", {}).get("IsPublic"))


def _is_public_by_list(answer: Mapping[str, Any]) -> bool:
    grantees = (grant.get("Grantee", {}).get("URI") or "" for grant in answer.get("Grants", ()))
    return any(uri.endswith(_EVERYBODY) for uri in grantees)
