"""versitygw on loopback, as `make s3-server` builds it: buckets for one run each, and what was asked of the server."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import boto3


TOOLS = Path(__file__).parents[1] / ".tools" / "bin"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "b3nchmark"}
REGION = "us-east-1"
START_SECONDS = 20.0

OBJECTS_LISTED = "objects listed"

_REQUEST = re.compile(r" s3_(\w+) .*? (/bucket-[0-9]+\S*) [0-9]{3} ")


def tool(name: str) -> str | None:
    """A program that `make tools` has built or the system has; None if neither."""
    return shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server.

    Attributes:
        url: where it answers.
        directory: has a directory for each bucket in it, twice: for content and for what else is known of objects.
    """

    url: str
    directory: Path
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    @contextmanager
    def bucket(self) -> Iterator[str]:
        """An empty bucket for the block; then its content is gone from the disk."""
        name = f"bucket-{next(self._numbers)}"
        client = boto3.Session(*CREDENTIALS.values(), region_name=REGION).client("s3", endpoint_url=self.url)
        client.create_bucket(Bucket=name)
        client.close()
        yield name
        for part in ("data", "metadata"):
            shutil.rmtree(self.directory / part / name, ignore_errors=True)

    def requests(self) -> Counter[str]:
        """How often what was asked of it so far, by S3's names; `OBJECTS_LISTED`: a page of a table's objects."""
        found = _REQUEST.findall((self.directory / "access.log").read_text())
        listed = sum(name == "ListObjectsV2" and "sstables" in url for name, url in found)
        return Counter([name for name, _ in found]) + Counter({OBJECTS_LISTED: listed})


@contextmanager
def running_s3_server(program: str, directory: Path) -> Iterator[S3Server]:
    """A server with its files in a directory, for the block.

    Raises:
        RuntimeError: it doesn't come up.
    """
    for part in ("data", "metadata"):
        (directory / part).mkdir(parents=True)
    port = _free_port()
    access, secret = CREDENTIALS.values()
    address = ("--port", f"127.0.0.1:{port}", "--access", access, "--secret", secret)
    log = ("--quiet", "--keep-alive", "--access-log", directory / "access.log")
    command = [program, *address, *log, "posix", "--sidecar", directory / "metadata", directory / "data"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield S3Server(f"http://127.0.0.1:{port}", directory)
    finally:
        process.terminate()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args} doesn't come up")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
