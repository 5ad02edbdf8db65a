"""The sandbox's Alternator checks signatures: what a real client signs passes, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, root, simple_table
from tests.conformance.replay import VERSIONS


def signed(sandbox: Sandbox, body: bytes = b"{}", **headers: str) -> dict[str, str]:
    """Headers of a ListTables request signed by the superuser, as botocore signs."""
    request = AWSRequest(
        "POST",
        sandbox.alternator.url + "/",
        headers={"X-Amz-Target": "DynamoDB_20120810.ListTables", **headers},
        data=body,
    )
    secret = sandbox.catalog.roles["cassandra"].salted_hash
    SigV4Auth(Credentials("cassandra", secret), "dynamodb", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def send(sandbox: Sandbox, headers: dict[str, str], body: bytes = b"{}") -> tuple[int, Any]:
    """Status and answer of a request with these headers."""
    response = urllib3.request("POST", sandbox.alternator.url + "/", headers=headers, body=body, retries=False)
    return response.status, response.json()


def code(answer: dict[str, str]) -> str:
    """The error's code without its prefix."""
    return answer["__type"].partition("#")[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_takes_what_a_real_client_signs_with_the_salted_hash(version: str) -> None:
    """A boto3 client with a role's salted hash as its secret can do everything that the role may."""
    with Sandbox(version, authorization=True) as sandbox:
        dynamodb = root(sandbox)
        dynamodb.create_table(**simple_table("Ünïcode".encode("ascii", "ignore").decode()))
        assert dynamodb.list_tables()["TableNames"] == ["ncode"]


def test_does_not_take_the_password_for_the_secret() -> None:
    """The secret is the salted hash, not the password that CQL asks for."""
    with Sandbox(authorization=True) as sandbox, pytest.raises(Exception, match="security token"):
        client(sandbox, "cassandra", "cassandra").list_tables()


def test_refuses_a_role_that_may_not_log_in() -> None:
    """A role with login=false can't sign, though its secret is right."""
    with Sandbox(authorization=True) as sandbox:
        role = sandbox.catalog.add_role("group", "secret")
        role.can_login = False
        with pytest.raises(Exception, match="Role group has login=false so cannot be used for login"):
            client(sandbox, "group", role.salted_hash).list_tables()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=50).map(lambda noise: b'{"Limit": 100}' + b" " * len(noise)),
    extra=st.dictionaries(
        st.from_regex(r"X-[A-Z][a-z]{1,8}", fullmatch=True), st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
    ),
)
def test_takes_whatever_botocore_signs(signing_sandbox: Sandbox, body: bytes, extra: dict[str, str]) -> None:
    """Any body and any further signed headers pass."""
    status, answer = send(signing_sandbox, signed(signing_sandbox, body, **extra), body)
    assert (status, answer) == (200, {"TableNames": []})


@pytest.fixture(scope="module")
def signing_sandbox() -> Any:
    """One sandbox for all examples."""
    with Sandbox(authorization=True) as sandbox:
        yield sandbox


def test_refuses_another_body_than_the_signed_one(signing_sandbox: Sandbox) -> None:
    """A body that was changed on the way doesn't fit its signature."""
    status, answer = send(signing_sandbox, signed(signing_sandbox), b'{"Limit": 1}')
    assert (status, code(answer)) == (400, "UnrecognizedClientException")


def test_refuses_another_operation_than_the_signed_one(signing_sandbox: Sandbox) -> None:
    """The target is a signed header."""
    headers = signed(signing_sandbox) | {"X-Amz-Target": "DynamoDB_20120810.DeleteTable"}
    status, answer = send(signing_sandbox, headers)
    assert (status, code(answer)) == (400, "UnrecognizedClientException")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_refuses_a_signature_of_another_time(
    signing_sandbox: Sandbox, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that is more than 15 minutes off is refused: the clocks differ."""
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: at)
    status, answer = send(signing_sandbox, signed(signing_sandbox))
    assert (status, code(answer)) == (400, "InvalidSignatureException")
    assert ("expired" if minutes < 0 else "not yet current") in answer["message"]


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Basic Y2Fzc2FuZHJhOmNhc3NhbmRyYQ==", "InvalidSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=cassandra/20260101/us-east-1", "ValidationException"),
        ("AWS4-HMAC-SHA256 Signature=0", "ValidationException"),
    ],
)
def test_refuses_what_is_no_signature(signing_sandbox: Sandbox, authorization: str, expected: str) -> None:
    """Another algorithm and an incomplete header are errors of their own."""
    status, answer = send(signing_sandbox, signed(signing_sandbox) | {"Authorization": authorization})
    assert (status, code(answer)) == (400, expected)
