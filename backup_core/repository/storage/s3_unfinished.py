"""Uploads in parts that were never completed: what a put that died has left, for the next one to go on with."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backup_core.errors import BackupError, NotFoundError, PermissionDeniedError, StorageError
from backup_core.repository.storage.s3_client import S3Client
from backup_core.repository.storage.s3_errors import code_of, is_refused


_ALGORITHMS = ("SHA256", "CRC32")


@dataclass(frozen=True, slots=True)
class ListedParts:
    """What the store has of an upload.

    Attributes:
        algorithm: of the checksums that came along; None if none did, or none that is known here.
        by_number: parts as ListParts tells of them.
    """

    algorithm: str | None
    by_number: Mapping[int, Mapping[str, Any]]


class UnfinishedUploads:
    """Those below one prefix, as listed when they are asked for first, and what was begun since then.

    Keys are the store's, prefix and all.

    Attributes:
        are_listed: whether the store tells of them; nothing can be resumed where it doesn't.
    """

    def __init__(self, client: S3Client, prefix: str) -> None:
        self.are_listed = True
        self._client = client
        self._prefix = prefix
        self._lock = threading.Lock()
        self._ids: dict[str, list[str]] | None = None

    def of(self, key: str) -> tuple[str, ...]:
        """Ids of the uploads of a key, the newest first."""
        with self._lock:
            return tuple(self._known().get(key, ()))

    def begin(self, key: str, **parameters: str) -> str:
        """The id of a new upload."""
        answer = self._client.call("create_multipart_upload", f"begin to put {key}", Key=key, **parameters)
        with self._lock:
            self._known().setdefault(key, []).insert(0, answer["UploadId"])
        return str(answer["UploadId"])

    def parts(self, key: str, upload_id: str) -> ListedParts | None:
        """What the store has of an upload; None if it is gone, or if the store doesn't tell."""
        found: dict[int, Mapping[str, Any]] = {}
        told = ""
        try:
            for page in self._client.pages("list_parts", f"list parts of {key}", Key=key, UploadId=upload_id):
                told = page.get("ChecksumAlgorithm", "")
                found.update((part["PartNumber"], part) for part in page.get("Parts", ()))
        except BackupError as error:
            if code_of(error) == "NoSuchUpload":
                return None
            self._expect_refusal(error)
            return None
        # Not every store tells what was agreed on; then the checksums themselves do.
        fields = {name for part in found.values() for name in part}
        algorithm = next((name for name in _ALGORITHMS if name == told or f"Checksum{name}" in fields), None)
        return ListedParts(algorithm, found)

    def forget(self, key: str, upload_id: str) -> None:
        """Say that an upload is completed, or is gone."""
        with self._lock:
            ids = self._known()
            ids[key] = [known for known in ids.get(key, ()) if known != upload_id]

    def abort(self, key: str, upload_id: str) -> None:
        """Drop an upload with all its parts; where that fails now, `clear_up` does it another time."""
        with suppress(StorageError, PermissionDeniedError, NotFoundError):
            self._client.call("abort_multipart_upload", f"abort the upload of {key}", Key=key, UploadId=upload_id)
        self.forget(key, upload_id)

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Drop all uploads that were begun before a moment; their keys."""
        stale = [(key, upload_id) for begun_at, key, upload_id in self._listed() if begun_at < before]
        for key, upload_id in stale:
            self._client.call("abort_multipart_upload", f"abort the upload of {key}", Key=key, UploadId=upload_id)
            self.forget(key, upload_id)
        return tuple(key for key, _ in stale)

    def all_keys(self) -> tuple[str, ...]:
        """Keys of all uploads, as the store lists them now."""
        return tuple(key for _, key, _ in self._listed())

    def _known(self) -> dict[str, list[str]]:
        if self._ids is None:
            ids: dict[str, list[str]] = {}
            for _, key, upload_id in sorted(self._listed(), reverse=True):
                ids.setdefault(key, []).append(upload_id)
            self._ids = ids
        return self._ids

    def _listed(self) -> list[tuple[datetime, str, str]]:
        found: list[tuple[datetime, str, str]] = []
        if not self.are_listed:
            return found
        try:
            for page in self._client.pages("list_multipart_uploads", "list unfinished uploads", Prefix=self._prefix):
                found += [
                    (upload["Initiated"], upload["Key"], upload["UploadId"]) for upload in page.get("Uploads", ())
                ]
        except BackupError as error:
            self._expect_refusal(error)
        return found

    def _expect_refusal(self, error: BackupError) -> None:
        if not is_refused(error):
            raise error
        self.are_listed = False
