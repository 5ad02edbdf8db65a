import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import ManifestError
from backup_core.node.cql import quoted
from backup_core.repository.create_table import CQL_TYPES
from backup_core.repository.legacy_definition import legacy_description
from backup_core.restore.definition import table_definition
from backup_core.restore.model import Column
from tests.restore_samples import VERSIONS, description, recorded_statements, recorded_tables


RECORDED = [(version, name) for version in VERSIONS for name in recorded_tables(version)]
TABLE_NAMES = st.text("aZ09_.-", min_size=3, max_size=20)
COLUMN_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=12).filter(
    lambda name: name != ":attrs"
)
TYPES = st.sampled_from(sorted(CQL_TYPES.values()))


def views_of(statements: list[str]) -> list[str]:
    """Those that create views."""
    return [statement for statement in statements if statement.startswith("CREATE MATERIALIZED VIEW")]


@pytest.mark.parametrize(("version", "name"), RECORDED)
def test_recorded_ddl_tells_what_the_api_told(version: str, name: str) -> None:
    """Keys, tags, TTL and streams read from the DDL are those of DescribeTable; what isn't there is said."""
    statements = recorded_statements(version, name)
    legacy = table_definition(legacy_description(name, statements[0], views_of(statements)))
    told = table_definition(description(version, name))
    assert legacy.key_schema == told.key_schema
    assert legacy.real_columns == told.real_columns
    assert legacy.time_to_live_attribute == told.time_to_live_attribute
    assert legacy.stream_view_type == told.stream_view_type
    assert legacy.billing == told.billing
    assert told.tags.items() <= legacy.tags.items()
    known = {index["IndexName"]: index for index in (*legacy.global_indexes, *legacy.local_indexes)}
    for index in (*told.global_indexes, *told.local_indexes):
        assert known.get(index["IndexName"], index) == index
        assert index["IndexName"] in known or any(index["IndexName"] in text for text in legacy.unknown)
    assert version != "6.2.3" or len(known) == len(told.global_indexes) + len(told.local_indexes)


def test_what_cqlsh_printed_is_read_too() -> None:
    """Greetings, missing semicolons, views in the table's own file, and a WHERE of older servers make no difference."""
    statements = [statement.rstrip(";\n ") for statement in recorded_statements("6.2.3", "users")]
    text = "\nConnected to cluster\n\n" + "\n\n".join(statements).replace(
        "WHERE \n", 'WHERE "age" IS NOT NULL AND "pk" IS NOT NULL\n'
    )
    legacy = table_definition(legacy_description("users", text, []))
    assert {index["IndexName"] for index in legacy.global_indexes} == {"users_by_age", "by_email"}


def test_without_tags_in_the_ddl_they_are_unknown() -> None:
    """Where a version prints no scylla_tags, neither tags nor TTL are claimed to be known."""
    ddl = recorded_statements("6.2.3", "expiring")[0]
    without = ddl[: ddl.index("    AND scylla_tags")].rstrip() + ";"
    legacy = table_definition(legacy_description("expiring", without, []))
    assert (legacy.tags, legacy.time_to_live_attribute, legacy.billing) == ({}, None, {})
    assert any("TTL" in text for text in legacy.unknown)


@pytest.mark.parametrize(
    ("new", "old", "view_type"),
    [
        ("false", "false", "KEYS_ONLY"),
        ("true", "false", "NEW_IMAGE"),
        ("false", "full", "OLD_IMAGE"),
        ("true", "full", "NEW_AND_OLD_IMAGES"),
    ],
)
def test_view_type_of_a_stream_is_what_its_images_say(new: str, old: str, view_type: str) -> None:
    """CDC's options are those that a server prints for each of DynamoDB's view types."""
    ddl = recorded_statements("6.2.3", "streamed")[0].replace(
        "'postimage': 'true', 'preimage': 'full'", f"'postimage': '{new}', 'preimage': '{old}'"
    )
    assert table_definition(legacy_description("streamed", ddl, [])).stream_view_type == view_type


@given(
    name=TABLE_NAMES,
    columns=st.dictionaries(COLUMN_NAMES, TYPES, min_size=3, max_size=6),
    has_sort_key=st.booleans(),
    is_local=st.booleans(),
)
def test_any_names_come_through(*, name: str, columns: dict[str, str], has_sort_key: bool, is_local: bool) -> None:
    """Whatever a table and its attributes are called, keys, types and indexes are read as DESCRIBE prints them."""
    first, second, indexed, *_ = columns
    key = [first, second] if has_sort_key else [first]
    where = f"{quoted('alternator_' + name)}.{quoted(name)}"
    body = "".join(f"    {quoted(column)} {type_},\n" for column, type_ in columns.items())
    ddl = (
        f'CREATE TABLE {where} (\n{body}    ":attrs" map<text, blob>,\n    '
        f"PRIMARY KEY ({', '.join(map(quoted, key))})\n) WITH comment = ''\n    AND scylla_tags = {{'a': 'b, c'}};"
    )
    view_key = [first, indexed] if is_local else [indexed]
    view_key += [column for column in key if column not in view_key]
    view = quoted(f"{name}{'!:' if is_local else ':'}the.index")
    view_ddl = (
        f"CREATE MATERIALIZED VIEW {quoted('alternator_' + name)}.{view} AS\n    SELECT *\n    FROM {where}\n"
        f"    WHERE \n    PRIMARY KEY ({', '.join(map(quoted, view_key))})\n    WITH comment = '';"
    )
    definition = table_definition(legacy_description(name, ddl, [view_ddl]))
    assert [each["AttributeName"] for each in definition.key_schema] == key
    assert set(definition.real_columns) == {Column(*each) for each in columns.items() if each[0] not in key}
    assert definition.tags == {"a": "b, c"}
    (index,) = definition.local_indexes if is_local else definition.global_indexes
    assert index["IndexName"] == "the.index"
    assert [each["AttributeName"] for each in index["KeySchema"]] == view_key[:2]


@given(start=st.integers(0, 400), length=st.integers(0, 60), text=st.text("\"'(){}<>,;.:! aKEYpk\n", max_size=20))
def test_damaged_ddl_is_a_manifest_error_or_a_table(start: int, length: int, text: str) -> None:
    """Text cut out, or put in, is refused with one line or still describes a table of that name."""
    table, *views = recorded_statements("6.2.3", "users")
    damaged = table[:start] + text + table[start + length :]
    try:
        definition = table_definition(legacy_description("users", damaged, views))
    except ManifestError:
        return
    assert definition.name == "users"


@given(st.text(max_size=200))
def test_any_other_text_is_a_manifest_error(text: str) -> None:
    """What holds no CREATE TABLE is refused."""
    with pytest.raises(ManifestError):
        legacy_description("users", text, [])


def test_ddl_of_another_table_is_refused() -> None:
    """Files that were mixed up are noticed, and both names told."""
    with pytest.raises(ManifestError, match=r"alternator_orders\.orders, not of users"):
        legacy_description("users", recorded_statements("6.2.3", "orders")[0], [])
