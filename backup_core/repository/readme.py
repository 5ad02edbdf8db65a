"""README.txt of a backup: how to restore it by hand, with nothing of ours installed.

The order and each warning come from restores of real nodes, 6.2.3 and 2026.1.12: through CreateTable, since
DESCRIBE's text of Alternator's tables can't be replayed; into `upload/`, where every foreign file fails the whole load
and an SSTable without TOC.txt is deleted; with load_and_stream, without which a node drops what it doesn't own.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backup_core.model import DEFAULT_DATA_DIRECTORY, Snapshot
from backup_core.repository import layout
from backup_core.repository.create_table import (
    create_table_request,
    index_names,
    stream_request,
    time_to_live_request,
)
from backup_core.repository.recording import BackupFacts
from backup_core.repository.timestamps import timestamp


_TEXT = """\
Backup {tag} of the table {table}
made {snapshot_at} from the snapshot of one node: host {host_id}{cluster}
ScyllaDB {scylla_version}, table id {table_id}, {file_count} files, {plain_size_bytes} bytes in {archive}

This is the part of the table that this node held. Where the cluster has more nodes, each has a backup with the same
tag: restore them one after the other into the same new table (steps 3 to 5 for each). Loading one twice does no harm.

Where alternator-backup is installed, root restores it with

  alternator-backup restore {table_argument}

to any version of ScyllaDB and from several nodes' backups, and gets it proven. What follows needs only what is here.

{description} is what the table is; the *.cql files are for reading: ScyllaDB can't replay them.
By hand, restore to the same version of ScyllaDB if the table has indexes: from 2025.1 on a node refuses, with "Column
... missing in current schema", the files of an indexed table that was created on an older one. Never answer that with
ALTER TABLE on a table that has local secondary indexes: the node aborts, and aborts again at each start.

Restore by hand
===============
Run the commands in this directory, in one shell, on a node of the cluster.

1. Check that the backup is whole.

    sha256sum -c {checksums}

2. Create the table, with all its indexes. It must not exist: Alternator can't rename tables, and deleting one deletes
   it on every node, with its grants. If it has only just been deleted, wait a minute: on tablets, indexes may
   otherwise stay CREATING or empty for good. To restore beside it, give another TableName here, and that name in place
   of the old one from here on. The addresses are the node's Alternator and its REST API. Keys: any, if authorization
   is off; else a role's name, and its salted_hash as the secret.

    export ALTERNATOR=http://127.0.0.1:8000 API=http://127.0.0.1:10000
    export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=
    aws dynamodb create-table --endpoint-url "$ALTERNATOR" --cli-input-json {create_table}

3. Unpack the archive on the data disk, for ScyllaDB's user, who owns the data directory: a node refuses files of any
   other.

    DATA={data_directory}
    STAGE="$DATA"/{stage}
    sudo install -d -m 700 "$STAGE"
    sudo tar -x -f {archive_path} -C "$STAGE" --no-same-owner
    sudo chown -R --reference="$DATA" "$STAGE"

4. Put the SSTables into the new table's upload directory, which must be empty (the first `find` prints nothing);
   manifest.json and schema.cql stay behind, and the TOC.txt files come last: SSTables without one are deleted without
   a word.

    ID=$(aws dynamodb describe-table --endpoint-url "$ALTERNATOR" --cli-input-json {describe_table} \\
        --query Table.TableId --output text | tr -d -)
    UPLOAD="$DATA"/{table_directory}-"$ID"/upload
    sudo find "$UPLOAD" -mindepth 1
    sudo find "$STAGE" -type f ! -name manifest.json ! -name schema.cql ! -name '*-TOC.txt' -exec mv -t "$UPLOAD" {{}} +
    sudo find "$STAGE" -type f -name '*-TOC.txt' -exec mv -t "$UPLOAD" {{}} +

5. Load them. The answer is empty, with status 200, and may take long. load_and_stream gives each row to the nodes that
   hold it now; without it a node silently drops what it doesn't own. "Already loading SSTables" means that another load
   is under way: ask again later. Any other answer: nothing says what was loaded; see the node's log, empty the upload
   directory, and go back to step 3.

    curl -sS -w '%{{http_code}}\\n' -X POST {load}
    sudo rm -r "$STAGE"

6. Count. {indexes}

{counts}
7. What CreateTable couldn't bring back; last, so that no item expires and no stream begins before.

{afterwards}
8. Compare with {description}: there it is `table`, `tags` and `time_to_live`.

    aws dynamodb describe-table --endpoint-url "$ALTERNATOR" --cli-input-json {describe_table}
    ARN=$(aws dynamodb describe-table --endpoint-url "$ALTERNATOR" --cli-input-json {describe_table} \\
        --query Table.TableArn --output text)
    aws dynamodb list-tags-of-resource --endpoint-url "$ALTERNATOR" --resource-arn "$ARN"
    aws dynamodb describe-time-to-live --endpoint-url "$ALTERNATOR" --cli-input-json {describe_table}
"""


def render_readme(facts: BackupFacts) -> str:
    """The content of README.txt."""
    snapshot, table = facts.snapshot, facts.snapshot.table
    description = facts.schema.description
    # What `quote` leaves needs no quoting by the shell.
    load = f"{quote(table.keyspace, safe='')}?cf={quote(table.name, safe='')}&load_and_stream=true"
    return _TEXT.format(
        tag=snapshot.tag,
        table=table.name,
        table_argument=_table_argument(table.name, snapshot.tag),
        table_id=table.id,
        snapshot_at=timestamp(snapshot.started_at),
        host_id=facts.node.host_id,
        cluster=f" of cluster {facts.node.cluster}" if facts.node.cluster else "",
        scylla_version=facts.node.scylla_version or "of unknown version",
        file_count=len(facts.archive.files),
        plain_size_bytes=sum(file.size_bytes for file in facts.archive.files),
        archive=facts.archive.name,
        description=layout.DESCRIPTION,
        checksums=layout.CHECKSUMS,
        create_table=_parameters(create_table_request(description)),
        # `./` because the name may start with a dash
        archive_path=shlex.quote(f"./{facts.archive.name}"),
        data_directory=shlex.quote(str(_data_directory(snapshot))),
        stage=f"restore-{snapshot.tag}-{table.id}",
        describe_table=_parameters({"TableName": table.name}),
        table_directory=shlex.quote(f"{table.keyspace}/{table.name}"),
        load=f'"$API/storage_service/sstables/{load}"',
        indexes=_indexes(description),
        counts=_counts(description),
        afterwards=_afterwards(description),
    )


def _data_directory(snapshot: Snapshot) -> Path:
    """The node's, as far as the snapshot lies in it; of a copy from another repository nothing tells."""
    table = snapshot.table
    within = Path(table.keyspace, table.directory_name, "snapshots", snapshot.tag)
    is_node = snapshot.directory.parts[-len(within.parts) :] == within.parts
    return snapshot.directory.parents[len(within.parts) - 1] if is_node else DEFAULT_DATA_DIRECTORY


def _parameters(request: Mapping[str, Any]) -> str:
    return shlex.quote(json.dumps(request))


def _afterwards(description: Mapping[str, Any]) -> str:
    commands = []
    for verb, request in (
        ("update-time-to-live", time_to_live_request(description)),
        ("update-table", stream_request(description)),
    ):
        if request is not None:
            endpoint = '--endpoint-url "$ALTERNATOR"'
            commands.append(f"    aws dynamodb {verb} {endpoint} --cli-input-json {_parameters(request)}\n")
    if description.get("grants"):
        commands.append(f"   Grants went with the old table: {layout.DESCRIPTION} has them under `grants`.\n")
    return "".join(commands) or "   Nothing: the table had no TTL and no stream.\n"


def _indexes(description: Mapping[str, Any]) -> str:
    if not tuple(index_names(description)):
        return "The table has no indexes."
    return "Indexes are filled after the answer of step 5: repeat this until each counts as much as it should."


def _counts(description: Mapping[str, Any]) -> str:
    name = description["table"]["TableName"]
    requests = [{"TableName": name}, *({"TableName": name, "IndexName": index} for index in index_names(description))]
    scan = '    aws dynamodb scan --endpoint-url "$ALTERNATOR" --select COUNT --cli-input-json'
    return "".join(f"{scan} {_parameters(request)}\n" for request in requests)


def _table_argument(name: str, tag: str) -> str:
    """What to say of the backup on our own command line, where a name may look like an option."""
    return f"--run {tag} -- {name}" if name.startswith("-") else f"{name} --run {tag}"
