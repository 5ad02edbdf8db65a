"""A client of Alternator, as anybody could write it: some lines of boto3, shown and run."""

import sys
import tomllib

from backup_core.storage_errors import storage_errors
from daemon.demo.stage import Stage


ANYBODY = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
"""boto3 wants to know who calls; a node without authorization doesn't."""

_SCRIPT = """\
import boto3
dynamodb = boto3.client("dynamodb", endpoint_url="{endpoint}")
{calls}
"""


def call_alternator(stage: Stage, *calls: str) -> None:
    """Run lines of Python against the node, in which `dynamodb` is a client; `ANYBODY` has been exported before.

    Raises:
        StorageError: the settings can't be read.
        BackupError: the client failed.
    """
    with storage_errors(stage.settings):
        settings = tomllib.loads(stage.settings.read_text(encoding="utf-8"))
    script = _SCRIPT.format(endpoint=settings["alternator"]["endpoint"], calls="\n".join(calls))
    stage.typed(f"python3 <<END\n{script}END")
    stage.call("python3", [sys.executable, "-P", "-c", script], stage.directory)
