"""Scene: a table is deleted and comes back, a copy of it stands beside it, and a drill proves another backup."""

import sys
import tomllib

from backup_core.storage_errors import storage_errors
from daemon.demo.stage import SHOWN_TABLE, Stage


DRILLED_TABLE = "Game.Scores-2024"
"""It has indexes of both kinds."""

_ANYBODY = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
"""boto3 wants to know who calls; a node without authorization doesn't."""

_DELETION = """\
import boto3
dynamodb = boto3.client("dynamodb", endpoint_url="{endpoint}")
dynamodb.delete_table(TableName="{table}")
print("Still there:", *dynamodb.list_tables()["TableNames"])
"""


def show_restores(stage: Stage) -> None:
    """Delete a table as any client can, and bring it back.

    Raises:
        BackupError: something doesn't come back as it was.
    """
    stage.heading("Somebody deletes a table", "DeleteTable takes items, indexes, tags and TTL with it, on all nodes.")
    _delete(stage, SHOWN_TABLE)
    stage.heading(
        "One command brings it back", "Every byte is checked first. At the end stands what was, and what is there now."
    )
    stage.run("restore", SHOWN_TABLE)
    stage.heading("Or beside it, under another name", "To look something up in it, or to copy single items back.")
    stage.run("-q", "restore", SHOWN_TABLE, "--as", f"{SHOWN_TABLE}_copy")
    stage.heading("Would the others come back?", "A drill restores one under a scratch name, compares, and drops it.")
    stage.run("-q", "drill", DRILLED_TABLE)


def _delete(stage: Stage, table: str) -> None:
    with storage_errors(stage.settings):
        settings = tomllib.loads(stage.settings.read_text(encoding="utf-8"))
    stage.export(**_ANYBODY)
    script = _DELETION.format(endpoint=settings["alternator"]["endpoint"], table=table)
    stage.typed(f"python3 <<END\n{script}END")
    stage.call("python3", [sys.executable, "-P", "-c", script], stage.directory)
