"""Removing objects of a bucket: many with one request, or one by one where a store refuses that."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from backup_core.errors import BackupError, ObjectNotFoundError
from backup_core.repository.storage.s3_client import S3Client
from backup_core.repository.storage.s3_errors import is_refused, key_error


BATCH_KEYS = 1000
"""Most that one request can name."""


class S3Deleter:
    """Removes objects by the keys that the store has for them, prefix and all.

    Attributes:
        in_batches: whether the store does it so; it is asked until it refuses.
    """

    def __init__(self, client: S3Client) -> None:
        self.in_batches = True
        self._client = client

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that aren't there are none to fail for.

        Raises:
            BackupError: as the store refuses; others of the keys may be gone.
        """
        left = iter(keys)
        while batch := tuple(islice(left, BATCH_KEYS)):
            if not self._delete_batch(batch):
                for key in batch:
                    with suppress(ObjectNotFoundError):  # some stores say so
                        self._client.call("delete_object", f"remove {key}", Key=key)

    def _delete_batch(self, keys: Sequence[str]) -> bool:
        """Whether the store has removed them all."""
        if not self.in_batches or len(keys) == 1:
            return False
        try:
            answer = self._client.call(
                "delete_objects",
                f"remove {len(keys)} objects",
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        except BackupError as error:
            if not is_refused(error):
                raise
            self.in_batches = False
            return False
        for refused in answer.get("Errors", ()):
            if refused.get("Code") not in {"NoSuchKey", "404"}:
                raise key_error(refused, self._client.address, f"remove {refused.get('Key', '')}")
        return True
