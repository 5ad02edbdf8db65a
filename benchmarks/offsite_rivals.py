"""What else people send a snapshot into a bucket with."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from s3_server import CREDENTIALS, REGION, tool


@dataclass(frozen=True, slots=True)
class OffsiteRival:
    """Another program, and what is wanted of ours beside it.

    Attributes:
        title: as people type it.
        program: its name.
        settings: its environment; `{url}`, `{bucket}` and `{work}` are filled in.
        prepare: arguments of what is done once for an empty bucket, and isn't timed; none: nothing.
        command: arguments that send `{directory}`.
        least_speed: how many times as fast ours should be.
        encrypts: whether it compresses and encrypts; then so does ours.
    """

    title: str
    program: str
    settings: Mapping[str, str]
    prepare: tuple[str, ...]
    command: tuple[str, ...]
    least_speed: float
    encrypts: bool

    def is_installed(self) -> bool:
        """Whether its program is there."""
        return tool(self.program) is not None

    def make_ready(self, url: str, bucket: str, work: Path) -> None:
        """Do what it needs before its first backup."""
        if self.prepare:
            self._run(self.prepare, url, bucket, work, work)

    def send(self, directory: Path, url: str, bucket: str, work: Path) -> None:
        """Send a directory; `work` is where it may keep what it likes."""
        self._run(self.command, url, bucket, work, directory)

    def _run(self, arguments: tuple[str, ...], url: str, bucket: str, work: Path, directory: Path) -> None:
        values = {"url": url, "bucket": bucket, "work": work, "directory": directory}
        settings = {name: value.format(**values) for name, value in self.settings.items()}
        command = [str(tool(self.program)), *(argument.format(**values) for argument in arguments)]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | CREDENTIALS | settings)


OFFSITE_RIVALS = (
    OffsiteRival(
        title="rclone copy",
        program="rclone",
        settings={
            "RCLONE_CONFIG": "{work}/rclone.conf",
            "RCLONE_S3_PROVIDER": "Other",
            "RCLONE_S3_ENV_AUTH": "true",
            "RCLONE_S3_REGION": REGION,
            "RCLONE_S3_ENDPOINT": "{url}",
        },
        prepare=(),
        command=("copy", "{directory}", ":s3:{bucket}/backup"),
        least_speed=0.8,
        encrypts=False,
    ),
    OffsiteRival(
        title="restic backup",
        program="restic",
        settings={
            "RESTIC_REPOSITORY": "s3:{url}/{bucket}",
            "RESTIC_PASSWORD": "benchmark",
            "RESTIC_CACHE_DIR": "{work}/restic-cache",
        },
        prepare=("init",),
        command=("backup", "{directory}"),
        least_speed=1.5,
        encrypts=True,
    ),
)
