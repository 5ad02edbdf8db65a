"""One connection of the native protocol: from its first frame to its end."""

import struct
from collections.abc import Callable
from typing import BinaryIO

from sandbox.catalog import Catalog, Role
from sandbox.cql import frames, results
from sandbox.cql.errors import BadCredentialsError, CqlError, InvalidRequestError, NodeAbortedError, ProtocolError
from sandbox.cql.frames import Opcode, Reader, Request
from sandbox.cql.session import PreparedStatements, Session
from sandbox.cql.system_rows import CQL_VERSION
from sandbox.faults import Fault, Faults


_AUTHENTICATOR = "org.apache.cassandra.auth.PasswordAuthenticator"
_HAS_VALUES = 0x01
_HAS_NAMES = 0x40

_ONE = 1
# What the protocol has after the message of these errors, which only a fault switch asks for: consistency,
# received, required, and for timeouts of reads whether there was data, of writes which kind.
_FAULT_DETAILS = {
    0x1000: struct.pack(">Hii", _ONE, 1, 0),
    0x1100: struct.pack(">Hii", _ONE, 0, 1) + frames.string("SIMPLE"),
    0x1200: struct.pack(">HiiB", _ONE, 0, 1, 0),
}

Answer = tuple[Opcode, bytes]


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class Connection:
    """Serves one client.

    Args:
        catalog: the node's state.
        prepared: the statements that were prepared on the node.
        faults: the node's fault switches. A statement's endpoint is `cql ` and its text, a login's `cql CONNECT`.
        incoming: what the client sends.
        send: sends bytes to the client.
    """

    def __init__(
        self,
        catalog: Catalog,
        prepared: PreparedStatements,
        faults: Faults,
        *,
        incoming: BinaryIO,
        send: Callable[[bytes], None],
    ) -> None:
        self._catalog = catalog
        self._prepared = prepared
        self._faults = faults
        self._incoming = incoming
        self._send = send
        self._session: Session | None = None
        self._authenticating = False

    def serve(self) -> None:
        """Answer requests until either side ends the connection."""
        try:
            while (request := frames.read_request(self._incoming)) is not None:
                answer = self._answer(request)
                if answer is not None:
                    self._send(frames.response(request.version, request.stream, *answer))
        except ProtocolError as error:
            self._send(frames.response(frames.NEWEST_VERSION, 0, *_error(error)))
        except (_DroppedError, NodeAbortedError):
            return

    def _answer(self, request: Request) -> Answer | None:
        reader = Reader(request.body)
        try:
            self._check_state(request.opcode)
            if request.opcode == Opcode.OPTIONS:
                return Opcode.SUPPORTED, frames.string_multimap({"CQL_VERSION": [CQL_VERSION], "COMPRESSION": []})
            if request.opcode == Opcode.STARTUP:
                return self._with_fault("CONNECT", lambda: self._start(reader))
            if request.opcode == Opcode.AUTH_RESPONSE:
                return self._authenticate(reader)
            if request.opcode == Opcode.REGISTER and self._session is not None:
                # Nothing ever happens here that a client would have to be told of.
                return Opcode.READY, b""
            return self._statement(request, reader)
        except CqlError as error:
            return _error(error)

    def _check_state(self, opcode: int) -> None:
        if self._authenticating and opcode != Opcode.AUTH_RESPONSE:
            raise ProtocolError(f"Unexpected message {opcode}, expecting SASL_RESPONSE")
        if self._session is not None and opcode == Opcode.STARTUP:
            raise ProtocolError("Unexpected message STARTUP, the connection is already initialized")
        if self._session is None and not self._authenticating and opcode not in (Opcode.STARTUP, Opcode.OPTIONS):
            raise ProtocolError(f"Unexpected message {opcode}, expecting STARTUP or OPTIONS")

    def _start(self, reader: Reader) -> Answer:
        options = reader.string_map()
        if "COMPRESSION" in options:
            raise ProtocolError(f"Unknown compression algorithm: {options['COMPRESSION']}")
        if self._catalog.enforce_authorization:
            self._authenticating = True
            return Opcode.AUTHENTICATE, frames.string(_AUTHENTICATOR)
        self._session = Session(self._catalog, self._prepared, None)
        return Opcode.READY, b""

    def _authenticate(self, reader: Reader) -> Answer:
        role = self._login(reader.value() or b"")
        self._authenticating = False
        self._session = Session(self._catalog, self._prepared, role)
        return Opcode.AUTH_SUCCESS, frames.value(b"")

    def _login(self, token: bytes) -> Role:
        # SASL PLAIN: authorization identity, name and password, with zero bytes between.
        parts = token.split(b"\0")
        if len(parts) != 3:  # noqa: PLR2004  (the three parts just named)
            raise BadCredentialsError("Password must not be null")
        name, password = (part.decode(errors="replace") for part in parts[1:])
        with self._catalog.lock:
            role = self._catalog.roles.get(name)
        if role is None or not role.password or role.password != password:
            raise BadCredentialsError("Username and/or password are incorrect")
        if not role.can_login:
            raise BadCredentialsError(f"{name} is not permitted to log in")
        return role

    def _statement(self, request: Request, reader: Reader) -> Answer | None:
        session = self._session
        if session is None:
            raise ProtocolError(f"Unexpected message {request.opcode}")
        if request.opcode == Opcode.QUERY:
            text, values = reader.long_string(), _values(reader)
            return self._with_fault(text, lambda: (Opcode.RESULT, session.query(text, values)))
        if request.opcode == Opcode.PREPARE:
            text = reader.long_string()
            return Opcode.RESULT, session.prepare(text).body(request.version)
        if request.opcode == Opcode.EXECUTE:
            id_, values = reader.short_bytes(), _values(reader)
            text = session.text_of(id_)
            return self._with_fault(text, lambda: (Opcode.RESULT, session.execute(id_, values)))
        if request.opcode == Opcode.BATCH:
            raise InvalidRequestError("The sandbox does not support batches")
        raise ProtocolError(f"Unknown opcode {request.opcode}")

    def _with_fault(self, endpoint: str, work: Callable[[], Answer]) -> Answer | None:
        fault = self._faults.take(f"cql {endpoint}")
        if fault is None:
            return work()
        if fault.kind == "drop":
            raise _DroppedError
        if fault.kind == "error":
            return _fault_error(fault)
        if fault.kind == "empty":
            return Opcode.RESULT, results.VOID
        if fault.kind == "work_then_hang":
            work()
        # Other streams of the connection are still served: only this request is never answered.
        return None


def _values(reader: Reader) -> list[bytes | None]:
    """The values after a statement; what comes behind them (paging, time stamps) makes no difference here."""
    reader.short()  # the consistency level
    flags = reader.byte()
    if flags & _HAS_NAMES:
        raise InvalidRequestError("The sandbox does not support values bound by name")
    return [reader.value() for _ in range(reader.short())] if flags & _HAS_VALUES else []


def _error(error: CqlError) -> Answer:
    return Opcode.ERROR, frames.integer(error.code) + frames.string(error.message) + error.detail


def _fault_error(fault: Fault) -> Answer:
    code, message = fault.answer
    return Opcode.ERROR, frames.integer(code) + frames.string(message) + _FAULT_DETAILS.get(code, b"")
