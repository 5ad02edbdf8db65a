"""The native protocol below the driver: frames, statements and values of any kind."""

import io
import struct

import pytest
from cassandra.cqltypes import lookup_casstype
from hypothesis import given
from hypothesis import strategies as st

from sandbox.catalog import Catalog
from sandbox.cql.connection import Connection
from sandbox.cql.errors import CqlError
from sandbox.cql.lexer import tokens
from sandbox.cql.parser import parse
from sandbox.cql.session import PreparedStatements
from sandbox.cql.types import parse as parse_type
from sandbox.cql.types import serialize
from sandbox.faults import Faults
from sandbox.identifiers import quote
from sandbox.version import VERSIONS, ServerVersion


ERROR, STARTUP, READY, OPTIONS, SUPPORTED, QUERY, AUTHENTICATE = 0x00, 0x01, 0x02, 0x05, 0x06, 0x07, 0x03
PROTOCOL_ERROR = 0x000A
STARTUP_BODY = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0"

versions = st.sampled_from(list(VERSIONS.values()))
WORDS = """
SELECT * FROM system . local WHERE key = 'local' IN ( ? , :x ) LIMIT 3 ALLOW FILTERING DESCRIBE TABLE users WITH
INTERNALS LIST ALL PERMISSIONS ON OF GRANT TO CREATE ROLE IF NOT EXISTS PASSWORD AND "a" 0xab -1.5 ; USE
"""
words = st.sampled_from(WORDS.split())


def frame(opcode: int, body: bytes = b"", *, version: int = 4, stream: int = 1) -> bytes:
    """A request frame."""
    return struct.pack(">BBhBI", version, 0, stream, opcode, len(body)) + body


def talk(*requests: bytes, authorization: bool = False) -> list[tuple[int, int, bytes]]:
    """Version, opcode and body of each response on a connection that sends these bytes and ends."""
    catalog = Catalog(VERSIONS["6.2"], enforce_authorization=authorization)
    sent: list[bytes] = []
    incoming = io.BytesIO(b"".join(requests))
    Connection(catalog, PreparedStatements(), Faults(), incoming=incoming, send=sent.append).serve()
    headers = [struct.unpack(">BBhBI", response[:9]) for response in sent]
    return [(header[0] & 0x7F, header[3], response[9:]) for header, response in zip(headers, sent, strict=True)]


@pytest.mark.parametrize("version", [1, 2, 5, 66])
def test_unsupported_version_is_refused_and_the_connection_ends(version: int) -> None:
    """A frame of another version is answered with a protocol error of version 4, and nothing after it is read."""
    answers = talk(frame(OPTIONS, version=version), frame(OPTIONS))
    assert [answer[:2] for answer in answers] == [(4, ERROR)]
    assert struct.unpack(">i", answers[0][2][:4]) == (PROTOCOL_ERROR,)
    assert f"Invalid or unsupported protocol version: {version}".encode() in answers[0][2]


def test_version_3_is_spoken() -> None:
    """A client of version 3 is answered in version 3."""
    answers = talk(frame(OPTIONS, version=3), frame(STARTUP, STARTUP_BODY, version=3))
    assert [answer[:2] for answer in answers] == [(3, SUPPORTED), (3, READY)]


def test_statement_before_startup_is_refused() -> None:
    """Nothing is answered before a session has begun."""
    ((_, opcode, body),) = talk(frame(QUERY))
    assert (opcode, b"expecting STARTUP or OPTIONS" in body) == (ERROR, True)


def test_statement_before_login_is_refused() -> None:
    """Where credentials are asked for, nothing is answered before they were given."""
    answers = talk(frame(STARTUP, STARTUP_BODY), frame(QUERY), authorization=True)
    assert [answer[1] for answer in answers] == [AUTHENTICATE, ERROR]


@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 0x11), st.binary(max_size=60)), max_size=4))
def test_no_bytes_break_the_connection(noise: bytes, requests: list[tuple[int, bytes]]) -> None:
    """Whatever comes, each whole request is answered, or the connection ends: no exception gets out."""
    talk(frame(STARTUP, STARTUP_BODY), *(frame(opcode, body) for opcode, body in requests), noise)


@given(st.one_of(st.text(), st.lists(words).map(" ".join)), versions)
def test_any_text_is_a_statement_or_an_error(text: str, version: ServerVersion) -> None:
    """The parser understands a text or refuses it with an error that CQL has."""
    try:
        assert parse(text, version) is not None
    except CqlError as error:
        assert error.message  # noqa: PT017  (either outcome is right)


@given(st.text(min_size=1), versions)
def test_quoted_identifier_is_read_back(name: str, version: ServerVersion) -> None:
    """What `quote` writes is one token for the parser, with the same name."""
    token, end = tokens(quote(name, version))
    assert (token.text, end.kind) == (name, "end")
    assert token.kind in ("name", "word")


VALUES = {
    "text": ("UTF8Type", st.text()),
    "int": ("Int32Type", st.integers(-(2**31), 2**31 - 1)),
    "bigint": ("LongType", st.integers(-(2**63), 2**63 - 1)),
    "tinyint": ("ByteType", st.integers(-128, 127)),
    "double": ("DoubleType", st.floats(allow_nan=False)),
    "boolean": ("BooleanType", st.booleans()),
    "blob": ("BytesType", st.binary()),
    "uuid": ("UUIDType", st.uuids()),
    "inet": ("InetAddressType", st.ip_addresses(v=4).map(str)),
    "map<text, blob>": ("MapType(UTF8Type, BytesType)", st.dictionaries(st.text(), st.binary())),
    "set<text>": ("SetType(UTF8Type)", st.sets(st.text(), min_size=1)),
    "frozen<list<tuple<uuid, int>>>": (
        "ListType(TupleType(UUIDType, Int32Type))",
        st.lists(st.tuples(st.uuids(), st.integers(-(2**31), 2**31 - 1)), min_size=1),
    ),
}


@pytest.mark.parametrize("name", VALUES)
@given(st.data())
def test_driver_reads_the_values_that_are_written(name: str, data: st.DataObject) -> None:
    """A value's bytes are what the driver makes the same value of."""
    drivers_name, strategy = VALUES[name]
    value = data.draw(strategy)
    encoded = serialize(parse_type(name), value)
    assert encoded is not None
    read = lookup_casstype(drivers_name).deserialize(encoded, 4)
    plain = type(value)(read) if isinstance(value, dict | set | list) else read
    assert plain == value
