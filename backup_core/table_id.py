"""Which tables there are, and the id under which the node keeps each one's files."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from backup_core.close_names import close_names
from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NotFoundError, PermissionDeniedError, excerpt
from backup_core.events import TABLE_IDENTIFIED
from backup_core.model import KEYSPACE_PREFIX, SCRATCH_PREFIX, TABLE_NAME_MAX_LENGTH, Table, keyspace_of
from backup_core.repository.layout import is_table_name


def get_all_tables(context: Context) -> tuple[str, ...]:
    """Names of all Alternator tables of the node, sorted; without our own scratch tables, which come and go.

    The node's own table list decides, since ListTables can end too early while tables come and go (ScyllaDB's
    alternator/executor.cc): a table is Alternator's if it has its name's own keyspace, which leaves out CDC logs,
    `$paxos` tables and whatever CQL has put into such a keyspace. Where the two lists differ, DescribeTable is asked.

    Args:
        context: where the node is.

    Returns:
        The names; empty if there is no table.

    Raises:
        NodeUnavailableError: Alternator or CQL doesn't answer.
        PermissionDeniedError: wrong user, secret or password.
    """
    listed = set(context.alternator.list_tables())
    own = {name for keyspace, name in context.cql.table_ids() if keyspace == keyspace_of(name)}
    own = {name for name in own if not name.startswith(SCRATCH_PREFIX)}
    return tuple(sorted(name for name in own if name in listed or _exists(context, name)))


def get_table_id(context: Context, table_name: str) -> Table:
    """The table with the id that the node keeps it under.

    Args:
        context: where the node is.
        table_name: as Alternator gives it, case-sensitive.

    Returns:
        The table; its `id` has 32 hex digits and no dashes.

    Raises:
        NotFoundError: there is no such table, names that come close are in the hint; or it is being replaced right now.
        NodeRefusedError: CQL and Alternator disagree about the id.
        NodeUnavailableError: Alternator or CQL doesn't answer.
        PermissionDeniedError: wrong user, secret or password.
    """
    # Nothing that can't be a table's name is asked for, or becomes part of a path.
    table_id = context.cql.table_id(keyspace_of(table_name), table_name) if is_table_name(table_name) else None
    if table_id is None:
        raise _not_found(context, table_name)
    try:
        described = uuid.UUID(context.alternator.describe_table(table_name)["TableId"]).hex
    except NotFoundError as error:
        raise _not_found(context, table_name) from error
    table = Table(table_name, table_id)
    if described != table_id:
        refuse_if_gone(context, table)
        raise NodeRefusedError(
            f"Table '{table_name}' has id {table_id} in CQL and {described} in Alternator.",
            hint="Do cql.host and alternator.endpoint lead to the same cluster?",
        )
    context.reporter.event(TABLE_IDENTIFIED, table=table_name, table_id=table_id)
    return table


def refuse_if_gone(context: Context, table: Table) -> None:
    """Make sure that a table is still the one that it was.

    Raises:
        NotFoundError: it was dropped, or another one has its name now.
        NodeUnavailableError, PermissionDeniedError: CQL can't be asked.
    """
    now_id = context.cql.table_id(table.keyspace, table.name)
    if now_id != table.id:
        raise NotFoundError(
            f"Table '{table.name}' was {'dropped' if now_id is None else 'created anew'} while it was backed up.",
            hint="Its former backups are untouched.",
            table=table.name,
        )


@contextmanager
def refusals_explained(context: Context, table: Table) -> Iterator[None]:
    """Where the node refuses something in the block because the table is gone, say that.

    Every interface has words of its own for it, of which some read like a lack of rights
    (ListTagsOfResource: "Incorrect resource identifier", alternator/executor.cc).

    Raises:
        NotFoundError: the table was dropped or replaced.
        BackupError: whatever the block raises, if it is still there.
    """
    try:
        yield
    except (NodeRefusedError, NotFoundError, PermissionDeniedError):
        refuse_if_gone(context, table)
        raise


def _exists(context: Context, name: str) -> bool:
    try:
        context.alternator.describe_table(name)
    except NotFoundError:
        return False
    return True


def _not_found(context: Context, table_name: str) -> NotFoundError:
    names = get_all_tables(context)
    close = close_names(table_name, names)
    if table_name.startswith(KEYSPACE_PREFIX) and table_name.removeprefix(KEYSPACE_PREFIX) in names:
        close = [table_name.removeprefix(KEYSPACE_PREFIX)]
    hint = f"Did you mean {' or '.join(close)}?" if close else "The menu and `backup --all` show what there is."
    return NotFoundError(
        f"Table '{excerpt(table_name, TABLE_NAME_MAX_LENGTH)}' not found.", hint=hint, table=table_name
    )
