"""Who may not, and who may: authentication on, as on a node in production."""

from collections.abc import Iterator

import pytest

from sandbox.node import Sandbox
from tests.faults.harness import TABLES, Station


SECRET = "alternator.secret_access_key"


@pytest.fixture(scope="module", params=["6.2"])
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A node that asks for credentials, with a good backup by a role that has no grant at all."""
    directory = tmp_path_factory.mktemp("guarded")
    with Sandbox(request.param, directory=directory / "node", authorization=True) as node:
        role = node.catalog.add_role("backup", "letmein")
        credentials = {
            "alternator.access_key_id": "backup",
            "alternator.secret_access_key": role.salted_hash,
            "cql.username": "backup",
            "cql.password": "letmein",
        }
        station = Station(node, directory, credentials)
        station.create(*TABLES)
        station.back_up()
        yield station


@pytest.mark.parametrize("guarded", ["6.2", "2026.1"], indirect=True)
def test_a_role_without_any_grant_backs_up_everything(guarded: Station) -> None:
    """Nothing has to be granted to the role that makes backups; without its secret it is refused."""
    assert {listing.table for listing in guarded.known} == set(TABLES)
    result = guarded.run("backup", "users", settings={SECRET: "wrong-secret"})
    guarded.assert_failed(result, 77, "Alternator at", "alternator.access_key_id (backup) and its secret")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alternator.access_key_id": "nobody"}, ("User not found: nobody", "alternator.access_key_id (nobody)")),
        ({"alternator.access_key_id": "", SECRET: ""}, ("Alternator at", "alternator.access_key_id (empty)")),
        ({"cql.username": "nobody"}, ("CQL at", "user 'nobody'", "cql.username and its password")),
        ({"cql.password": "wrong-secret"}, ("CQL at", "Username and/or password are incorrect", "cql.username")),
        ({"cql.username": "", "cql.password": ""}, ("CQL at", "cql.username")),
        ({"alternator.secret_from": "lookup"}, ("CQL at", "system.roles", "secret_from")),
    ],
    ids=["user", "no key", "CQL user", "password", "no password", "lookup"],
)
def test_wrong_credentials_are_told_from_a_port_that_is_down(
    guarded: Station, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    """Wrong or missing credentials end with 77, name the setting, and no secret."""
    error = guarded.assert_refused("users", 77, *words, settings=changes)
    told = f"{error} {error.context}"
    assert not any(secret in told for secret in ("wrong-secret", "letmein", "$6$"))
