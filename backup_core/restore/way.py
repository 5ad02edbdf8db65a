"""How the items come back: decided by the columns that the backup recorded, never by the version alone.

SSTables hold cells of a column for each index key that was a real column of the table (tables created up to 6.2); a
table without that column refuses them. Without such cells an older server fills no index, since there the key is a
column and nothing else. What fits neither way is copied item by item, which any server takes.
"""

from backup_core.restore.model import TableDefinition, TargetServer, Way


def choose_way(definition: TableDefinition, target: TargetServer) -> Way:
    """The way that loses nothing, and among those the fastest."""
    real = {column.name for column in definition.real_columns}
    indexed = index_attributes(definition)
    if target.real_index_columns is False and not real:
        return Way.LOAD
    if target.real_index_columns is True and real == indexed:
        return Way.LOAD
    if not (definition.global_indexes or definition.local_indexes):
        return Way.COLUMNS_FIRST if real else Way.LOAD
    if not real and not indexed:
        return Way.LOAD
    # Never where there is an LSI, which CreateTable makes at once: ALTER TABLE beside any index ends the node.
    if target.updates_indexes and real and not definition.local_indexes:
        return Way.COLUMNS_FIRST
    return Way.COPY_ITEMS


def index_attributes(definition: TableDefinition) -> set[str]:
    """Attributes that are keys of an index and not of the table."""
    own = {key["AttributeName"] for key in definition.key_schema}
    indexes = (*definition.global_indexes, *definition.local_indexes)
    return {key["AttributeName"] for index in indexes for key in index["KeySchema"]} - own
