"""The node: its three ports, who is let in, whether all three are the same node, and its version."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from backup_core.errors import BackupError, NodeRefusedError, PermissionDeniedError, SettingsError
from daemon.checking.examination import Answer, Examination
from daemon.checking.finding import Finding, failure, not_looked_at, ok, warning


OLDEST_VERSION = (6, 2)
OLDEST_YEAR = 2025
"""Releases are named by their year since 2025.1, which came after 6.2; what was called 2024.2 was older than that."""

_YEARS = 2000


def alternator(examination: Examination) -> Iterator[Finding]:
    """Does Alternator answer ListTables?"""
    url = examination.settings.alternator.endpoint
    if examination.client.error is not None and not isinstance(examination.client.error, SettingsError):
        yield not_looked_at("alternator", examination.client.error)
    elif _refused(examination.alternator_tables):
        yield ok("alternator", f"{url} answers.")
    else:
        names = examination.alternator_tables.get()
        yield ok("alternator", f"{url} answers ListTables: {len(names)} table(s).")


def cql(examination: Examination) -> Iterator[Finding]:
    """Does CQL answer what is in system.local?"""
    settings = examination.settings.cql
    where = f"{settings.host}:{settings.port}"
    if _refused(examination.local):
        yield ok("cql", f"{where} answers.")
    else:
        examination.local.get()
        yield ok("cql", f"{where} answers system.local.")


def rest(examination: Examination) -> Iterator[Finding]:
    """Does the REST API tell the host id?"""
    host_id = examination.host_id.get()
    yield ok("rest", f"{examination.settings.node.api_url} answers: host id {host_id}.")


def nodetool(examination: Examination) -> Iterator[Finding]:
    """Does nodetool reach the node, where snapshots are taken with it?"""
    if examination.settings.node.snapshots == "nodetool":
        examination.nodetool.version()
        yield ok("nodetool", "answers; snapshots are taken with it.")


def authentication(examination: Examination) -> Iterator[Finding]:
    """Are the roles let in, where they are asked who they are? Ports that are down have lines of their own."""
    settings = examination.settings
    answers = (
        ("Alternator", settings.alternator.access_key_id, (examination.client, examination.alternator_tables)),
        ("CQL", settings.cql.username, (examination.local,)),
    )
    told: BackupError | None = None
    for port, role, asked in answers:
        error = next((answer.error for answer in asked if answer.error is not None), None)
        # A secret that can't be looked up for Alternator is CQL's failure, too.
        if isinstance(error, PermissionDeniedError) and error is not told:
            told = error
            yield failure("authentication", error)
        elif error is None:
            yield ok("authentication", f"{port} lets {f'role {role!r}' if role else 'us'} in.")


def same_node(examination: Examination) -> Iterator[Finding]:
    """Are the ports those of one node? A backup of another node's tables would look for its files here in vain."""
    for answer in (examination.host_id, examination.local):
        if answer.error is not None:
            yield not_looked_at("same node", answer.error)
            return
    rest_id, cql_id = examination.host_id.get(), str(examination.local.get()["host_id"])
    if rest_id != cql_id:
        raise SettingsError(
            f"CQL is that of host {cql_id}, the REST API that of host {rest_id}.",
            hint="Set cql.host and node.api_url to addresses of the same node, the one on this machine.",
        )
    yield ok("same node", f"CQL and the REST API are both of host {rest_id}.")
    yield from _alternator_elsewhere(examination)


def version(examination: Examination) -> Iterator[Finding]:
    """Is the server one of those that backups are promised for?"""
    if examination.version.error is not None:
        yield not_looked_at("version", examination.version.error)
        return
    release = examination.version.get()
    match = re.match(r"(\d+)\.(\d+)", release)
    if match is None or not _promised(int(match[1]), int(match[2])):
        raise NodeRefusedError(
            f"ScyllaDB {release} is older than 6.2, or unknown.",
            hint="Backups are promised for 6.2 and later: upgrade, or use Scylla Manager for this node.",
        )
    yield ok("version", f"ScyllaDB {release}.")


def _refused(answer: Answer[object]) -> bool:
    """The port is there and has said no to whoever asked."""
    return isinstance(answer.error, PermissionDeniedError)


def _promised(major: int, minor: int) -> bool:
    return major >= OLDEST_YEAR if major >= _YEARS else (major, minor) >= OLDEST_VERSION


def _alternator_elsewhere(examination: Examination) -> Iterator[Finding]:
    """Alternator tells no host id; what can give another node away is its port and its tables."""
    endpoint = urlsplit(examination.settings.alternator.endpoint)
    port = endpoint.port or {"http": 80, "https": 443}[endpoint.scheme]
    if examination.alternator_port.error is None and port != examination.alternator_port.get():
        yield warning(
            "same node",
            f"The node's Alternator is on port {examination.alternator_port.get()}, alternator.endpoint says {port}.",
            "Set alternator.endpoint to the node itself, not to a load balancer.",
        )
    if examination.alternator_tables.error is None and examination.tables.error is None:
        known = {name for _, name in examination.tables.get()}
        unknown = sorted(set(examination.alternator_tables.get()) - known)
        if unknown:
            yield warning(
                "same node",
                f"Alternator lists tables that CQL doesn't know: {', '.join(unknown)}",
                "Set alternator.endpoint and cql.host to the same node; if tables are just being dropped, look again.",
            )
