"""A real S3 server on loopback, versitygw over a directory: what `make s3-server` has built."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from backup_core.repository.storage.s3_client import S3Endpoint
from tests.documents import ROOT


ACCESS_KEY_ID = "operator"
SECRET = "0perat0r-s3cret"
REGION = "us-east-1"
PREFIX = "production/0a1b"
START_SECONDS = 20.0

_START_ATTEMPTS = 5


class S3Server:
    """A running server.

    Attributes:
        url: where it answers.
        directory: a bucket is a directory in it, an object a file.
    """

    def __init__(self, program: str, port: int, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.directory = directory
        self._program = program
        self._process = process

    def create_bucket(self) -> str:
        """A new bucket; its name."""
        return create_bucket(self.url)

    def client(self) -> Any:
        """Plain boto3, for what a test does behind our back."""
        return boto3_client(self.url)

    def endpoint(self, bucket: str, **changes: Any) -> S3Endpoint:
        """The bucket, for its owner, as the settings would have it."""
        return endpoint(self.url, bucket, **changes)

    def file(self, bucket: str, key: str) -> Path:
        """Where the server keeps an object."""
        return self.directory / bucket / key

    def add_user(self, access_key_id: str, secret: str) -> None:
        """A user who may do what bucket policies allow."""
        admin = ("admin", "--access", ACCESS_KEY_ID, "--secret", SECRET, "--endpoint-url", self.url)
        user = ("create-user", "--access", access_key_id, "--secret", secret, "--role", "user")
        subprocess.run([self._program, *admin, *user], check=True, capture_output=True)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@cache
def boto3_client(url: str) -> Any:
    """A client of a server as its owner; one for all tests, since making it takes longer than most of them."""
    return boto3.Session(ACCESS_KEY_ID, SECRET, region_name=REGION).client("s3", endpoint_url=url)


def create_bucket(url: str) -> str:
    """A new bucket of a server; its name."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3_client(url).create_bucket(Bucket=name)
    return name


def endpoint(url: str, bucket: str, **changes: Any) -> S3Endpoint:
    """A bucket of a server, for its owner; `changes` are fields of the endpoint."""
    fields = {
        "prefix": PREFIX,
        "region": REGION,
        "url": url,
        "addressing_style": "path",
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET,
    }
    return S3Endpoint(bucket, **(fields | changes))


@contextmanager
def running_s3_server(directory: Path, *options: str | Path) -> Iterator[S3Server]:
    """A server with its files in a directory, for the block; without its program a test is skipped, or fails in CI.

    Args:
        directory: empty.
        options: of the program, besides.
    """
    server = _started(s3_program(), directory, options)
    try:
        yield server
    finally:
        server.stop()


def s3_program() -> str:
    """The server's program, as `make s3-server` has built it or as it is installed."""
    return required_program("versitygw", "make s3-server")


def required_program(name: str, how: str) -> str:
    """A program that a test needs.

    Args:
        name: of the program.
        how: what builds it.
    """
    found = shutil.which(name, path=f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{name} isn't there, and CI skips nothing: `{how}` builds it")
    pytest.skip(f"{name} isn't there: `{how}` builds it, and needs Go")


def _started(program: str, directory: Path, options: Sequence[str | Path]) -> S3Server:
    data, metadata, users = (directory / name for name in ("data", "metadata", "users"))
    for part in (data, metadata, users):
        part.mkdir()
    common = ("--quiet", "--keep-alive", "--iam-dir", users)
    for _ in range(_START_ATTEMPTS):
        port = _free_port()
        address = ("--port", f"127.0.0.1:{port}", "--access", ACCESS_KEY_ID, "--secret", SECRET)
        process = subprocess.Popen(
            [program, *address, *common, *options, "posix", "--sidecar", metadata, data],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if _answers(process, port):
            return S3Server(program, port, data, process)
    pytest.fail(f"{program} doesn't start")


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether it has come up; it ends by itself where somebody else was faster to take its port."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return process.poll() is None
    process.kill()
    process.wait()
    return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
