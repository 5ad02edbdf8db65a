"""What a store and boto3 say, as errors of ours: codes and messages, no headers, nothing of credentials."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    InvalidEndpointConfigurationError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from backup_core.errors import (
    BackupError,
    NotFoundError,
    ObjectExistsError,
    ObjectNotFoundError,
    PermissionDeniedError,
    SettingsError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
    excerpt,
)


_DENIED: Mapping[str, str] = {
    "AccessDenied": "Its policy doesn't allow these credentials to do that: compare it with the permissions needed.",
    "SignatureDoesNotMatch": "The secret isn't the one of the access key id, or something on the way changes requests.",
    "InvalidAccessKeyId": "The store doesn't know the access key id: is it this store's, and still in use?",
    "ExpiredToken": "The credentials have expired: get new ones. What was sent so far need not be sent again.",
    "RequestTimeTooSkewed": "This machine's clock and the store's differ too much: set it, by NTP for example.",
}
_DENIED_TOO: Mapping[str, str] = {
    "403": "AccessDenied",
    "401": "AccessDenied",
    "Forbidden": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "MissingSecurityHeader": "AccessDenied",
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "ExpiredTokenException": "ExpiredToken",
    "InvalidToken": "ExpiredToken",
    "TokenRefreshRequired": "ExpiredToken",
    "RequestExpired": "RequestTimeTooSkewed",
}
_AGAIN = frozenset(
    (
        "InternalError",
        "ServiceUnavailable",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "OperationAborted",
        "ConditionalRequestConflict",
        "BadDigest",
        "IncompleteBody",
        "XAmzContentSHA256Mismatch",
        "XAmzContentChecksumMismatch",
        "NoSuchUpload",
        "InvalidPart",
    )
)
"""Not by their status: what may go well when it is tried again."""
_FULL = frozenset(("QuotaExceeded", "InsufficientStorage", "StorageFull", "XMinioStorageFull", "NoSpaceLeft", "507"))
_UNKNOWN_CHECKSUM = frozenset(("NotImplemented", "InvalidRequest", "InvalidArgument", "InvalidDigest"))
_OTHER_REGION = frozenset(("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"))


@contextmanager
def s3_errors(address: str, what: str) -> Iterator[None]:
    """Translate what boto3 raises in the block into the tree's error.

    Args:
        address: of the store, for messages.
        what: is done, so that it can follow "Failed to".

    Raises:
        BackupError: which one, the protocol of storages says; its context has the store's `code`.
    """
    try:
        yield
    except ClientError as error:
        answer, about = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        raise _error(answer, about, f"Failed to {what} at {address}") from error
    except (BotoCoreError, ValueError) as error:
        raise _failure(error, f"Failed to {what} at {address}") from error


def code_of(error: BackupError) -> str:
    """What the store called it; empty if the store has said nothing."""
    return str(error.context.get("code", ""))


def is_refused(error: BackupError) -> bool:
    """Whether the store doesn't do that, or not for these credentials; anything else may pass, or ends all work."""
    return type(error) in {StorageError, ObjectNotFoundError} or code_of(error) in {"AccessDenied", "403"}


def key_error(refused: Mapping[str, Any], address: str, what: str) -> BackupError:
    """What the store says of one key in an answer that is about many."""
    return _error(refused, {}, f"Failed to {what} at {address}")


def _error(answer: Mapping[str, Any], about: Mapping[str, Any], failed: str) -> BackupError:
    code = str(answer.get("Code", ""))
    message = f"{failed}: {excerpt(str(answer.get('Message', '')) or 'no reason is given')} ({code})"
    if code in {"PreconditionFailed", "412"}:
        return _exists(message, code, about)
    if code in {"NoSuchBucket", "NoSuchKey", "404"}:
        return _missing(message, code)
    if hint := _DENIED.get(_DENIED_TOO.get(code, code)):
        return PermissionDeniedError(message, hint=hint, code=code)
    if code in _FULL:
        return StorageFullError(message, hint="Remove backups there, or get more room.", code=code)
    if code in _AGAIN or _is_trouble(about.get("HTTPStatusCode", 0)):
        return StorageUnavailableError(message, hint="Try again later.", code=code)
    return StorageError(message, hint=_hint(code), code=code)


def _exists(message: str, code: str, about: Mapping[str, Any]) -> BackupError:
    if about.get("RetryAttempts"):
        # The first answer was lost: what exists by now may be what that request has put.
        return StorageUnavailableError(message, hint="Try again.", code=code)
    return ObjectExistsError(message, code=code)


def _missing(message: str, code: str) -> BackupError:
    if code == "NoSuchBucket":
        return NotFoundError(message, hint="Make the bucket first, or look at its name and at the endpoint.", code=code)
    return ObjectNotFoundError(message, code=code)


def _is_trouble(status: int) -> bool:
    return status in {408, 429} or (status >= 500 and status != 501)  # noqa: PLR2004  (HTTP's own classes)


def _hint(code: str) -> str:
    if code in _UNKNOWN_CHECKSUM:
        return 'If the store doesn\'t know checksums of this kind, set the repository\'s checksum to "md5" or "none".'
    if code in _OTHER_REGION:
        return "The bucket is in another region: set the repository's region to it."
    return ""


def _failure(error: Exception, failed: str) -> BackupError:
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return PermissionDeniedError(
            f"{failed}: there are no credentials for it",
            hint="Set access_key_id and its secret, or give them in one of the ways that boto3 knows: AWS_* or a role.",
        )
    if isinstance(error, (CredentialRetrievalError, TokenRetrievalError, SSOError)):
        # Their texts may hold what a credential process has printed.
        return PermissionDeniedError(
            f"{failed}: credentials can't be fetched ({type(error).__name__})",
            hint="Try `aws sts get-caller-identity` as this user, with the same profile.",
        )
    if isinstance(error, SSLError):
        return StorageUnavailableError(
            f"{failed}: {excerpt(str(error))}", hint="A certificate of your own goes into the repository's ca_file."
        )
    if isinstance(error, (NoConnectionError, HTTPClientError, IncompleteReadError)):
        return StorageUnavailableError(
            f"{failed}: {excerpt(str(error))}", hint="Is the store running, and is the endpoint right?"
        )
    if isinstance(error, _SETTINGS):
        return SettingsError(f"{failed}: {excerpt(str(error))}", hint="Look at the repository's settings.")
    return StorageError(f"{failed}: {excerpt(str(error))}")


_SETTINGS = (
    ValueError,
    ProfileNotFound,
    ConfigNotFound,
    ConfigParseError,
    InvalidRegionError,
    InvalidEndpointConfigurationError,
    ParamValidationError,
)
