"""A store on loopback that speaks S3, with one bucket: moto plays it, in memory."""

import logging
from types import TracebackType
from typing import Self

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer


_REGION = "us-east-1"
"""The one where a bucket needs no location."""


class BucketServer:
    """A stand-in for an S3 store, as a context manager. It takes any credentials; what it has ends with it.

    Args:
        name: of the bucket that it has.

    Attributes:
        name: as given.
        region: of the bucket.
        url: where it answers; the bucket is part of the path there, not of the host's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.region = _REGION
        self.url = ""
        self._server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)

    def __enter__(self) -> Self:
        # Its server would print a line for each request.
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="anybody",
            aws_secret_access_key="anything",  # noqa: S106  (no secret: any will do)
            config=Config(proxies={}, ignore_configured_endpoint_urls=True, s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket=self.name)
        client.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()
