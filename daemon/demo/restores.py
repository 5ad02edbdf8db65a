"""Scene: a table is deleted and comes back, a copy of it stands beside it, and a drill proves another backup."""

from daemon.demo.client import ANYBODY, call_alternator
from daemon.demo.stage import SHOWN_TABLE, Stage


DRILLED_TABLE = "Game.Scores-2024"
"""It has indexes of both kinds."""


def show_restores(stage: Stage) -> None:
    """Delete a table as any client can, and bring it back.

    Raises:
        BackupError: something doesn't come back as it was.
    """
    stage.heading("Somebody deletes a table", "DeleteTable takes items, indexes, tags and TTL with it, on all nodes.")
    stage.export(**ANYBODY)
    call_alternator(
        stage,
        f'dynamodb.delete_table(TableName="{SHOWN_TABLE}")',
        'print("Still there:", *dynamodb.list_tables()["TableNames"])',
    )
    stage.heading(
        "One command brings it back", "Every byte is checked first. At the end stands what was, and what is there now."
    )
    stage.run("restore", SHOWN_TABLE)
    stage.heading("Or beside it, under another name", "To look something up in it, or to copy single items back.")
    stage.run("-q", "restore", SHOWN_TABLE, "--as", f"{SHOWN_TABLE}_copy")
    stage.heading("Would the others come back?", "A drill restores one under a scratch name, compares, and drops it.")
    stage.run("-q", "drill", DRILLED_TABLE)
