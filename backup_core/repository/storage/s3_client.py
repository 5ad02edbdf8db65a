"""One bucket through boto3, with a session of its own: nothing is shared with the client of Alternator."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from backup_core.cancel import CancelToken
from backup_core.errors import ObjectNotFoundError, PermissionDeniedError, SettingsError, StorageError
from backup_core.repository.storage.keys import is_key
from backup_core.repository.storage.s3_checksums import ChecksumMode
from backup_core.repository.storage.s3_errors import s3_errors


BLOCK_BYTES = 1 << 20
MOST_PREFIX_BYTES = 200

_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class S3Endpoint:
    """Where a bucket is, who asks, and how it is spoken to.

    Attributes:
        prefix: what all keys start with, without `/` at its ends; empty for none.
        region: of the bucket; None for what boto3 finds.
        url: of a store that isn't AWS; None for AWS. What boto3 finds in the environment doesn't count.
        addressing_style: "virtual" (the bucket is part of the host name), "path", or "auto".
        checksum: what the store checks content against.
        ca_file: certificates to trust over https, instead of the system's.
        profile: of boto3's own files; None for its default.
        access_key_id: None to find credentials where boto3 does: environment, files, roles.
        connect_timeout_seconds: also for each piece of content to go out.
        read_timeout_seconds: for the beginning of an answer, and each piece of it.
        attempts: of each request, one right after the other.
        connections: that are kept open.
        user_agent: how the store's log calls us.

    Raises:
        SettingsError: one of these can't be.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    url: str | None = None
    addressing_style: str = "auto"
    checksum: ChecksumMode = ChecksumMode.SHA256
    ca_file: str | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0
    attempts: int = 3
    connections: int = 16
    user_agent: str = "alternator-backup"

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket):
            raise SettingsError(f"{self.bucket!r} can't be the name of a bucket")
        if self.prefix and (not is_key(self.prefix) or len(self.prefix.encode()) > MOST_PREFIX_BYTES):
            raise SettingsError(f"{self.prefix!r} can't be the prefix of a repository")
        # Whatever else is wrong with a URL, boto3 says; a password in it would come up in messages.
        if self.url and "@" in self.url.partition("//")[2].partition("/")[0]:
            raise SettingsError("The endpoint of a bucket can't hold credentials", hint="Set access_key_id instead.")

    @property
    def address(self) -> str:
        """For people."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class S3Client:
    """Requests about one bucket, each of which ends when it is cancelled, with errors of ours.

    Keys are the store's, prefix and all.

    Attributes:
        address: of the bucket, for people.
    """

    def __init__(self, endpoint: S3Endpoint, cancel: CancelToken) -> None:
        self.address = f"s3://{endpoint.bucket}"
        self._bucket = endpoint.bucket
        self._cancel = cancel
        with s3_errors(self.address, "set up the client"):
            self._client = _client(endpoint)

    def call(self, operation: str, what: str, **parameters: Any) -> Mapping[str, Any]:
        """The answer to a request.

        Args:
            operation: boto3's name for it.
            what: is done, so that it can follow "Failed to".
            parameters: but for the bucket.

        Raises:
            BackupError: as the protocol of storages says.
        """
        request = partial(getattr(self._client, operation), Bucket=self._bucket, **parameters)
        with s3_errors(self.address, what):
            answer: Mapping[str, Any] = self._cancel.call(request)
        return answer

    def head(self, key: str, **parameters: Any) -> Mapping[str, Any] | None:
        """What the store tells of an object; None if there is none.

        Raises:
            NotFoundError: there is no such bucket.
            BackupError: as the protocol of storages says.
        """
        what = f"look at {key}"
        try:
            return self.call("head_object", what, Key=key, **parameters)
        except (StorageError, PermissionDeniedError, ObjectNotFoundError) as error:
            if error.retryable:
                raise
            # An answer to HEAD has no room for a reason: this one has, be it that the bucket is gone.
            self.call("list_objects_v2", what, Prefix=key, MaxKeys=1)
            if isinstance(error, ObjectNotFoundError):
                return None
            raise

    def pages(self, operation: str, what: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """The answers to a request that has many.

        Raises:
            BackupError: as the protocol of storages says.
        """
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self._bucket, **parameters))
        while True:
            with s3_errors(self.address, what):
                page: Mapping[str, Any] | None = self._cancel.call(partial(next, pages, None))
            if page is None:
                return
            yield page

    def blocks(self, body: Any, what: str) -> Iterator[bytes]:
        """The content that comes with an answer.

        Raises:
            StorageUnavailableError: the connection broke before its end.
            BackupError: as the protocol of storages says.
        """
        while True:
            with s3_errors(self.address, what):
                block: bytes = self._cancel.call(partial(body.read, BLOCK_BYTES))
            if not block:
                return
            yield block

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _is_hashed_to_sign(endpoint: S3Endpoint) -> bool:
    """Whether content is hashed for the signature: with a checksum, over TLS, that would be for the second time."""
    is_tls = endpoint.url is None or endpoint.url.startswith("https://")
    return endpoint.checksum is ChecksumMode.NONE or not is_tls


def _client(endpoint: S3Endpoint) -> Any:
    session = boto3.Session(
        botocore_session=botocore.session.Session(profile=endpoint.profile),
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key,
        region_name=endpoint.region,
    )
    return session.client(
        "s3",
        endpoint_url=endpoint.url,
        verify=endpoint.ca_file,
        config=Config(
            s3={"addressing_style": endpoint.addressing_style, "payload_signing_enabled": _is_hashed_to_sign(endpoint)},
            # What boto3 adds by itself since 1.36, many stores refuse; what is checked is up to the checksum mode.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=endpoint.connect_timeout_seconds,
            read_timeout=endpoint.read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": endpoint.attempts},
            max_pool_connections=endpoint.connections,
            tcp_keepalive=True,
            user_agent_extra=endpoint.user_agent,
            # Meant for other services, Alternator among them.
            ignore_configured_endpoint_urls=True,
        ),
    )
