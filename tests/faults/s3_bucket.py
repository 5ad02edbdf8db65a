"""A bucket behind a proxy, as a run sees it, for tests of what goes wrong in between."""

from dataclasses import dataclass, field
from typing import Any

from backup_core.cancel import CancelToken
from backup_core.events import SilentReporter
from backup_core.repository.storage.retrying import Backoff, RetryingStorage
from backup_core.repository.storage.s3 import S3Storage
from tests.s3_proxy import S3Proxy
from tests.s3_server import PREFIX, S3Server, endpoint
from tests.storage_samples import MIB


PART_BYTES = 5 * MIB
"""The smallest that S3 takes."""

QUICKLY = Backoff(attempts=8, first_seconds=0.01, most_seconds=0.05)


@dataclass
class Told(SilentReporter):
    """Remembers the warnings that it heard.

    Attributes:
        warnings: names and fields.
    """

    warnings: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def warning(self, name: str, **fields: Any) -> None:
        """Remember it."""
        self.warnings.append((name, fields))


@dataclass
class ProxiedBucket:
    """A bucket, and who goes between.

    Attributes:
        server: where it really is.
        name: the bucket's.
        proxy: lets requests go wrong.
        told: what retrying storages have told.
    """

    server: S3Server
    name: str
    proxy: S3Proxy
    told: Told = field(default_factory=Told)

    def storage(self, cancel: CancelToken | None = None, **changes: Any) -> S3Storage:
        """The bucket as a new process sees it, without any second attempts; `changes` are fields of the endpoint."""
        patience = {"attempts": 1, "connect_timeout_seconds": 5.0, "read_timeout_seconds": 30.0}
        proxied = endpoint(self.proxy.url, self.name, **(patience | changes))
        return S3Storage(proxied, cancel or CancelToken(), part_bytes=PART_BYTES, parallel=2)

    def retrying(self, **changes: Any) -> RetryingStorage:
        """The same, with several attempts one right after the other."""
        return RetryingStorage(self.storage(**changes), QUICKLY, CancelToken(), self.told)

    def content(self, key: str) -> bytes:
        """What the server really has of an object."""
        content: bytes = self.server.client().get_object(Bucket=self.name, Key=f"{PREFIX}/{key}")["Body"].read()
        return content

    def keys(self) -> list[str]:
        """Of what the server really has below the prefix."""
        found = self.server.client().list_objects_v2(Bucket=self.name, Prefix=f"{PREFIX}/").get("Contents", ())
        return [info["Key"].removeprefix(f"{PREFIX}/") for info in found]

    def unfinished(self) -> int:
        """How many uploads in parts wait to be completed."""
        return len(self.server.client().list_multipart_uploads(Bucket=self.name).get("Uploads", ()))
