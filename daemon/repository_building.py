"""Makes repositories of their settings; what those of buckets need is imported when they are first used."""

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.durations import parse_duration
from backup_core.errors import SettingsError
from backup_core.events import Reporter
from backup_core.repository.local import LocalRepository
from backup_core.repository.marker import has_mode
from backup_core.repository.protocol import Repository
from backup_core.sizes import parse_size
from backup_core.throttle import Throttle
from daemon.certificates import ca_file
from daemon.settings_file import Settings
from daemon.settings_repositories import LocalRepositorySettings, Mode, RepositorySettings, S3RepositorySettings
from daemon.state import state_directory


if TYPE_CHECKING:
    from backup_core.encryption import Identities
    from backup_core.repository.incremental.encoding import Encoding
    from backup_core.repository.storage.protocol import Storage
    from backup_core.repository.storage.s3_bucket import BucketRules
    from backup_core.repository.storage.s3_client import S3Endpoint


FILES_AT_A_TIME = 2
"""Into a directory: its disk has as much to do as we."""

STATE_NAME = "repositories"
"""In the state directory: what is known of incremental repositories, which can be lost."""


@dataclass(frozen=True, slots=True)
class RepositoryBuilder:
    """Makes repositories.

    Attributes:
        settings: what is in force.
        reporter: hears what happens.
        cancel: ends what waits.
        is_node: whether this stores backups and is slowed down, as their node does; others only read.
        identities: private keys, to read what is encrypted.
        is_host: whether what stores is that node, as far as is known.
    """

    settings: Settings
    reporter: Reporter
    cancel: CancelToken
    is_node: bool
    identities: "Identities | None" = None
    is_host: bool = True

    def in_directory(self, name: str, place: LocalRepositorySettings, path: Path) -> Repository:
        """The repository in a directory.

        Args:
            name: as the settings call it.
            place: what they say of it.
            path: the directory, which may be one of several.
        """
        if place.mode == "archive":
            return LocalRepository(
                name,
                path,
                archive_format=ArchiveFormat(place.format),
                allow_same_disk=place.allow_same_disk,
                reporter=self.reporter,
                clock=SystemClock(),
            )
        from backup_core.repository.storage.local import LocalStorage  # noqa: PLC0415  (see the module)

        return self._incremental(name, place, LocalStorage(path), directory=path, allow_same_disk=place.allow_same_disk)

    def at(self, name: str) -> Repository:
        """The repository in any directory, of the mode that its marker names.

        Args:
            name: path of the directory.

        Raises:
            BackupError: as the operating system refuses.
        """
        path = Path(name)
        mode: Mode = "incremental" if has_mode(path, "incremental") else "archive"
        return self.in_directory(name, LocalRepositorySettings(path=path, mode=mode), path)

    def in_bucket(self, name: str, place: S3RepositorySettings, host_id: str) -> Repository:
        """A host's repository in a bucket; arguments as for `in_directory`."""
        return self._incremental(name, place, self._bucket(name, place, host_id), parallel=place.parallel_uploads)

    def hosts_in_bucket(self, name: str, place: S3RepositorySettings) -> tuple[str, ...]:
        """Names of all folders where hosts may have their repositories.

        Raises:
            BackupError: as the store refuses.
        """
        storage = self._bucket(name, place, "")
        try:
            return tuple(storage.folders(""))
        finally:
            storage.close()

    def _bucket(self, name: str, place: S3RepositorySettings, folder: str) -> "Storage":
        from backup_core.repository.storage.deferred import DeferredStorage  # noqa: PLC0415  (see the module)

        prefix = "/".join(part for part in (place.prefix, folder) if part)
        address = f"s3://{place.bucket}/{prefix}".rstrip("/")
        return DeferredStorage(address, partial(self._connected, name, place, prefix))

    def bucket_rules(self, name: str, place: S3RepositorySettings) -> "BucketRules":
        """What a bucket does with objects by itself; arguments as for `in_directory`.

        Raises:
            BackupError: as the store refuses.
        """
        from backup_core.repository.storage.s3_bucket import read_bucket_rules  # noqa: PLC0415  (see the module)
        from backup_core.repository.storage.s3_client import S3Client  # noqa: PLC0415

        with closing(S3Client(self._endpoint(name, place, place.prefix), self.cancel)) as client:
            return read_bucket_rules(client)

    def _connected(self, name: str, place: S3RepositorySettings, prefix: str) -> "Storage":
        """A bucket that is asked again where it is unavailable, and isn't sent more than it may get."""
        from backup_core.repository.storage.retrying import Backoff, RetryingStorage  # noqa: PLC0415  (see the module)
        from backup_core.repository.storage.s3 import S3Storage  # noqa: PLC0415
        from backup_core.repository.storage.throttled import ThrottledStorage  # noqa: PLC0415

        endpoint = self._endpoint(name, place, prefix)
        part_bytes = parse_size(place.part_size)
        storage: Storage = S3Storage(endpoint, self.cancel, part_bytes=part_bytes, parallel=place.parallel_uploads)
        if self.is_node:
            storage = ThrottledStorage(storage, Throttle(parse_size(place.upload_rate), self.cancel))
        return RetryingStorage(storage, Backoff(), self.cancel, self.reporter)

    def _endpoint(self, name: str, place: S3RepositorySettings, prefix: str) -> "S3Endpoint":
        from backup_core.repository.storage.s3_checksums import ChecksumMode  # noqa: PLC0415  (see the module)
        from backup_core.repository.storage.s3_client import S3Endpoint  # noqa: PLC0415

        return S3Endpoint(
            place.bucket,
            prefix,
            region=place.region,
            url=place.endpoint_url,
            addressing_style=place.addressing_style,
            checksum=ChecksumMode(place.checksum),
            ca_file=ca_file(f"repository.{name}.ca_file", place.ca_file),
            profile=place.profile,
            access_key_id=place.access_key_id or None,
            secret_access_key=place.secret_access_key.get_secret_value() or None,
        )

    def _incremental(
        self,
        name: str,
        place: RepositorySettings,
        storage: "Storage",
        *,
        parallel: int = FILES_AT_A_TIME,
        directory: Path | None = None,
        allow_same_disk: bool = False,
    ) -> Repository:
        from backup_core.repository.incremental.repository import IncrementalRepository  # noqa: PLC0415  (see the module)

        return IncrementalRepository(
            name,
            storage,
            state=state_directory(self.settings) / STATE_NAME,
            encoding=self._encoding(name, place),
            reporter=self.reporter,
            clock=SystemClock(),
            identities=self.identities,
            parallel=parallel,
            grace=parse_duration(place.grace),
            directory=directory,
            allow_same_disk=allow_same_disk,
            is_host=self.is_host,
        )

    def _encoding(self, name: str, place: RepositorySettings) -> "Encoding":
        """Whoever only reads needs no pyrage for what isn't encrypted."""
        from backup_core.encryption import parse_recipients  # noqa: PLC0415  (see the module)
        from backup_core.repository.incremental.encoding import Encoding  # noqa: PLC0415

        try:
            recipients = parse_recipients(place.encrypt_to if self.is_node else ())
        except SettingsError as error:
            raise SettingsError(f"repository.{name}.encrypt_to: {error.message}", hint=error.hint) from error
        return Encoding(compress=place.compression == "zstd", recipients=recipients)
