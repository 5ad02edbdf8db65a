"""One large object on its way in parts, several at a time: begun, or gone on with where another put had to stop."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from backup_core.errors import RunCancelledError
from backup_core.repository.storage.s3_checksums import ChecksumMode, is_same_part, whole_etag
from backup_core.repository.storage.s3_client import S3Client
from backup_core.repository.storage.s3_parts import Part
from backup_core.repository.storage.s3_unfinished import ListedParts, UnfinishedUploads


class PartsUpload:
    """An upload of a key: all its parts, then `complete`.

    Attributes:
        size_bytes: of what was taken so far.
    """

    def __init__(
        self, client: S3Client, unfinished: UnfinishedUploads, mode: ChecksumMode, key: str, first: Part
    ) -> None:
        self.size_bytes = 0
        self._client = client
        self._unfinished = unfinished
        self._mode = mode
        self._key = key
        self._sent: dict[int, Mapping[str, Any]] = {}
        self._has_failed = False
        self._id, self._listed = self._resumed(first) or self._begun()

    def send(self, parts: Iterator[Part], workers: ThreadPoolExecutor) -> None:
        """Send what the store doesn't have yet; parts are closed.

        Where the content fails, the upload is dropped; where the store does, it stays for the next put.

        Raises:
            BackupError: as the store refuses, or whatever the content's blocks raise.
        """
        sending: list[Future[None]] = []
        try:
            for part in self._or_dropped(parts, sending):
                self.size_bytes += part.size_bytes
                sending.append(workers.submit(self._send, part))
                if self._has_failed:
                    break
        finally:
            wait(sending)
        for done in sending:
            done.result()

    def complete(self, **conditions: str) -> Mapping[str, Any]:
        """Make an object of the parts; the store's answer."""
        parts = [self._sent[number] for number in sorted(self._sent)]
        answer = self._client.call(
            "complete_multipart_upload",
            f"complete the upload of {self._key}",
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={"Parts": parts},
            **conditions,
        )
        self._unfinished.forget(self._key, self._id)
        return answer

    def drop(self) -> None:
        """Give it up, with all its parts."""
        self._unfinished.abort(self._key, self._id)

    def likely_etag(self) -> str | None:
        """What an object of these parts has for its ETag; None if the store makes it otherwise."""
        return whole_etag([self._sent[number]["ETag"] for number in sorted(self._sent)])

    def _resumed(self, first: Part) -> tuple[str, ListedParts] | None:
        """The newest upload of the key that this content can go on with; others of the key are dropped."""
        found: tuple[str, ListedParts] | None = None
        for upload_id in self._unfinished.of(self._key):
            listed = self._unfinished.parts(self._key, upload_id)
            if found is None and listed is not None and self._fits(listed, first):
                found = upload_id, listed
            else:
                self._unfinished.abort(self._key, upload_id)
        return found

    def _begun(self) -> tuple[str, ListedParts]:
        algorithm = self._mode.algorithm
        parameters = {"ChecksumAlgorithm": algorithm} if algorithm else {}
        return self._unfinished.begin(self._key, **parameters), ListedParts(algorithm, {})

    def _fits(self, listed: ListedParts, first: Part) -> bool:
        """Whether an upload is of this content, as far as its first part tells, and has checksums as ours will be."""
        stored = listed.by_number.get(first.number)
        return listed.algorithm == self._mode.algorithm and (
            stored is None or is_same_part(first.body.content, stored, self._mode)
        )

    def _or_dropped(self, parts: Iterator[Part], sending: list[Future[None]]) -> Iterator[Part]:
        try:
            yield from parts
        except RunCancelledError:
            raise
        except Exception:
            wait(sending)  # what came after it would stay behind
            self.drop()
            raise

    def _send(self, part: Part) -> None:
        with part:
            if self._has_failed:
                return
            try:
                self._sent[part.number] = self._stored(part) or self._uploaded(part)
            except BaseException:
                self._has_failed = True
                raise

    def _stored(self, part: Part) -> Mapping[str, Any] | None:
        stored = self._listed.by_number.get(part.number)
        return self._known(part, stored) if stored and is_same_part(part.body.content, stored, self._mode) else None

    def _uploaded(self, part: Part) -> Mapping[str, Any]:
        checksum = self._mode.of(part.body.content)
        answer = self._client.call(
            "upload_part",
            f"put part {part.number} of {self._key}",
            Key=self._key,
            UploadId=self._id,
            PartNumber=part.number,
            Body=part.body,
            **checksum,
        )
        return self._known(part, {**checksum, **answer})

    def _known(self, part: Part, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part as it is named when the upload is completed."""
        named = {"PartNumber": part.number, "ETag": stored["ETag"]}
        field = self._mode.field
        return {**named, field: stored[field]} if field and field in stored else named
