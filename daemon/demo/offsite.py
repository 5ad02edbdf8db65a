"""Scene: two backups into a bucket, of which the second sends what is new; another node restores from there."""

from typing import TYPE_CHECKING

from backup_core.storage_errors import storage_errors
from daemon.demo.client import call_alternator
from daemon.demo.stage import SHOWN_TABLE, Stage
from daemon.sandbox_node import running_bucket, running_sandbox, sandbox_settings
from daemon.settings_file import ENVIRONMENT_PREFIX


if TYPE_CHECKING:
    from sandbox.bucket import BucketServer


BUCKET = "scylla-backups"
OFFSITE_SETTINGS, OTHER_SETTINGS = "offsite.toml", "other.toml"

_VARIABLES = f"{ENVIRONMENT_PREFIX}REPOSITORY__OFFSITE__"
_CREDENTIALS = {f"{_VARIABLES}ACCESS_KEY_ID": "demo", f"{_VARIABLES}SECRET_ACCESS_KEY": "made-up"}
"""Of the bucket only; Alternator's are others."""

_WRITE = 'dynamodb.put_item(TableName="{table}", Item={{"pk": {{"S": "new"}}, "sk": {{"S": "1"}}}})'


def show_offsite(stage: Stage) -> None:
    """Back up into a bucket, and restore from it elsewhere.

    Raises:
        BackupError: something doesn't come back as it was.
    """
    with running_bucket(BUCKET) as bucket:
        _show_backups(stage, bucket)
        _show_prune_plan(stage)
        _show_restore(stage, bucket)


def _show_backups(stage: Stage, bucket: "BucketServer") -> None:
    stage.heading(
        "Off the node, into a bucket",
        "Each run goes into all repositories; a bucket stores each SSTable once. The sandbox plays S3 here.",
    )
    stage.copy_settings(OFFSITE_SETTINGS)
    stage.append_settings(*_repository(bucket))
    for name, value in _CREDENTIALS.items():
        stage.export(**{name: value})
    stage.run("-q", "backup", SHOWN_TABLE)
    stage.heading(
        "The next run sends only what is new",
        "SENT tells: for one more item its SSTable, and a manifest of some KiB.",
    )
    call_alternator(stage, _WRITE.format(table=SHOWN_TABLE))
    stage.run("-q", "backup", SHOWN_TABLE)
    stage.run("list", SHOWN_TABLE)


def _show_prune_plan(stage: Stage) -> None:
    stage.heading("What would retention remove there?", "A backup, and what of it no other one needs.")
    stage.append_settings("[repository.offsite.retention]", "keep_last = 1")
    stage.run("prune", SHOWN_TABLE, "--plan")


def _show_restore(stage: Stage, bucket: "BucketServer") -> None:
    stage.heading(
        "It comes back on a node that never saw it",
        f"One of another cluster, whose settings ({OTHER_SETTINGS}) share nothing but the bucket.",
    )
    with running_sandbox(stage.server_version, stage.directory / "other-node") as other:
        text = sandbox_settings(other, stage.directory / "other-state", _repository(bucket))
        path = stage.directory / OTHER_SETTINGS
        with storage_errors(path):
            path.write_text(text, encoding="utf-8")
        stage.run("--settings", OTHER_SETTINGS, "-q", "restore", SHOWN_TABLE, "--from", "offsite")


def _repository(bucket: "BucketServer") -> tuple[str, ...]:
    return (
        "[repository.offsite]",
        'kind = "s3"',
        f'bucket = "{bucket.name}"',
        f'endpoint_url = "{bucket.url}"',
        f'region = "{bucket.region}"',
        'addressing_style = "path"',
    )
