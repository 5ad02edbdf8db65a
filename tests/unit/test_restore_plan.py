import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import IncompleteError, ManifestError, NodeRefusedError, NotFoundError
from backup_core.repository.create_table import create_table_request
from backup_core.repository.manifest import Range
from backup_core.restore.definition import table_definition
from backup_core.restore.model import BackupSource, RestoreOptions, RestorePlan, TargetServer, Way
from backup_core.restore.plan import plan_restore
from backup_core.restore.plan_json import as_json
from backup_core.restore.planned_requests import requests
from tests.restore_samples import NEW, OLD, SERVERS, VERSIONS, description, recorded_tables, source, sstable


RECORDED = [(version, name) for version in VERSIONS for name in recorded_tables(version)]
STREAM = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
TTL = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def plan(*sources: BackupSource, server: TargetServer, **options: Any) -> RestorePlan:
    """A plan as the command line asks for it."""
    definition = table_definition(sources[0].description)
    return plan_restore(sources, definition, server, RestoreOptions(**options))


def planned(version: str, name: str, server: TargetServer, **options: Any) -> RestorePlan:
    """A plan for a recorded table."""
    return plan(source(description(version, name), of=version), server=server, **options)


def operations(planned: RestorePlan) -> list[str]:
    """What the plan's requests do, in their order, without those that read."""
    reading = {"Scan", "DescribeTable", "ListTagsOfResource", "DescribeTimeToLive"}
    return [request.operation for request in requests(planned) if request.operation not in reading]


def readable(server: TargetServer) -> TargetServer:
    """A server that can read whatever was recorded."""
    return replace(server, reads_dictionaries=True)


@pytest.mark.parametrize(("version", "name"), RECORDED)
def test_on_the_same_version_the_plan_asks_for_what_the_readme_asks_for(version: str, name: str) -> None:
    """A server like the one that was backed up gets the CreateTable of README.txt, and then the data."""
    made = planned(version, name, SERVERS[version])
    assert made.create_table == create_table_request(description(version, name))
    assert (made.way, made.columns, made.scratch, made.late_indexes, made.coverage) == (Way.LOAD, (), None, (), 1.0)
    forgotten = ["CreateTable", "DeleteTable"] if made.has_indexes_on_tablets else []
    expected = [*forgotten, "CreateTable", f"POST /storage_service/sstables/alternator_{name}"]
    assert operations(made)[: len(expected)] == expected


@pytest.mark.parametrize(("version", "name"), RECORDED)
@pytest.mark.parametrize("server", [readable(OLD), NEW, replace(readable(NEW), real_index_columns=None, version=None)])
def test_no_plan_adds_a_column_beside_an_index(version: str, name: str, server: TargetServer) -> None:
    """Whatever goes where: where columns are added, the table that gets them has no index, which would end the node."""
    made = planned(version, name, server)
    if made.columns:
        bare = made.scratch or made.create_table
        assert not {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} & bare.keys()
    altered = [
        each.parameters["statement"] for each in requests(made) if each.parameters.get("statement", "")[:5] == "ALTER"
    ]
    assert len(altered) == len(made.columns)


@pytest.mark.parametrize(
    ("version", "name", "server", "way"),
    [
        ("6.2.3", "orders", NEW, Way.LOAD),
        ("6.2.3", "users", NEW, Way.COLUMNS_FIRST),
        ("6.2.3", "Game.Scores-2024", NEW, Way.COPY_ITEMS),
        ("6.2.3", "Game.Scores-2024", OLD, Way.LOAD),
        ("2026.1.12", "users", readable(OLD), Way.COPY_ITEMS),
        ("2026.1.12", "expiring", readable(OLD), Way.LOAD),
        ("6.2.3", "users", replace(OLD, version=None, real_index_columns=None), Way.COPY_ITEMS),
    ],
)
def test_the_columns_that_were_recorded_decide_the_way(version: str, name: str, server: TargetServer, way: Way) -> None:
    """Real columns of GSIs are added first, those of LSIs are copied, computed ones are copied to an old server."""
    assert planned(version, name, server).way is way


def test_the_column_of_a_dropped_index_comes_first_too() -> None:
    """A table without indexes whose files hold another column gets it before its data, on any version."""
    content = description("6.2.3", "orders")
    content["columns"].append({"table_name": "orders", "column_name": 'o"dd', "kind": "regular", "type": "text"})
    for server in (OLD, NEW):
        made = plan(source(content), server=server)
        assert made.way is Way.COLUMNS_FIRST
        assert [each.parameters for each in requests(made) if each.step == "columns"] == [
            {"statement": 'ALTER TABLE "alternator_orders"."orders" ADD "o""dd" text'}
        ]


def test_indexes_come_after_the_data_where_columns_come_first() -> None:
    """Each GSI is an UpdateTable of its own then, with the types of its keys and no other."""
    made = planned("6.2.3", "users", NEW, target="copy")
    assert operations(made) == [
        "CreateTable",
        "CQL",
        "CQL",
        "POST /storage_service/sstables/alternator_copy",
        "UpdateTable",
        "UpdateTable",
    ]
    assert made.create_table["AttributeDefinitions"] == [
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "pk", "AttributeType": "S"},
    ]
    added = [each.parameters for each in requests(made) if each.step == "indexes"]
    for parameters in added:
        (update,) = parameters["GlobalSecondaryIndexUpdates"]
        keys = [key["AttributeName"] for key in update["Create"]["KeySchema"]]
        assert [each["AttributeName"] for each in parameters["AttributeDefinitions"]] == keys


def test_copied_items_go_through_a_scratch_table_of_their_own() -> None:
    """The scratch table has the keys and nothing else, a name of its own for each target, and is deleted."""
    first, second = (planned("6.2.3", "Game.Scores-2024", NEW, target=name) for name in ("one", "two"))
    assert first.scratch is not None
    assert second.scratch is not None
    assert first.scratch["TableName"] != second.scratch["TableName"]
    assert first.scratch["TableName"].startswith("abdrill_")
    assert first.scratch["KeySchema"] == first.create_table["KeySchema"]
    assert {"LocalSecondaryIndexes", "GlobalSecondaryIndexes"} <= first.create_table.keys()
    deleted = [each.parameters for each in requests(first) if each.operation == "DeleteTable"]
    assert deleted == [{"TableName": first.scratch["TableName"]}]


def tags(made: RestorePlan) -> dict[str, str]:
    """Tags of CreateTable."""
    return {tag["Key"]: tag["Value"] for tag in made.create_table.get("Tags", ())}


@pytest.mark.parametrize(
    ("was", "recorded", "server", "expected"),
    [
        (False, {}, OLD, {}),
        (True, {}, NEW, {}),
        (False, {}, NEW, {"system:initial_tablets": "none"}),
        (True, {}, replace(NEW, tablets_by_default=False), {"system:initial_tablets": "0"}),
        (True, {}, replace(NEW, tablets_by_default=None), {"system:initial_tablets": "0"}),
        (True, {}, readable(OLD), {}),
        (True, {"experimental:initial_tablets": "4"}, NEW, {"system:initial_tablets": "4"}),
        (True, {"system:initial_tablets": "4"}, OLD, {"experimental:initial_tablets": "4"}),
        (False, {"experimental:initial_tablets": "none"}, NEW, {"system:initial_tablets": "none"}),
        (True, {"system:initial_tablets": "none"}, NEW, {"system:initial_tablets": "0"}),
        (None, {}, NEW, {}),
        (False, {}, replace(NEW, vnodes_allowed=False), {}),
    ],
)
def test_a_table_comes_back_on_tablets_or_vnodes_as_it_was(
    was: bool | None, recorded: dict[str, str], server: TargetServer, expected: dict[str, str]
) -> None:
    """The tag is set where the default differs, under the name that the server knows, and only there."""
    content = description("6.2.3", "orders") | {
        "tags": [{"Key": key, "Value": value} for key, value in recorded.items()]
    }
    content["keyspace"]["tablets"] = was
    assert tags(plan(source(content), server=server)) == expected


@pytest.mark.parametrize(
    ("change", "server"),
    [
        ({"StreamSpecification": STREAM}, NEW),
        ({}, replace(NEW, ttl_on_tablets=False)),
        ({"GlobalSecondaryIndexes": []}, replace(NEW, nodes=3, racks={"dc": 2}, rack_valid_keyspaces=True)),
        ({}, replace(NEW, nodes=3, racks={"dc": 1})),
    ],
)
def test_what_tablets_cannot_have_goes_to_vnodes(change: dict[str, Any], server: TargetServer) -> None:
    """Streams, TTL and racks that forbid tablets are foreseen, and the plan says why; without vnodes it is the end."""
    content = description("2026.1.12", "users") | {"time_to_live": TTL}
    content["table"] |= change
    made = plan(source(content, of="2026.1.12"), server=server)
    assert tags(made)["system:initial_tablets"] == "none"
    (told,) = (each for each in made.differences if each.what == "tablets or vnodes")
    assert (told.backup, told.target) == ("tablets", "vnodes")
    forced = replace(server, vnodes_allowed=False)
    if "StreamSpecification" in change:
        without = plan(source(content, of="2026.1.12"), server=forced)
        assert without.stream is None
        assert any("stream" in warning for warning in without.warnings)
    else:
        with pytest.raises(NodeRefusedError, match="vnodes are forbidden"):
            plan(source(content, of="2026.1.12"), server=forced)


def test_racks_that_fit_keep_tablets() -> None:
    """One node needs one rack, three nodes need three; a table without indexes needs neither."""
    for server in (replace(NEW, nodes=2, racks={"dc": 2}), replace(NEW, nodes=3, racks={"dc": 3, "other": 3})):
        assert tags(planned("2026.1.12", "users", server)).keys() == {"team", "system:write_isolation"}
    assert tags(planned("2026.1.12", "expiring", replace(NEW, nodes=3, racks={"dc": 1}))) == {}


def test_the_tag_for_vnodes_showed_up_untold() -> None:
    """Clients see it: the plan tells where it is set anew, or goes by another name; where it stays, nothing is told."""
    former = description("6.2.3", "expiring")
    former["tags"] += [{"Key": "experimental:initial_tablets", "Value": "none"}]
    told = [
        [(each.backup, each.target) for each in made.differences if each.what == "placement tag"]
        for made in (planned("6.2.3", "users", NEW), plan(source(former), server=NEW), plan(source(former), server=OLD))
    ]
    anew = "system:initial_tablets=none"
    assert told == [[("none", anew)], [("experimental:initial_tablets=none", anew)], []]


def test_a_small_share_of_a_large_cluster_was_refused_for_lack_of_space() -> None:
    """What is loaded is shared by the nodes of each data centre: the plan has the smallest one's for the staging."""
    assert planned("2026.1.12", "users", replace(NEW, nodes=9, nodes_of_smallest_datacenter=4)).nodes == 4


def test_tags_of_the_server_itself_stay_behind() -> None:
    """TTL comes by its own request; what a user has put under `system:` comes back where it may, and else is told."""
    content = description("6.2.3", "expiring")
    content["tags"] += [{"Key": "system:mine", "Value": "x"}, {"Key": "team", "Value": "core"}]
    old, new = (plan(source(content), server=server, target="copy") for server in (OLD, NEW))
    assert tags(old) == {"system:mine": "x", "team": "core"}
    assert tags(new) == {"team": "core", "system:initial_tablets": "none"}
    assert any("system:mine" in warning for warning in new.warnings)
    specification = {"AttributeName": "exp", "Enabled": True}
    assert old.time_to_live == {"TableName": "copy", "TimeToLiveSpecification": specification}


def test_a_stream_is_switched_on_last_or_told() -> None:
    """It has a request of its own; where the feature is off, the plan says so instead of failing at the end."""
    made = planned("6.2.3", "streamed", OLD, target="copy")
    assert made.stream == {
        "TableName": "copy",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }
    off = planned("6.2.3", "streamed", replace(OLD, streams=False))
    assert off.stream is None
    assert any("alternator-streams" in warning for warning in off.warnings)


def test_sort_keys_that_nobody_may_have_asked_for_are_kept_and_shown() -> None:
    """`hash_only` drops one; a real sort key can't be dropped, nor that of an index that isn't there."""
    kept = planned("6.2.3", "users", OLD)
    assert [each.what for each in kept.differences] == ["sort key of users_by_age"]
    dropped = planned("6.2.3", "users", OLD, hash_only=frozenset({"users_by_age"}))
    keys = {index["IndexName"]: index["KeySchema"] for index in dropped.create_table["GlobalSecondaryIndexes"]}
    assert keys["users_by_age"] == [{"AttributeName": "age", "KeyType": "HASH"}]
    for name in ("by_email", "nobody"):
        with pytest.raises(NotFoundError, match=name):
            planned("6.2.3", "users", OLD, hash_only=frozenset({name}))
    assert planned("2026.1.12", "users", NEW).differences == ()


def test_late_indexes_are_told_and_need_a_server_that_can() -> None:
    """They come after the data, with the sort key that they will show then; 6.2 is refused before anything is done."""
    late = planned("2026.1.12", "users", NEW, late_indexes=True)
    assert {index["IndexName"] for index in late.late_indexes} == {"users_by_age", "by_email"}
    assert "GlobalSecondaryIndexes" not in late.create_table
    assert [each.what for each in late.differences] == ["index users_by_age"]
    with pytest.raises(NodeRefusedError, match="--late-indexes"):
        planned("6.2.3", "users", OLD, late_indexes=True)


@pytest.mark.parametrize(
    ("options", "server", "words"),
    [
        ({}, replace(OLD, tables=frozenset({"users"})), "exists"),
        ({"target": "x" * 193}, NEW, "193 characters"),
        ({"target": "x" * 215}, OLD, "too long for index users_by_age"),
        ({"target": "../x"}, OLD, "can't be the name"),
        ({"target": ".scylla.alternator.x"}, OLD, "can't be the name"),
        ({}, replace(OLD, sstable_formats=frozenset({"mc", "md"})), "format me"),
    ],
)
def test_what_cannot_be_done_is_said_before(options: dict[str, Any], server: TargetServer, words: str) -> None:
    """Names that are taken or too long, and files that can't be read, end the plan with what stands in the way."""
    with pytest.raises(NodeRefusedError, match=words):
        planned("6.2.3", "users", server, **options)


@pytest.mark.parametrize(("version", "server", "refused"), [("ms", OLD, True), ("mt", OLD, True), ("mt", NEW, False)])
def test_trie_sstables_need_a_server_that_reads_them(version: str, server: TargetServer, *, refused: bool) -> None:
    """The names of the files tell their format."""
    backup = source(description("6.2.3", "orders"), files=sstable("me") + sstable(version))
    if refused:
        with pytest.raises(NodeRefusedError, match=f"format {version}"):
            plan(backup, server=server)
    else:
        assert plan(backup, server=server).way is Way.LOAD


def test_number_keys_that_are_copied_are_told() -> None:
    """Copied items have their key's numbers as Scan spells them; loaded ones as they were written."""
    told = [each for each in planned("6.2.3", "Game.Scores-2024", NEW).warnings if "1E+30" in each]
    assert len(told) == 1
    assert not [each for each in planned("6.2.3", "Game.Scores-2024", OLD).warnings if "1E+30" in each]


def test_a_compressor_that_the_server_does_not_have_is_told() -> None:
    """Its files load until a dictionary was trained, as those that were recorded: no reason to refuse them."""
    told = {each.what: each for each in planned("2026.1.12", "orders", OLD).differences}
    assert "LZ4WithDictsCompressor" in told["compression"].backup
    assert "compression" not in {each.what for each in planned("2026.1.12", "orders", readable(OLD)).differences}


def test_less_than_the_whole_ring_needs_to_be_asked_for() -> None:
    """The part is told; with `partial` it is in the plan, and what is missing among what isn't restored."""
    half = (Range(start="0", end=str(-(2**63)), endpoints=("127.0.0.1",)),)
    backup = source(description("6.2.3", "orders"), ranges=half)
    with pytest.raises(IncompleteError, match="50 %"):
        plan(backup, server=OLD)
    partial = plan(backup, server=OLD, partial=True)
    assert partial.coverage == pytest.approx(0.5)
    assert any("50 %" in warning for warning in partial.warnings)
    unknown = plan(source(description("6.2.3", "orders"), ranges=None), server=OLD)
    assert unknown.coverage is None
    assert any("ring" in warning for warning in unknown.warnings)


def test_sources_that_describe_different_tables_are_refused() -> None:
    """Backups of one tag whose keys differ are never mixed."""
    other = description("6.2.3", "orders")
    other["table"]["AttributeDefinitions"][0]["AttributeType"] = "B"
    with pytest.raises(ManifestError, match="another table"):
        plan(source(description("6.2.3", "orders")), source(other), server=OLD)


def test_grants_are_given_on_the_new_objects() -> None:
    """Table, views and log of the target get what those of the backup had, in that order; the unknown is told."""
    content = description("6.2.3", "users")
    content["table"]["StreamSpecification"] = STREAM

    def rows(name: str, *permissions: str) -> list[dict[str, str]]:
        resource = f"<table alternator_users.{name}>"
        return [{"role": 'a"pp', "username": 'a"pp', "resource": resource, "permission": each} for each in permissions]

    inherited = [
        {"role": "all", "username": "all", "resource": "<all keyspaces>", "permission": "SELECT"},
        {"role": "ks", "username": "ks", "resource": "<keyspace alternator_users>", "permission": "CREATE"},
    ]
    content["grants"] = {
        "users_scylla_cdc_log": rows("users_scylla_cdc_log", "SELECT"),
        "users:by_email": [*inherited, *rows("users:by_email", "SELECT")],
        "users": [*inherited, *rows("users", "SELECT", "MODIFY", "SELECT; DROP ROLE x")],
        "users:gone": rows("users:gone", "SELECT"),
    }
    made = plan(source(content), server=OLD, target="co-py")
    assert made.grants == (
        'GRANT CREATE ON KEYSPACE "alternator_co-py" TO "ks"',
        'GRANT MODIFY ON TABLE "alternator_co-py"."co-py" TO "a""pp"',
        'GRANT SELECT ON TABLE "alternator_co-py"."co-py" TO "a""pp"',
        'GRANT SELECT ON TABLE "alternator_co-py"."co-py:by_email" TO "a""pp"',
        'GRANT SELECT ON TABLE "alternator_co-py"."co-py_scylla_cdc_log" TO "a""pp"',
    )
    assert [word for word in ("users:gone", "DROP ROLE") if not any(word in each for each in made.warnings)] == []
    without = plan(source(content), server=OLD, target="co-py", without_grants=True)
    assert without.grants == ()
    assert "grants, as asked for" in without.warnings


def test_other_replication_and_isolation_are_told() -> None:
    """A larger cluster, and another version's default of write isolation, stand in the plan."""
    made = planned("6.2.3", "orders", replace(NEW, nodes=3, racks={"dc1": 3}, write_isolation="unsafe"))
    told = {each.what: (each.backup, each.target) for each in made.differences}
    assert told["replication"] == ("datacenter1: 1", "dc1: 3")
    assert told["write isolation"][1] == "the server's default, unsafe"
    assert told["ScyllaDB"] == (OLD.version, NEW.version)


def test_provisioned_and_encrypted_tables_are_told() -> None:
    """What the target doesn't keep is said: billing up to 6.2, and encryption options, which aren't Alternator's."""
    content = description("2026.1.12", "provisioned")
    content["describe"][0]["create_statement"] += " AND scylla_encryption_options = {'key_provider': 'x'}"
    made = plan(source(content, of="2026.1.12"), server=readable(OLD))
    assert made.create_table["BillingMode"] == "PROVISIONED"
    assert "billing" in {each.what for each in made.differences}
    assert any("encryption" in warning for warning in made.warnings)


@given(
    table=st.sampled_from(RECORDED),
    server=st.builds(
        lambda base, flags: replace(base, **flags),
        st.sampled_from([OLD, NEW]),
        st.fixed_dictionaries(
            {
                "reads_dictionaries": st.just(value=True),
                "tablets_by_default": st.sampled_from([True, False, None]),
                "streams": st.booleans(),
                "streams_on_tablets": st.booleans(),
                "ttl_on_tablets": st.booleans(),
                "lwt_on_tablets": st.booleans(),
                "real_index_columns": st.sampled_from([True, False, None]),
                "nodes": st.sampled_from([None, 1, 3, 6]),
                "racks": st.sampled_from([None, {"dc": 1}, {"dc": 2}, {"a": 3, "b": 3}]),
            }
        ),
    ),
    stream=st.booleans(),
    time_to_live=st.booleans(),
    late=st.booleans(),
)
def test_every_plan_holds_together(
    table: tuple[str, str], server: TargetServer, *, stream: bool, time_to_live: bool, late: bool
) -> None:
    """Whatever the server: all indexes come once, all attributes that keys use and no other, and JSON takes it."""
    version, name = table
    content = description(version, name)
    if stream:
        content["table"]["StreamSpecification"] = STREAM
    if time_to_live:
        content["time_to_live"] = TTL
    made = plan(source(content, of=version), server=server, late_indexes=late and server.updates_indexes)
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    at_once = [index for kind in kinds for index in made.create_table.get(kind, ())]
    all_indexes = [*made.definition.global_indexes, *made.definition.local_indexes]
    names = sorted(index["IndexName"] for index in (*at_once, *made.late_indexes))
    assert names == sorted(index["IndexName"] for index in all_indexes)
    for request in filter(None, (made.create_table, made.scratch)):
        parts = [request, *(index for kind in kinds for index in request.get(kind, ()))]
        used = {key["AttributeName"] for part in parts for key in part["KeySchema"]}
        assert {each["AttributeName"] for each in request["AttributeDefinitions"]} == used
    on_tablets = tags(made).get("system:initial_tablets", tags(made).get("experimental:initial_tablets"))
    if made.stream is not None and not server.streams_on_tablets and server.tablets_by_default is not False:
        assert on_tablets == "none"
    assert (made.stream is None) == ((not stream and name != "streamed") or not server.streams)
    written = json.loads(json.dumps(as_json(made)))
    assert [each["operation"] for each in written["requests"]] == [each.operation for each in requests(made)]
    assert written["sources"][0]["files"][0] == {"name": sstable("me")[0].name, "size_bytes": 7}


def test_plans_are_the_same_each_time() -> None:
    """What was planned once is planned again, so that an interrupted restore knows its own request."""
    for (version, name), server in product(RECORDED, (readable(OLD), NEW)):
        assert planned(version, name, server).create_table == planned(version, name, server).create_table
