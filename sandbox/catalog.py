"""What the sandbox node knows: its tables with their indexes, tags and options, its roles and their grants.

The three servers (Alternator, CQL, REST) and the data directory all read and change this one state, under its lock.
"""

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sandbox.version import ServerVersion


KEYSPACE_PREFIX = "alternator_"


@dataclass(frozen=True, slots=True)
class Key:
    """A key attribute: its name and its type (`S`, `N` or `B`)."""

    name: str
    type: Literal["S", "N", "B"]


@dataclass(slots=True)
class Index:
    """A secondary index, which is a materialized view of its table.

    Attributes:
        name: as the client gave it.
        local: an LSI if true, else a GSI.
        hash_key: its partition key.
        range_key: its sort key, None where the client asked for none.
        id: the view's id (time-based, as the server makes them).
        tags: the view's own `scylla_tags`.
        is_build_lost: nobody ever hears that its view is built.
        built_after: when its view is built at the earliest, by the monotonic clock.
    """

    name: str
    local: bool
    hash_key: Key
    range_key: Key | None
    id: uuid.UUID
    tags: dict[str, str] = field(default_factory=dict)
    is_build_lost: bool = False
    built_after: float = 0.0


@dataclass(slots=True)
class Stream:
    """A table's stream: its view type, and the CDC log table that carries it."""

    view_type: str
    log_id: uuid.UUID
    created_at: datetime
    enabled: bool = True


@dataclass(slots=True)
class Table:
    """An Alternator table with everything but its items.

    `attribute_types` maps every declared attribute to its type; `tags` holds the internal ones too, hidden or not.
    `paxos_id` is set once a conditional write has made the table's LWT state table. `added_columns` are those that
    ALTER TABLE has added, with their CQL types.
    """

    name: str
    id: uuid.UUID
    hash_key: Key
    range_key: Key | None
    attribute_types: dict[str, str]
    indexes: list[Index]
    tags: dict[str, str]
    created_at: datetime
    tablets: bool
    billing_mode: str = "PAY_PER_REQUEST"
    read_capacity_units: int = 0
    write_capacity_units: int = 0
    stream: Stream | None = None
    paxos_id: uuid.UUID | None = None
    added_columns: dict[str, str] = field(default_factory=dict)

    @property
    def keyspace(self) -> str:
        """Each Alternator table has a keyspace of its own."""
        return KEYSPACE_PREFIX + self.name

    def view_name(self, index: Index) -> str:
        """Name of the view behind an index: `table:index`, `table!:index` for local ones."""
        return f"{self.name}{'!' if index.local else ''}:{index.name}"


@dataclass(slots=True)
class Role:
    """A CQL role. Its `salted_hash` is also its secret key in Alternator; its creator may alter and drop it."""

    name: str
    password: str
    salted_hash: str
    superuser: bool = False
    can_login: bool = True
    creator: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission of a role on a table or a view (`keyspace.name`)."""

    role: str
    keyspace: str
    name: str
    permission: str


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node of the cluster: nobody can talk to it."""

    address: str
    rack: str
    host_id: uuid.UUID


class Catalog:
    """The state of one node. Hold `lock` while reading more than one thing or changing anything.

    Args:
        version: the server version to play.
        enforce_authorization: CQL and Alternator both ask for credentials and check grants.
        cluster_name: as REST tells it (CQL's system.local has none, like the real one).
        datacenter: of the node.
        rack: of the node.
        address: of the node, an IPv4 address on loopback.
        racks: how many racks the cluster has. There is a node in each, as far as this one says; it owns everything
            nevertheless.
        index_memory_seconds: how long the indexes of a dropped table are remembered, where the version does that.

    Attributes:
        abort: ends the node for good, as a failed assertion of the server does; takes the assertion.
    """

    def __init__(
        self,
        version: ServerVersion,
        *,
        enforce_authorization: bool = False,
        cluster_name: str = "Test Cluster",
        datacenter: str = "datacenter1",
        rack: str = "rack1",
        address: str = "127.0.0.1",
        racks: int = 1,
        index_memory_seconds: float = 2.0,
    ) -> None:
        self.lock = threading.RLock()
        self.version = version
        self.enforce_authorization = enforce_authorization
        self.cluster_name = cluster_name
        self.datacenter = datacenter
        self.rack = rack
        self.address = address
        self.racks = racks
        self.abort: Callable[[str], None] = lambda _: None
        self.host_id = uuid.uuid4()
        self.schema_version = uuid.uuid1()
        self.tables: dict[str, Table] = {}
        self.roles: dict[str, Role] = {}
        self.grants: set[Grant] = set()
        self._index_memory_seconds = index_memory_seconds
        self._forgotten_at: dict[str, float] = {}
        if enforce_authorization:
            self.add_role("cassandra", "cassandra", superuser=True)

    def add_role(self, name: str, password: str, *, superuser: bool = False) -> Role:
        """Create a role, without any grant; its salted hash looks like the real one's (`$6$`, 106 characters)."""
        alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        salt, digest = ("".join(secrets.choice(alphabet) for _ in range(n)) for n in (16, 86))
        role = Role(name, password, f"$6${salt}${digest}", superuser=superuser)
        with self.lock:
            self.roles[name] = role
        return role

    def peers(self) -> list[Peer]:
        """The other nodes of the cluster, one in each other rack."""
        first, _, last = self.address.rpartition(".")
        others = range(1, self.racks)
        return [
            Peer(f"{first}.{int(last) + each}", f"rack{each + 1}", uuid.uuid5(self.host_id, str(each)))
            for each in others
        ]

    def find(self, keyspace: str, name: str) -> Table | None:
        """The Alternator table of that keyspace, if `name` is the table's own name (no view, no log)."""
        table = self.tables.get(name)
        return table if table is not None and table.keyspace == keyspace else None

    def add(self, table: Table) -> None:
        """Take over a table that has just been created. How its indexes are doing may be lost from the beginning.

        Dropped views are cleared up after one by one. On vnodes new views wait for that. On tablets they don't, and
        those of the same names are cleared up after, too: all but the first one, which is for that at once, unless
        other tables' are before it.
        """
        self.tables[table.name] = table
        remembered = {name: at for name, at in self._forgotten_at.items() if at > time.monotonic()}
        indexes = sorted(table.indexes, key=table.view_name)
        if not table.tablets:
            for index in indexes:
                index.built_after = max(remembered.values(), default=0.0)
        elif table.name in remembered:
            for index in indexes if len(remembered) > 1 else indexes[1:]:
                index.is_build_lost = True

    def remove(self, table: Table) -> None:
        """Forget a table that is being dropped."""
        del self.tables[table.name]
        if table.indexes and self.version.remembers_dropped_indexes:
            self._forgotten_at[table.name] = time.monotonic() + self._index_memory_seconds

    def unordered_tables(self) -> Iterator[Table]:
        """All tables in an order that is nobody's: the real node's is that of a hash table, and changes with it."""
        return iter(sorted(self.tables.values(), key=lambda table: hash((self.host_id, table.id))))

    def schema_changed(self) -> None:
        """Note that the schema has a new version."""
        self.schema_version = uuid.uuid1()


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
