"""DESCRIBE's text, split into the table and its views."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core import separate_schema_and_views
from backup_core.errors import NodeRefusedError


RECORDED = Path(__file__).parent.parent / "data"
DESCRIBED = [
    (version, label)
    for version in ("scylla-6.2.3", "scylla-2026.1.12")
    for label, answer in json.loads((RECORDED / version / "cql.json").read_text()).items()
    if label.startswith(("desc_table ", "desc_table_internals ")) and "rows" in answer
]


def recorded_rows(version: str, label: str) -> list[tuple[str, str, str, str]]:
    """Rows of a recorded DESCRIBE: keyspace, type, name, statement."""
    rows: list[tuple[str, str, str, str]] = json.loads((RECORDED / version / "cql.json").read_text())[label]["rows"]
    return rows


@pytest.mark.parametrize(("version", "label"), DESCRIBED)
@pytest.mark.parametrize("semicolons", [True, False])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_recorded_table_is_split_as_the_server_had_it(
    version: str, label: str, newline: str, *, semicolons: bool
) -> None:
    """The rows of a DESCRIBE, joined as cqlsh prints them, come apart into the same table and views again."""
    rows = recorded_rows(version, label)
    statements = [row[3] if semicolons else row[3].rstrip().rstrip(";") for row in rows]
    text = "\n" + "\n\n".join(statements).replace("\n", newline) + newline

    table, views = separate_schema_and_views(text)

    assert table == rows[0][3].strip()
    assert views == [row[3].strip() for row in rows if row[1] == "view"]


def test_the_alter_of_a_cdc_log_belongs_to_neither() -> None:
    """The ALTER TABLE of a CDC log is left out of both files."""
    rows = recorded_rows("scylla-6.2.3", "desc_table streamed")
    table, views = separate_schema_and_views("\n".join(row[3] for row in rows))
    assert "_scylla_cdc_log" not in table
    assert views == []


def test_semicolons_and_create_in_literals_are_no_statements() -> None:
    """A comment option that holds semicolons, quotes and CREATE stays what it is."""
    comment = "it''s; \nCREATE TABLE other (x int);\nCREATE MATERIALIZED VIEW v AS;"
    statement = f"CREATE TABLE ks.t (\n    \"a;b\" text PRIMARY KEY\n) WITH comment = '{comment}';"
    assert separate_schema_and_views(statement) == (statement, [])


def test_comments_are_no_statements() -> None:
    """Statements in comments don't count, wherever the comments stand."""
    text = "-- CREATE TABLE no.no (x int);\n/* CREATE TABLE no.no;\n CREATE MATERIALIZED VIEW no */\n"
    text += "CREATE TABLE a.b (x int)\n"
    text += "-- CREATE TABLE; really\nWITH comment = '';\n// CREATE MATERIALIZED VIEW no AS\n"
    table, views = separate_schema_and_views(text)
    assert table.startswith("CREATE TABLE a.b")
    assert table.endswith("WITH comment = '';")
    assert views == []


def test_indexes_stay_with_their_table() -> None:
    """CREATE INDEX statements belong into the table's file."""
    table, views = separate_schema_and_views("CREATE TABLE a.b (x int);\n\nCREATE INDEX i ON a.b (x);\n")
    assert table == "CREATE TABLE a.b (x int);\n\nCREATE INDEX i ON a.b (x);"
    assert views == []


def test_what_cqlsh_says_before_the_first_statement_is_passed_over() -> None:
    """Lines that aren't CQL, with quotes that never end, don't hide the table."""
    table, _ = separate_schema_and_views("Warning: it's an old server\n\nCREATE TABLE a.b (x int);")
    assert table == "CREATE TABLE a.b (x int);"


@pytest.mark.parametrize(
    "text", ["", "\n", "CREATE KEYSPACE a;", "Table not found", "CREATE TABLE a.b (x int", "CREATE TABLE a.b (\n"]
)
def test_a_description_without_a_whole_table_is_refused(text: str) -> None:
    """What holds no CREATE TABLE, or half of one, is an error and no schema."""
    with pytest.raises(NodeRefusedError, match="Failed to extract table schema"):
        separate_schema_and_views(text)


NASTY = st.text(alphabet=st.sampled_from("ab;\n'\"-/*() CREATETABLEVIW$"), max_size=40)


def literal(text: str) -> str:
    """Text as a CQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(text: str) -> str:
    """Text as a quoted CQL identifier."""
    return '"' + text.replace('"', '""') + '"'


@given(
    column=NASTY,
    comment=NASTY,
    views=st.lists(st.tuples(NASTY, NASTY), max_size=4),
    semicolons=st.booleans(),
    remark=st.sampled_from(["", "-- CREATE TABLE x; it's\n", "/* ; CREATE\nTABLE x ' */\n"]),
)
def test_any_names_and_literals_come_apart_where_they_were_joined(
    column: str, comment: str, views: list[tuple[str, str]], remark: str, *, semicolons: bool
) -> None:
    """Whatever stands in names, literals and comments, the split finds the statements that were joined."""
    end = ";" if semicolons else ""
    table = f"CREATE TABLE ks.t ({identifier(column)} text PRIMARY KEY)\n    WITH comment = {literal(comment)}"
    made = [
        f"CREATE MATERIALIZED VIEW ks.{identifier(name)} AS\n    SELECT *\n    FROM ks.t\n    WHERE \n"
        f"    PRIMARY KEY (a)\n    WITH comment = {literal(text)}"
        for name, text in views
    ]
    text = f"\n\n{remark}".join(statement + end for statement in [table, *made])

    found_table, found_views = separate_schema_and_views(remark + text)

    def bare(statement: str) -> str:
        return statement.replace(remark.strip(), "").rstrip(";").strip() if remark else statement.rstrip(";")

    assert bare(found_table) == bare(table)
    assert [bare(view) for view in found_views] == [bare(view) for view in made]
