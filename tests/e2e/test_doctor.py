"""What doctor says of the installation, the settings and the node."""

import dataclasses
from pathlib import Path

import pytest

import backup_core
import daemon
from sandbox.faults import Fault
from sandbox.node import Sandbox
from sandbox.version import VERSIONS
from tests.conftest import Cli, settings_text
from tests.e2e.doctor import examine, make_table


PORTS = ("alternator", "cql", "rest")
SERVERS = {"alternator": "alternator", "cql": "cql", "rest": "api"}


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize("node", ["6.2", "2026.1"], indirect=True)
def test_nothing_is_wrong_with_a_new_node(node: Sandbox, cli: Cli) -> None:
    """Every line is ok, and so is the exit code."""
    make_table(node, "users")

    ended = cli("doctor")

    lines = ended.stdout.splitlines()[1:]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(lines) >= 12
    assert all(line.startswith("ok ") for line in lines)


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize("port", PORTS)
def test_a_port_that_is_down_fails_alone(node: Sandbox, cli: Cli, port: str) -> None:
    """The other ports are looked at all the same, and the exit code says: try again."""
    getattr(node, SERVERS[port]).stop()

    found = examine(cli)

    assert found.exit_code == 75
    assert [finding["check"] for finding in found.findings if finding["state"] == "failure"] == [port]
    assert {found.states[other] for other in PORTS if other != port} == {"ok"}
    [failure] = found.of(port, "failure")
    assert "can't be reached" in failure["finding"]
    assert "Is ScyllaDB running" in failure["hint"]


@pytest.mark.parametrize("port", PORTS)
def test_a_port_that_hangs_fails_in_time(node: Sandbox, tmp_path: Path, cli: Cli, port: str) -> None:
    """The time that settings give to an answer ends the waiting, and nobody waits for the same port twice."""
    settings = tmp_path / "settings.toml"
    settings.write_text(settings_text(node, tmp_path).replace("timeout_seconds = 5", "timeout_seconds = 1", 1))
    node.faults.set(port, Fault("hang"))

    found = examine(cli, "--settings", str(settings))

    assert found.exit_code == 75
    assert [finding["check"] for finding in found.findings if finding["state"] == "failure"] == [port]


@pytest.mark.usefixtures("settings_file")
def test_all_ports_down_is_one_kind_of_failure(node: Sandbox, cli: Cli) -> None:
    """The exit code is the one that all failures share, and what can't be looked at says so without being a failure."""
    for server in SERVERS.values():
        getattr(node, server).stop()

    found = examine(cli)

    assert found.exit_code == 75
    assert [finding["check"] for finding in found.findings if finding["state"] == "failure"] == list(PORTS)
    assert {found.states[check] for check in ("same node", "version", "data", "snapshots")} == {"warning"}


@pytest.mark.usefixtures("settings_file")
def test_failures_of_several_kinds_end_with_1(node: Sandbox, cli: Cli) -> None:
    """No single exit code would be true of them."""
    node.cql.stop()

    found = examine(cli, env={"ALTERNATOR_BACKUP_LIMITS__MIN_FREE_SPACE": "99.99%"})

    assert found.exit_code == 1
    assert (found.states["cql"], found.states["space"]) == ("failure", "failure")


@pytest.mark.parametrize("wrong", ["alternator", "cql"])
def test_a_role_that_is_not_let_in_is_told_apart_from_a_port_that_is_down(tmp_path: Path, cli: Cli, wrong: str) -> None:
    """The port answers; what is wrong is the role, its secret or its password."""
    with Sandbox(directory=tmp_path / "node", authorization=True) as node:
        role = node.catalog.add_role("backup", "right")
        env = _credentials(tmp_path, node)
        secrets = {
            "ALTERNATOR_BACKUP_ALTERNATOR__SECRET_ACCESS_KEY": role.salted_hash,
            "ALTERNATOR_BACKUP_CQL__PASSWORD": "right",
        }
        variable = next(name for name in secrets if wrong.upper() in name.removeprefix("ALTERNATOR_BACKUP_"))

        found = examine(cli, env=env | secrets | {variable: "wrong"})

    assert found.exit_code == 77
    assert found.states[wrong] == "ok"
    [failure] = found.of("authentication", "failure")
    assert wrong in failure["finding"].lower()


def test_a_role_without_any_grant_is_enough(tmp_path: Path, cli: Cli) -> None:
    """Nothing that doctor asks needs a permission."""
    with Sandbox(directory=tmp_path / "node", authorization=True) as node:
        role = node.catalog.add_role("backup", "right")
        env = _credentials(tmp_path, node) | {
            "ALTERNATOR_BACKUP_ALTERNATOR__SECRET_ACCESS_KEY": role.salted_hash,
            "ALTERNATOR_BACKUP_CQL__PASSWORD": "right",
        }

        found = examine(cli, env=env)

    assert found.exit_code == 0
    assert set(found.states.values()) == {"ok"}


def test_cql_of_another_node_is_found_out(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """A backup would look here for files of tables that are there."""
    with Sandbox(directory=tmp_path / "other") as other:
        make_table(node, "users")
        settings = tmp_path / "settings.toml"
        settings.write_text(
            settings_text(node, tmp_path).replace(f"port = {node.cql.port}", f"port = {other.cql.port}")
        )

        found = examine(cli, "--settings", str(settings))

    assert found.exit_code == 78
    [failure] = found.of("same node", "failure")
    assert str(node.catalog.host_id) in failure["finding"]
    assert str(other.catalog.host_id) in failure["finding"]


def test_alternator_of_another_node_is_suspected(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """It tells no host id, but its port and its tables give it away."""
    with Sandbox(directory=tmp_path / "other") as other:
        make_table(other, "elsewhere")
        settings = tmp_path / "settings.toml"
        settings.write_text(settings_text(node, tmp_path).replace(node.alternator.url, other.alternator.url))

        found = examine(cli, "--settings", str(settings))

    assert found.exit_code == 0
    port, tables = found.of("same node", "warning")
    assert str(other.alternator.port) in port["finding"]
    assert "elsewhere" in tables["finding"]


@pytest.mark.parametrize(
    ("release", "exit_code"),
    [
        ("2024.2.9-0.20250101.abcdef0", 69),
        ("6.2.0~rc2-0.20241010.0000000", 0),
        ("unknown", 69),
    ],
)
def test_servers_before_6_2_are_told_that_nothing_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli, release: str, exit_code: int
) -> None:
    """Releases named by their year came after 6.2 from 2025.1 on."""
    monkeypatch.setitem(VERSIONS, "other", dataclasses.replace(VERSIONS["6.2"], release=release))
    settings = tmp_path / "settings.toml"
    with Sandbox("other", directory=tmp_path / "node") as node:
        settings.write_text(settings_text(node, tmp_path))
        found = examine(cli, "--settings", str(settings))

    assert found.exit_code == exit_code
    assert found.states["version"] == ("failure" if exit_code else "ok")
    assert "6.2" in (found.of("version", "failure") or [{"finding": "6.2"}])[0]["finding"]


def test_broken_settings_are_all_that_can_be_looked_at(tmp_path: Path, cli: Cli) -> None:
    """All their problems are told at once, and the exit code is theirs."""
    settings = tmp_path / "settings.toml"
    settings.write_text('[node]\napi_uri = "x"\n[cql]\nport = "many"\n')

    found = examine(cli, "--settings", str(settings))

    assert found.exit_code == 78
    assert list(found.states) == ["package", "settings"]
    assert "node.api_uri" in found.findings[1]["finding"]
    assert "cql.port" in found.findings[1]["finding"]


def test_settings_without_a_repository_fail(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """There is nowhere to back up to: the settings are wrong, and nothing else is looked at."""
    settings = tmp_path / "settings.toml"
    settings.write_text(settings_text(node, tmp_path).replace("[repository.local]", "#").replace("path =", "#", 1))
    text = "\n".join(line for line in settings.read_text().splitlines() if "allow_same_disk" not in line)
    settings.write_text(text)

    found = examine(cli, "--settings", str(settings))

    assert found.exit_code == 78
    assert found.states["settings"] == "failure"
    assert "cql" not in found.states


def test_our_package_daemon_is_the_one_that_is_imported() -> None:
    """python-daemon's has the same name; ours lies beside the rest of us."""
    assert daemon.PRODUCT == "alternator-backup"
    assert Path(daemon.__file__).parents[1] == Path(backup_core.__file__).parents[1]


@pytest.mark.usefixtures("settings_file")
def test_python_daemon_in_the_same_environment_is_a_failure(tmp_path: Path, cli: Cli) -> None:
    """Its package would replace ours with its next update."""
    metadata = tmp_path / "site" / "python_daemon-3.1.2.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: python-daemon\nVersion: 3.1.2\n")

    found = examine(cli, env={"PYTHONPATH": str(tmp_path / "site")})

    assert found.exit_code == 78
    [failure] = found.of("package", "failure")
    assert "virtual environment of its own" in failure["hint"]


def _credentials(tmp_path: Path, node: Sandbox) -> dict[str, str]:
    settings = tmp_path / "settings.toml"
    settings.write_text(settings_text(node, tmp_path, alternator='access_key_id = "backup"', cql='username = "backup"'))
    return {"ALTERNATOR_BACKUP_SETTINGS": str(settings)}
