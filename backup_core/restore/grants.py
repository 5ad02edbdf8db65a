"""Gives the roles back what they were granted: DeleteTable has taken it from them, and nobody else brings it back."""

from collections.abc import Sequence

from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NotFoundError, PermissionDeniedError
from backup_core.events import RESTORE_GRANT_LEFT


def replay_grants(context: Context, table_name: str, statements: Sequence[str]) -> tuple[str, ...]:
    """Send GRANT statements over CQL; one that is refused doesn't stop the others.

    Args:
        context: where the node is.
        table_name: that they are about.
        statements: in their order.

    Returns:
        What is left to somebody who may, in words: the statement, and why it was refused.

    Raises:
        NodeUnavailableError: CQL doesn't answer.
    """
    left = []
    for statement in statements:
        try:
            context.cql.rows(statement)
        except (PermissionDeniedError, NodeRefusedError, NotFoundError) as error:
            context.reporter.warning(RESTORE_GRANT_LEFT, table=table_name, statement=statement, error=error.message)
            left.append(f"{statement};  -- {error.message}")
    return tuple(left)
