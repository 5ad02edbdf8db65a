"""Identifiers in CQL: which need quotes, and how the server writes them."""

import re

from sandbox.version import ServerVersion


_PLAIN = re.compile(r"[a-z][a-z0-9_]*")

# What the server's grammar doesn't take as a name without quotes; newer versions add to it.
_RESERVED_WORDS = frozenset(
    (
        *("add", "allow", "alter", "and", "apply", "asc", "authorize", "batch", "begin", "by", "cast"),
        *("columnfamily", "create", "default", "delete", "drop", "entries", "from", "full", "grant", "if", "in"),
        *("index", "infinity", "insert", "into", "is", "keyspace", "limit", "materialized", "modify", "nan"),
        *("norecursive", "not", "null", "of", "on", "or", "order", "primary", "rename", "replace", "revoke"),
        *("schema", "scylla_clustering_bound", "scylla_counter_shard_list", "scylla_timeuuid_list_index"),
        *("select", "set", "table", "to", "token", "truncate", "unlogged", "unset", "update", "use", "using"),
        *("view", "where", "with"),
    )
)


def is_reserved(word: str, version: ServerVersion) -> bool:
    """Whether a word, in any case, is one that the grammar keeps for itself."""
    return word.lower() in _RESERVED_WORDS or word.lower() in version.added_reserved_words


def quote(identifier: str, version: ServerVersion) -> str:
    """The identifier as the server writes it: in double quotes where CQL would read it otherwise."""
    if _PLAIN.fullmatch(identifier) and not is_reserved(identifier, version):
        return identifier
    return '"' + identifier.replace('"', '""') + '"'
