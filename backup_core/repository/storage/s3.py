"""A bucket as a storage: AWS, and what speaks like it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from backup_core.cancel import CancelToken
from backup_core.errors import StorageError
from backup_core.repository.storage.keys import check_folder, check_key, check_prefix, is_key
from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo
from backup_core.repository.storage.s3_checksums import ChecksumMode, plain_etag
from backup_core.repository.storage.s3_client import S3Client, S3Endpoint
from backup_core.repository.storage.s3_deleting import S3Deleter
from backup_core.repository.storage.s3_errors import code_of
from backup_core.repository.storage.s3_parts import PART_BYTES
from backup_core.repository.storage.s3_putting import S3Putter
from backup_core.repository.storage.s3_unfinished import UnfinishedUploads


PARALLEL_PARTS = 4


class S3Storage:
    """Objects below a prefix of a bucket.

    Args:
        endpoint: where the bucket is.
        cancel: ends every wait.
        part_bytes: what is larger goes in parts of this size, or of a larger one where there would be too many.
        parallel: how many parts are sent at a time, of all puts together; as many are held in memory at most.
    """

    def __init__(
        self, endpoint: S3Endpoint, cancel: CancelToken, *, part_bytes: int = PART_BYTES, parallel: int = PARALLEL_PARTS
    ) -> None:
        self.address = endpoint.address
        self._mode = endpoint.checksum
        self._prefix = f"{endpoint.prefix}/" if endpoint.prefix else ""
        self._client = S3Client(endpoint, cancel)
        self._deleter = S3Deleter(self._client)
        self._unfinished = UnfinishedUploads(self._client, self._prefix)
        self._putter = S3Putter(
            self._client, self._unfinished, self._mode, cancel, part_bytes=part_bytes, parallel=parallel
        )

    @property
    def capabilities(self) -> Capabilities:
        """What the store does, as far as it was tried."""
        return Capabilities(
            conditional_put=self._putter.conditionally,
            checksums=self._mode is not ChecksumMode.NONE,
            batch_delete=self._deleter.in_batches,
            resumes_parts=self._unfinished.are_listed,
        )

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object: with one request, or in parts, of which those that are there already aren't sent again."""
        found = self._putter.put(self._prefix + check_key(key), content, if_absent=if_absent)
        return _info(key, found["ContentLength"], found)

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """The content of an object."""
        what = f"get {self._prefix}{check_key(key)}"
        since = {"Range": f"bytes={offset_bytes}-"} if offset_bytes else {}
        try:
            body = self._client.call("get_object", what, Key=self._prefix + key, **since)["Body"]
        except StorageError as error:
            if not offset_bytes or code_of(error) not in {"InvalidRange", "416"}:
                raise
            body = None  # nothing is left behind the offset
        if body is None:
            yield iter(())
            return
        with closing(body):
            yield self._client.blocks(body, what)

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None."""
        found = self._client.head(self._prefix + check_key(key))
        return _info(key, found["ContentLength"], found) if found else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`."""
        whole = self._prefix + check_prefix(prefix)
        for page in self._client.pages("list_objects_v2", f"list {whole}", Prefix=whole):
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self._prefix)
                if is_key(key):
                    yield _info(key, found["Size"], found)

    def folders(self, prefix: str) -> Iterator[str]:
        """Next parts of keys."""
        whole = self._prefix + check_folder(prefix)
        for page in self._client.pages("list_objects_v2", f"list {whole}", Prefix=whole, Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                folder = found["Prefix"].removesuffix("/")
                if is_key(folder.removeprefix(self._prefix)):
                    yield folder.removeprefix(whole)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand with one request where the store does that."""
        self._deleter.delete(self._prefix + check_key(key) for key in keys)

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Drop uploads that were begun before a moment and never completed."""
        return tuple(key.removeprefix(self._prefix) for key in self._unfinished.clear_up(before))

    def unfinished(self) -> tuple[str, ...]:
        """Keys of uploads that weren't completed."""
        return tuple(key.removeprefix(self._prefix) for key in self._unfinished.all_keys())

    def close(self) -> None:
        """Close the connections."""
        self._putter.close()
        self._client.close()


def _info(key: str, size_bytes: int, found: Mapping[str, Any]) -> ObjectInfo:
    etag = found.get("ETag")
    return ObjectInfo(key, size_bytes, found["LastModified"].astimezone(UTC), plain_etag(etag) if etag else None)
