"""TargetServer from what the node says of itself.

What a release can do it tells other nodes in `system.local`, and that is believed before any version number; the rest
goes by `releases.py`. Of a server that doesn't tell its version the least is expected.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from backup_core.context import Context
from backup_core.model import TABLE_NAME_MAX_LENGTH
from backup_core.node.facts import or_none
from backup_core.repository.create_table import FORMER_INITIAL_TABLETS_TAG, INITIAL_TABLETS_TAG
from backup_core.restore import releases
from backup_core.restore.model import TargetServer
from backup_core.restore.releases import Release, has, parse_release
from backup_core.table_id import get_all_tables


SHORTER_TABLE_NAME_MAX_LENGTH = 192

_FORMAT_FEATURE = re.compile(r"(M[A-Z])_SSTABLE_FORMAT")
_ALWAYS_READ = frozenset({"mc", "md", "me"})
"""Older formats go on being read without being told of."""


def target_server(context: Context) -> TargetServer:
    """Ask the node what it does.

    Raises:
        NodeUnavailableError: Alternator, CQL or the REST API doesn't answer.
        PermissionDeniedError: wrong user, secret or password.
    """
    version = or_none(context.rest.scylla_version)
    release = parse_release(version)
    features = context.cql.supported_features()
    mode = _tablets_mode(context, release)
    placements = context.cql.placements()
    computed = has(release, releases.COMPUTED_INDEX_COLUMNS)
    return TargetServer(
        version=version,
        tables=frozenset(get_all_tables(context)),
        real_index_columns=None if release is None else not computed,
        updates_indexes=computed,
        keeps_billing=computed,
        reserves_system_tags=has(release, releases.RESERVED_SYSTEM_TAGS, if_unknown=True),
        tablets_tag=_tablets_tag(release),
        tablets_by_default=None if mode is None else mode in {"enabled", "enforced"},
        vnodes_allowed=mode != "enforced",
        rack_valid_keyspaces=or_none(lambda: context.rest.setting("rf_rack_valid_keyspaces")) is True,
        streams="ALTERNATOR_STREAMS" in features,
        streams_on_tablets="CDC_BLOCK_TABLET_MERGES_FOR_ALTERNATOR_STREAMS" in features,
        ttl_on_tablets=has(release, releases.TTL_ON_TABLETS),
        lwt_on_tablets="LWT_WITH_TABLETS" in features,
        sstable_formats=_ALWAYS_READ | _told_formats(features),
        reads_dictionaries="SSTABLE_COMPRESSION_DICTS" in features,
        table_name_max_length=_table_name_max_length(release),
        write_isolation=_text(or_none(lambda: context.rest.setting("alternator_write_isolation"))),
        nodes=len(placements) or None,
        nodes_of_smallest_datacenter=min(Counter(datacenter for datacenter, _ in placements).values(), default=None),
        racks=dict(Counter(datacenter for datacenter, _ in set(placements))) or None,
    )


def _tablets_mode(context: Context, release: Release | None) -> str | None:
    """`enabled`, `enforced` or `disabled`, as far as Alternator goes by it; None if unknown."""
    if release is not None and not has(release, releases.TABLETS_BY_CONFIGURATION):
        return "disabled"
    return _text(or_none(lambda: context.rest.setting("tablets_mode_for_new_keyspaces")))


def _tablets_tag(release: Release | None) -> str:
    renamed = has(release, releases.TABLETS_BY_CONFIGURATION, if_unknown=True)
    return INITIAL_TABLETS_TAG if renamed else FORMER_INITIAL_TABLETS_TAG


def _table_name_max_length(release: Release | None) -> int:
    shorter = has(release, releases.SHORTER_TABLE_NAMES, if_unknown=True)
    return SHORTER_TABLE_NAME_MAX_LENGTH if shorter else TABLE_NAME_MAX_LENGTH


def _told_formats(features: Iterable[str]) -> set[str]:
    return {told[1].lower() for name in features if (told := _FORMAT_FEATURE.fullmatch(name))}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
