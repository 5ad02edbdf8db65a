"""AWS Signature Version 4, as Alternator checks it: the secret key of a role is its salted hash."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta

from sandbox.alternator.errors import ApiError, ValidationError
from sandbox.catalog import Catalog, Role, now
from sandbox.http_server import Request


_ALGORITHM = "AWS4-HMAC-SHA256"
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_TOLERANCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Authorization:
    """What the Authorization header says."""

    user: str
    date: str
    region: str
    service: str
    signed_headers: str
    signature: str


def verify(request: Request, catalog: Catalog) -> Role:
    """The role that signed the request.

    Raises:
        ApiError: it isn't signed, not by a role that may log in, not with its secret, or not now.
    """
    authorization = _parse(request)
    role = _find(catalog, authorization.user)
    headers = {
        name: re.sub(" +", " ", request.headers.get(name, ""))
        for name in sorted(authorization.signed_headers.split(";"))
    }
    fault = _time_fault(headers.get("x-amz-date"), authorization.date)
    if fault is not None:
        raise ApiError("InvalidSignatureException", catalog.version.invalid_signature_prefix + fault)
    expected = _sign(request, authorization, headers, role.salted_hash)
    if not hmac.compare_digest(expected.encode(), authorization.signature.encode()):
        raise ApiError("UnrecognizedClientException", catalog.version.wrong_signature)
    return role


def _parse(request: Request) -> _Authorization:
    if "host" not in request.headers:
        raise ApiError("InvalidSignatureException", "Host header is mandatory for signature verification")
    header = request.headers.get("authorization")
    if header is None:
        raise ApiError(
            "MissingAuthenticationTokenException",
            "Authorization header is mandatory for signature verification",
        )
    algorithm, _, rest = header.partition(" ")
    if algorithm != _ALGORITHM or not rest:
        raise ApiError(
            "InvalidSignatureException",
            f"Authorization header must use AWS4-HMAC-SHA256 algorithm: {header}",
        )
    entries = dict(entry.split("=") for entry in re.split("[ ,]", rest) if entry.count("=") == 1)
    credential = entries.get("Credential", "")
    try:
        user, date, region, service, _ = credential.split("/")
    except ValueError:
        raise ValidationError(f"Incorrect credential information format: {credential}") from None
    return _Authorization(user, date, region, service, entries.get("SignedHeaders", ""), entries.get("Signature", ""))


def _find(catalog: Catalog, user: str) -> Role:
    with catalog.lock:
        role = catalog.roles.get(user)
    if role is None:
        raise ApiError("UnrecognizedClientException", f"User not found: {user}")
    if not role.can_login:
        raise ApiError("UnrecognizedClientException", f"Role {user} has login=false so cannot be used for login")
    return role


def _time_fault(signed_at: str | None, credential_date: str) -> str | None:
    if signed_at is None:
        return "X-Amz-Date header is mandatory for signature verification"
    earliest, latest = ((now() + offset).strftime(_TIME_FORMAT) for offset in (-_TOLERANCE, _TOLERANCE))
    if signed_at < earliest:
        return f"Signature expired: {signed_at} is now earlier than {earliest} (current time - 15 min.)"
    if signed_at > latest:
        return f"Signature not yet current: {signed_at} is still later than {latest} (current time + 15 min.)"
    if signed_at[:8] != credential_date:
        return f"X-Amz-Date date does not match the provided datestamp. Expected {credential_date}, got {signed_at[:8]}"
    return None


def _sign(request: Request, authorization: _Authorization, headers: dict[str, str], secret: str) -> str:
    canonical_headers = "".join(f"{name}:{value}\n" for name, value in headers.items())
    payload_hash = hashlib.sha256(request.body).hexdigest()
    signed = f"{canonical_headers}\n{authorization.signed_headers}"
    canonical_request = f"{request.method}\n/\n\n{signed}\n{payload_hash}"
    scope = (authorization.date, authorization.region, authorization.service, "aws4_request")
    to_sign = "\n".join(
        [
            _ALGORITHM,
            headers["x-amz-date"],
            "/".join(scope),
            hashlib.sha256(canonical_request.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
