import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import ManifestError
from backup_core.restore.definition import table_definition
from backup_core.restore.model import Column, TableDefinition
from tests.restore_samples import VERSIONS, description, recorded, recorded_tables


PROVISIONED = {"BillingMode": "PROVISIONED"}
RECORDED = [(version, name) for version in VERSIONS for name in recorded_tables(version)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, as the keys that lead to it."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def full_description() -> dict[str, Any]:
    """A description that has something everywhere."""
    content = description("6.2.3", "Game.Scores-2024")
    content["table"]["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    content["time_to_live"] = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    content["tags"] = [{"Key": "team", "Value": "core"}]
    content["grants"] = {"Game.Scores-2024": [{"role": "a", "username": "a", "resource": "r", "permission": "SELECT"}]}
    return json.loads(json.dumps(content))


FULL = full_description()


def definition_or_none(content: dict[str, Any]) -> TableDefinition | None:
    """The definition; None where it was refused as it should be."""
    refusal = ""
    try:
        return table_definition(content)
    except ManifestError as error:
        refusal = str(error)
    assert "alternator_schema.json" in refusal
    return None


@pytest.mark.parametrize(("version", "name"), RECORDED)
def test_recorded_tables_are_read_as_they_were_created(version: str, name: str) -> None:
    """Keys, attributes, tags and TTL of every recorded table are those that CreateTable had asked for."""
    created = recorded(version, "alternator.json")["CreateTable"].get(name)
    definition = table_definition(description(version, name))
    assert definition.name == name
    if created is None or "KeySchema" not in created:
        return
    assert list(definition.key_schema) == created["KeySchema"]
    types = {each["AttributeName"]: each["AttributeType"] for each in created["AttributeDefinitions"]}
    assert {each["AttributeName"]: each["AttributeType"] for each in definition.attribute_definitions} == types
    kinds = (("GlobalSecondaryIndexes", definition.global_indexes), ("LocalSecondaryIndexes", definition.local_indexes))
    for kind, indexes in kinds:
        assert {index["IndexName"] for index in indexes} == {index["IndexName"] for index in created.get(kind, ())}


def test_real_columns_are_those_of_index_keys_up_to_6_2() -> None:
    """What the old server made real columns is known from the columns, and the new one has none."""
    assert set(table_definition(description("6.2.3", "users")).real_columns) == {
        Column("age", "decimal"),
        Column("email", "text"),
    }
    assert table_definition(description("2026.1.12", "users")).real_columns == ()


def test_ddl_tells_compressor_and_encryption() -> None:
    """The compressor is named without its package, and encryption options are noticed."""
    assert table_definition(description("6.2.3", "users")).compressor == "LZ4Compressor"
    content = description("2026.1.12", "users")
    assert table_definition(content).compressor == "LZ4WithDictsCompressor"
    assert not table_definition(content).encrypted
    content["describe"][0]["create_statement"] += (
        "\n    AND scylla_encryption_options = {'key_provider': 'KmsKeyProvider'};"
    )
    assert table_definition(content).encrypted


def test_billing_that_nothing_tells_is_unknown() -> None:
    """A description without a billing mode gives none, rather than a guess."""
    content = copy.deepcopy(FULL)
    del content["table"]["BillingModeSummary"]
    assert table_definition(content).billing == {}


@given(place=st.sampled_from(places(FULL)[1:]), value=JSON)
def test_whatever_stands_in_a_description_is_a_manifest_error_or_fits(place: tuple[Any, ...], value: Any) -> None:
    """One wrong value anywhere is refused with one line, or makes a definition that is whole."""
    content = copy.deepcopy(FULL)
    parent = content
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    definition = definition_or_none(content)
    if definition is None:
        return
    typed = {each["AttributeName"] for each in definition.attribute_definitions}
    for part in ({"KeySchema": definition.key_schema}, *definition.global_indexes, *definition.local_indexes):
        assert {key["AttributeName"] for key in part["KeySchema"]} <= typed


@given(place=st.sampled_from(places(FULL)[1:]))
def test_whatever_is_missing_in_a_description_is_a_manifest_error_or_unknown(place: tuple[Any, ...]) -> None:
    """One missing value anywhere is never a KeyError."""
    content = copy.deepcopy(FULL)
    parent = content
    for key in place[:-1]:
        parent = parent[key]
    del parent[place[-1]]
    definition_or_none(content)


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_any_other_object_is_a_manifest_error(content: dict[str, Any]) -> None:
    """What isn't a description at all is refused with one line."""
    with pytest.raises(ManifestError, match="alternator_schema.json"):
        table_definition(content)


def test_a_newer_description_says_what_to_use() -> None:
    """The version of the format is told, and that a newer program is needed."""
    with pytest.raises(ManifestError, match="format version 2.*newer"):
        table_definition(FULL | {"format_version": 2})


def broken(change: Any) -> dict[str, Any]:
    """The full description after a change."""
    content = copy.deepcopy(FULL)
    change(content)
    return content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["table"].update(TableName="../etc"), "TableName"),
        (lambda c: c["table"]["KeySchema"].reverse(), "don't start with HASH"),
        (lambda c: c["table"]["AttributeDefinitions"].clear(), "has no type"),
        (lambda c: c["table"]["GlobalSecondaryIndexes"].append(c["table"]["GlobalSecondaryIndexes"][0]), "two indexes"),
        (lambda c: c["table"]["GlobalSecondaryIndexes"][0].update(IndexName='x"; DROP'), "IndexName"),
        (lambda c: c["table"]["LocalSecondaryIndexes"][0]["KeySchema"].pop(), "local index by_level"),
        (lambda c: c["columns"][-1].update(type='text; DROP TABLE "x"'), "which Alternator makes of no attribute"),
        (lambda c: c["time_to_live"].pop("AttributeName"), "TTL is on"),
        (lambda c: c["table"]["StreamSpecification"].pop("StreamViewType"), "the stream is on"),
        (
            lambda c: c["table"].update(BillingModeSummary={"BillingMode": "PROVISIONED"}, ProvisionedThroughput=None),
            "bill",
        ),
    ],
)
def test_contradictions_are_named(change: Any, words: str) -> None:
    """What can't be true of a table says where it stands, before any request is made of it."""
    with pytest.raises(ManifestError, match=words):
        table_definition(broken(change))
