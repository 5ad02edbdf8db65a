"""How an object gets into a bucket, and that it is there when the store says so."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from typing import Any, Protocol

from backup_core.cancel import CancelToken
from backup_core.errors import ObjectExistsError, StorageError, StorageUnavailableError
from backup_core.repository.storage.protocol import Content
from backup_core.repository.storage.s3_checksums import ChecksumMode, plain_etag
from backup_core.repository.storage.s3_client import S3Client
from backup_core.repository.storage.s3_errors import code_of
from backup_core.repository.storage.s3_part_memory import PartMemory
from backup_core.repository.storage.s3_parts import Part, part_size_bytes, parts_of
from backup_core.repository.storage.s3_unfinished import UnfinishedUploads
from backup_core.repository.storage.s3_upload import PartsUpload


_COMPARED = frozenset(("ETag", "ChecksumSHA256", "ChecksumCRC32"))
_NO_CONDITIONS = frozenset(("NotImplemented", "MethodNotAllowed", "InvalidRequest", "InvalidArgument", "501"))


class S3Putter:
    """Puts objects by the keys that the store has for them, prefix and all.

    Args:
        part_bytes: what is larger goes in parts of this size, or of a larger one where there would be too many.
        parallel: how many parts are sent at a time, of all puts together; as many are held in memory at most.

    Attributes:
        conditionally: whether the store refuses by itself to put over an object; it is asked until it can't.
    """

    def __init__(
        self,
        client: S3Client,
        unfinished: UnfinishedUploads,
        mode: ChecksumMode,
        cancel: CancelToken,
        *,
        part_bytes: int,
        parallel: int,
    ) -> None:
        self.conditionally = True
        self._client = client
        self._unfinished = unfinished
        self._mode = mode
        self._part_bytes = part_bytes
        self._memory = PartMemory(part_bytes, parallel, cancel)
        self._workers = ThreadPoolExecutor(parallel, thread_name_prefix="s3-part")

    def put(self, key: str, content: Content, *, if_absent: bool) -> Mapping[str, Any]:
        """Store an object: with one request, or in parts, of which those that are there already aren't sent again.

        Returns:
            What the store tells of it: size and checksums are those of what was sent.

        Raises:
            ObjectExistsError: there is one, and `if_absent` was given.
            StorageUnavailableError: also where the store said that it has it, and hasn't.
            BackupError: as the protocol of storages says.
        """
        part_bytes = part_size_bytes(content, self._part_bytes)
        with closing(parts_of(content, part_bytes, self._memory)) as parts, next(parts) as first:
            if first.is_last:
                size_bytes, answer = first.size_bytes, self._put_whole(key, first, if_absent=if_absent)
            else:
                size_bytes, answer = self._put_parts(key, first, parts, if_absent=if_absent)
        return self._looked_at(key, size_bytes, answer, is_new=if_absent)

    def close(self) -> None:
        """End the threads, and keep no memory."""
        self._workers.shutdown(wait=False)
        self._memory.clear()

    def _put_whole(self, key: str, part: Part, *, if_absent: bool) -> Mapping[str, Any]:
        checksum = self._mode.of(part.body.content)

        def send(**conditions: str) -> Mapping[str, Any]:
            part.body.seek(0)
            answer = self._client.call("put_object", f"put {key}", Key=key, Body=part.body, **checksum, **conditions)
            return {**checksum, **answer}

        return self._on_condition(key, send, if_absent=if_absent)

    def _put_parts(
        self, key: str, first: Part, parts: Iterator[Part], *, if_absent: bool
    ) -> tuple[int, Mapping[str, Any]]:
        if if_absent and self._client.head(key):
            raise _exists(self._client, key)
        upload = PartsUpload(self._client, self._unfinished, self._mode, key, first)
        upload.send(chain((first,), parts), self._workers)
        try:
            return upload.size_bytes, self._on_condition(key, upload.complete, if_absent=if_absent)
        except ObjectExistsError:
            upload.drop()
            raise
        except StorageUnavailableError as error:
            # It may be gone for being completed: by a request whose answer was lost.
            etag = upload.likely_etag()
            found = self._client.head(key) if code_of(error) == "NoSuchUpload" else None
            if found is None or etag is None or plain_etag(found["ETag"]) != etag:
                raise
            return upload.size_bytes, found

    def _on_condition(self, key: str, send: "_Send", *, if_absent: bool) -> Mapping[str, Any]:
        """Send something, on condition that there is no such object; where the store knows none, look before."""
        if not if_absent:
            return send()
        if self.conditionally:
            try:
                return send(IfNoneMatch="*")
            except StorageError as error:
                if code_of(error) not in _NO_CONDITIONS:
                    raise
                self.conditionally = False
        if self._client.head(key):
            raise _exists(self._client, key)
        return send()

    def _looked_at(self, key: str, size_bytes: int, answer: Mapping[str, Any], *, is_new: bool) -> Mapping[str, Any]:
        """Look at an object that was just put: some stores say yes before they know."""
        told = {"ChecksumMode": "ENABLED"} if self._mode.algorithm else {}
        found = self._client.head(key, **told)
        problem = _problem(found, size_bytes, answer)
        if found and not problem:
            return found
        if found and is_new:
            self._client.call("delete_object", f"remove {key}", Key=key)
        raise StorageUnavailableError(
            f"{self._client.address} has said that {key} is stored, but {problem}", hint="Try again."
        )


class _Send(Protocol):
    def __call__(self, **conditions: str) -> Mapping[str, Any]: ...


def _problem(found: Mapping[str, Any] | None, size_bytes: int, answer: Mapping[str, Any]) -> str:
    """How what is there differs from what was sent; empty if it doesn't."""
    if found is None:
        return "it isn't there"
    if found["ContentLength"] != size_bytes:
        return f"it has {found['ContentLength']} bytes instead of {size_bytes}"
    told = _COMPARED & found.keys() & answer.keys()
    if any(plain_etag(found[name]) != plain_etag(answer[name]) for name in told):
        return "it has another content"
    return ""


def _exists(client: S3Client, key: str) -> ObjectExistsError:
    return ObjectExistsError(f"{client.address}/{key} exists already")
