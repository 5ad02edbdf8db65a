"""settings.toml: not there, not readable, not TOML, or wrong; whatever is wrong with it, no secret is ever told."""

import json
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from backup_core.errors import SettingsError
from daemon.settings_file import load_settings
from tests.conftest import COMMAND, TIMEOUT_SECONDS, Cli, clean_environment
from tests.faults.commands import WITHOUT_PRIVILEGES, Finished, as_root, assert_error
from tests.faults.harness import NO_CHANGES


MARKER = "hunter2-never-tell"
SECRETS = f'[alternator]\nsecret_access_key = "{MARKER}"\n[cql]\npassword = "{MARKER}"\n'
REPOSITORY = '[repository.local]\npath = "backups"\n'


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Has a settings file refused when it is loaded: 78 with one line, which is returned; no secret is told."""

    def call(text: str | bytes | None, *, env: Mapping[str, str] = NO_CHANGES) -> str:
        path = tmp_path / "settings.toml"
        if text is None:
            path.mkdir()
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as raised:
            load_settings(path)
        line = str(raised.value)
        assert line.startswith(str(path))
        assert MARKER not in f"{line} {raised.value.context}"
        return line

    return call


def test_settings_that_are_not_there_are_told(cli: Cli, tmp_path: Path) -> None:
    """A file that was named and isn't there, and no file at all: 78, with the ways to name one."""
    for arguments, env in (
        (("--settings", str(tmp_path / "no.toml")), {}),
        ((), {"ALTERNATOR_BACKUP_SETTINGS": str(tmp_path / "no.toml")}),
    ):
        result = cli("backup", "users", *arguments, env=env)
        assert result.returncode == 78
        assert result.stderr.splitlines() == [
            f"ERROR - {tmp_path / 'no.toml'} is not there. Name another file with --settings."
        ]
    result = cli("list")
    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert line.startswith("ERROR - No settings: neither /etc/alternator-backup/settings.toml nor ./settings.toml")
    assert "--settings" in line
    assert "ALTERNATOR_BACKUP_SETTINGS" in line


def test_settings_that_cannot_be_read_are_told(refused: Callable[..., str]) -> None:
    """A directory where the file should be: 78, in the operating system's words."""
    assert "can't be read: Is a directory" in refused(None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[node]\napi_url = \n", "line 2, column 11"),
        (f'{SECRETS}username = "{MARKER}\n', "line 5"),
        (b'[node]\napi_url = "\xff"\n', "utf-8"),
        (f"{SECRETS}{SECRETS}", "alternator"),
    ],
    ids=["no value", "no end", "no text", "twice"],
)
def test_settings_that_are_no_toml_are_told_by_their_place(
    refused: Callable[..., str], text: str | bytes, words: str
) -> None:
    """Bad TOML: 78, with line and column, or the key that is there twice."""
    line = refused(text)
    assert "is no TOML" in line
    assert words in line


def test_all_problems_are_told_at_once(refused: Callable[..., str], cli: Cli, tmp_path: Path) -> None:
    """Unknown keys and sections, wrong types, values that can't be, missing ones: in one ERROR line with key paths."""
    text = f"""
        nonsense = "{MARKER}"
        [node]
        api_url = "{MARKER}"
        timeout_seconds = "{MARKER}"
        [alternator]
        secret_access_key = ["{MARKER}"]
        secret_from = "{MARKER}"
        [cql]
        port = 70000
        password = {{ value = "{MARKER}" }}
        pasword = "{MARKER}"
        [repository.local]
        format = "{MARKER}"
        [repository."{MARKER[:3]} bad name"]
        path = "elsewhere"
        [limits]
        min_free_space = "120%"
        [schedule.nightly]
        cron = "0 25 * * *"
    """
    env = {"ALTERNATOR_BACKUP_CQLL__PASSWORD": MARKER}
    line = refused(text, env=env)
    ended = cli("list", "--settings", str(tmp_path / "settings.toml"), env=env)
    assert (ended.returncode, ended.stdout, ended.stderr) == (78, "", f"ERROR - {line}\n")
    for key in (
        *("nonsense", "node.api_url", "node.timeout_seconds", "alternator.secret_access_key"),
        *("alternator.secret_from", "cql.port", "cql.password", "cql.pasword", "repository.local.format"),
        *("repository.local.path", "repository.hun bad name", "limits.min_free_space", "schedule.nightly.cron"),
        "environment: ALTERNATOR_BACKUP_CQLL__PASSWORD",
    ):
        assert f"{key}:" in line or f"{key} " in line, (key, line)


def test_settings_without_a_repository_say_what_to_add(cli: Cli, tmp_path: Path) -> None:
    """There has to be somewhere to put backups: 78 before the node is asked for anything."""
    (tmp_path / "settings.toml").write_text("")
    problem = "settings.toml: repository: there has to be one: add [repository.local] with a path"
    result = cli("backup", "users")
    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"ERROR - {problem}. ")
    check = cli("settings", "check")
    assert (check.returncode, check.stderr) == (78, f"{problem}\n")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CQL", MARKER, "cql: has to be a table of keys"),
        ("CQL__TLS", MARKER, "cql.tls: has to be a table of keys"),
        ("REPOSITORY", MARKER, "repository: has to be a table of keys"),
        ("REPOSITORY__LOCAL", MARKER, "repository.local: has to be a table of keys"),
        ("CQL__PORT__NUMBER", MARKER, "cql.port: has to be an integer"),
        ("NODE__DATA_DIRS__FIRST", MARKER, "node.data_dirs: has to be a list"),
    ],
)
def test_a_variable_that_stops_short_of_a_key_or_goes_past_it_is_told(
    refused: Callable[..., str], variable: str, value: str, words: str
) -> None:
    """A section is no value, and a value has no keys: 78 with the key path, and nothing of the value."""
    assert words in refused(REPOSITORY, env={f"ALTERNATOR_BACKUP_{variable}": value})


@pytest.mark.parametrize(
    ("key", "value", "items"),
    [
        ("node.data_dirs", "/var/lib/scylla/data", ["/var/lib/scylla/data"]),
        ("node.data_dirs", "/mnt/a:/mnt/b", ["/mnt/a", "/mnt/b"]),
        ("node.data_dirs", "", []),
        ("hooks.at", "success, failure", ["success", "failure"]),
        ("hooks.at", "[]", []),
        ("hooks.command", "curl -s http://127.0.0.1/", ["curl", "-s", "http://127.0.0.1/"]),
        ("hooks.command", '["/opt/a hook"]', ["/opt/a hook"]),
        ("schedule.nightly.tables", "users,orders_*", ["users", "orders_*"]),
    ],
)
def test_lists_are_taken_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, items: list[str]
) -> None:
    """In the environment they are JSON, or items with what is usual between them: for paths colons, as in PATH."""
    path = tmp_path / "settings.toml"
    path.write_text(f'{REPOSITORY}[schedule.nightly]\ncron = "@daily"\n')
    monkeypatch.setenv(f"ALTERNATOR_BACKUP_{key.replace('.', '__').upper()}", value)
    found = load_settings(path).model_dump(mode="json")
    for part in key.split("."):
        found = found[part]
    assert found == items


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (f'_env_file = "{MARKER}"', "_env_file: there is no such key"),
        (f'_secrets_dir = "{MARKER}"', "_secrets_dir: there is no such key"),
        ("[node]\ntimeout_seconds = inf", "node.timeout_seconds: has to be a finite number"),
        ("[node]\ntimeout_seconds = nan", "node.timeout_seconds: has to be a finite number"),
        ("[node]\ntimeout_seconds = 0", "node.timeout_seconds: has to be more than 0"),
        ("[node]\nsnapshot_timeout_seconds = 86401", "node.snapshot_timeout_seconds: has to be at most 86400"),
        ('[node]\ntimeout_seconds = "soon"', "node.timeout_seconds: has to be a number"),
        ('[node]\napi_url = "localhost:10000"', "node.api_url: has to look like http://127.0.0.1:10000"),
        ('[node]\napi_url = "http://localhost:99999"', "node.api_url: has to look like http://127.0.0.1:10000"),
        ("[node]\ndata_dirs = 1", "node.data_dirs: has to be a list"),
        ("[alternator]\nendpoint = 1", "alternator.endpoint: has to be text"),
        ('[alternator]\nsecret_from = "me"', "alternator.secret_from: has to be 'credential' or 'lookup'"),
        ('[cql]\nport = "many"', "cql.port: has to be an integer"),
        ("[cql]\nport = 9042.5", "cql.port: has to be an integer"),
        ('[cql.tls]\nenabled = "maybe"', "cql.tls.enabled: has to be true or false"),
        ("[state]\ndirectory = 1", "state.directory: has to be a path"),
        ('[log]\nfile = ""', "log.file: must not be empty"),
        ('[repository.other]\npath = "b/{foo}"', "repository.other.path: there is no {foo}, only {hostname}"),
        ('[repository.other]\npath = "~/backups"', "repository.other.path: ~ stands for nobody's home here"),
        ('[repository.other]\npath = "a\\u0000b"', "repository.other.path: a path can't hold a NUL character"),
        ('[repository.other]\npath = "./x/../backups/"', "repository.local.path: is the directory of repository.other"),
        ('[repository."a b"]\npath = "b"', "repository.a b: a name has only letters"),
    ],
)
def test_what_is_wrong_with_a_value_is_told_in_plain_words(refused: Callable[..., str], lines: str, words: str) -> None:
    """Each kind of value that can't be is refused with its key path and what it has to be."""
    assert words in refused(f"{lines}\n{REPOSITORY}")


@pytest.mark.parametrize(
    ("more", "counted"), [("", "1 repository."), ('[repository.b]\npath = "b"\n', "2 repositories.")]
)
def test_check_counts_the_repositories(cli: Cli, tmp_path: Path, more: str, counted: str) -> None:
    """`settings check` says how many repositories there are, in proper words."""
    (tmp_path / "settings.toml").write_text(REPOSITORY + more)
    assert cli("settings", "check").stdout == f"settings.toml is ok: {counted}\n"


def test_a_credential_that_is_no_text_is_told(refused: Callable[..., str], tmp_path: Path) -> None:
    """A file of another encoding: 78 with its key and its path; files of others beside it are never read."""
    (tmp_path / "cql__password").write_bytes(b"\xff" + MARKER.encode())
    (tmp_path / "others.key").write_bytes(b"\xff")
    line = refused(REPOSITORY, env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert f"cql.password: the credential {tmp_path}/cql__password is no text in UTF-8" in line


def test_a_credential_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """78 with its key, its path and the operating system's words."""
    (tmp_path / "settings.toml").write_text(REPOSITORY)
    (tmp_path / "cql__password").write_text(MARKER)
    (tmp_path / "cql__password").chmod(0)
    result = without_privileges(tmp_path, "list", env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert_error(result, 78, "cql.password: ", f"{tmp_path}/cql__password can't be read: Permission denied")


def test_a_credentials_directory_that_may_not_be_entered_holds_nothing(tmp_path: Path) -> None:
    """Whoever may not look at the secrets can still look at the settings."""
    (tmp_path / "settings.toml").write_text(REPOSITORY)
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "cql__password").write_text(MARKER)
    for mode in (0, 0o400):
        directory.chmod(mode)
        result = without_privileges(tmp_path, "settings", "check", env={"CREDENTIALS_DIRECTORY": str(directory)})
        assert (result.returncode, result.stderr) == (0, "")


def test_a_system_directory_that_may_not_be_entered_is_passed_over(tmp_path: Path) -> None:
    """Where /etc/alternator-backup is root's alone, others go on with their own settings, or are told how to."""
    if not as_root():
        pytest.skip("only root can give a process another /etc")
    closed = "mount -t tmpfs tmpfs /etc && mkdir -m 000 /etc/alternator-backup && exec"
    prefix = ("unshare", "--mount", "sh", "-c", f'{closed} "$@"', "sh")
    assert_error(
        without_privileges(tmp_path, "list", prefix=prefix), 78, "No settings", "may not look into /etc/", "--settings"
    )
    named = without_privileges(tmp_path, "list", "--settings", "/etc/alternator-backup/settings.toml", prefix=prefix)
    assert_error(named, 78, "/etc/alternator-backup/settings.toml can't be read: Permission denied")
    (tmp_path / "settings.toml").write_text(REPOSITORY)
    assert without_privileges(tmp_path, "settings", "check", prefix=prefix).returncode == 0


def test_a_user_without_a_home_is_told_to_set_the_state_directory(tmp_path: Path) -> None:
    """Without HOME, and without an entry in passwd, nobody knows where the journal goes: 78 with the key."""
    if not as_root():
        pytest.skip("only root can become a user whom nobody knows")
    (tmp_path / "settings.toml").write_text(REPOSITORY)
    capability = "+dac_override"  # the tests' own directories are root's
    unknown = ("setpriv", "--reuid=54321", "--clear-groups", "--inh-caps", capability, "--ambient-caps", capability)
    prefix = ("env", "-u", "HOME", "-u", "XDG_STATE_HOME", "-u", "STATE_DIRECTORY", *unknown)
    result = run(tmp_path, *prefix, COMMAND, "backup", "users")
    assert_error(result, 78, "state.directory: ", "no home directory", "Set state.directory.")


def without_privileges(
    directory: Path, *arguments: str, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> Finished:
    """Run the command so that the rights of files count."""
    return run(directory, *prefix, *(WITHOUT_PRIVILEGES if as_root() else ()), COMMAND, *arguments, env=env)


def run(directory: Path, *command: str | Path, env: dict[str, str] | None = None) -> Finished:
    """Run a command in a directory."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        cwd=directory,
        env=clean_environment(directory) | (env or {}),
        check=False,
    )


def test_check_lists_each_problem_on_a_line_of_its_own(cli: Cli, tmp_path: Path) -> None:
    """`settings check` ends with 78 and has the problems for people and for programs."""
    path = tmp_path / "settings.toml"
    path.write_text(f'{SECRETS}port = "{MARKER}"\n{REPOSITORY}colour = "{MARKER}"\n')
    for arguments in ((), ("--json",)):
        result = cli("settings", "check", *arguments)
        assert result.returncode == 78
        first, second = result.stderr.splitlines()
        assert first.startswith("settings.toml: cql.port: ")
        assert second == "settings.toml: repository.local.colour: there is no such key"
        assert MARKER not in result.stdout + result.stderr
    assert [problem.partition(":")[0] for problem in json.loads(result.stdout)["problems"]] == [
        "cql.port",
        "repository.local.colour",
    ]


def test_secrets_are_masked_where_settings_are_shown(cli: Cli, tmp_path: Path) -> None:
    """What is in force can be shown to anybody: file, environment and credentials give no secret away."""
    (tmp_path / "settings.toml").write_text(SECRETS + REPOSITORY)
    (tmp_path / "alternator__secret_access_key").write_text(MARKER)
    env = {"ALTERNATOR_BACKUP_CQL__PASSWORD": MARKER, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    for arguments in ((), ("--json",)):
        result = cli("settings", "show", *arguments, env=env)
        assert result.returncode == 0
        assert result.stdout.count("********") == 2
        assert MARKER not in result.stdout + result.stderr


def test_settings_show_did_not_say_where_a_value_comes_from(cli: Cli, tmp_path: Path) -> None:
    """Each value has its source behind it; for programs there are tables of sources beside those of values."""
    (tmp_path / "settings.toml").write_text(f"{SECRETS}port = 9043\n{REPOSITORY}")
    for name in ("cql__username", "cql__password", "alternator__access_key_id"):
        (tmp_path / name).write_text("anybody")
    env = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "ALTERNATOR_BACKUP_CQL__PASSWORD": MARKER,
        "alternator_backup_node__DATA_DIRS": '["/one\\nline", "/two"]',
        "ALTERNATOR_BACKUP_REPOSITORY__OTHER": '{"path": "elsewhere"}',
    }
    expected = {
        "cql.password": "environment ALTERNATOR_BACKUP_CQL__PASSWORD",
        "cql.username": "credential",
        "cql.port": "file",
        "cql.host": "default",
        "alternator.access_key_id": "credential",
        "alternator.secret_access_key": "file",
        "node.data_dirs": "environment alternator_backup_node__DATA_DIRS",
        "repository.local.path": "file",
        "repository.local.allow_same_disk": "default",
        "repository.other.path": "environment ALTERNATOR_BACKUP_REPOSITORY__OTHER",
        "log.file": "default",
    }
    told = json.loads(cli("settings", "show", "--json", env=env).stdout)
    shown = cli("settings", "show", env=env).stdout
    read = tomllib.loads(shown)
    assert read["node"]["data_dirs"] == ["/one\nline", "/two"]
    for key, source in expected.items():
        section, _, name = key.rpartition(".")
        found = told["sources"]
        for part in key.split("."):
            found = found[part]
        assert found == source, key
        lines = shown.partition(f"[{section}]\n")[2].partition("\n\n")[0].splitlines()
        (line,) = [line for line in lines if line.startswith((f"{name} = ", f"# {name} is not set"))]
        assert line.endswith((f"  # {source}", "is not set")), key
