"""The commands of docs/offsite.md, in the order of the page, as who reads it types them; and its restore by hand."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conftest import Cli
from tests.documents import fenced
from tests.e2e.by_hand import ADDRESSES, make, seen, shell
from tests.e2e.offsite import HOST_ID, NODE, OWNER, READER, SECRETS, WHERE, Machine, page, prepare
from tests.faults.commands import until
from tests.s3_server import ACCESS_KEY_ID, SECRET, S3Server, required_program, running_s3_server


TAG, LEFT = "1733313018", "72b18ae5-0c44-4fd2-a7d1-5f6d4c1b9e02"
BACKUP = f"BACKUP={WHERE}/{HOST_ID}/users/2095c008e69311f1a9bb02fc00000001 TAG={TAG}"
"""The page's."""

AT_AWS, ELSEWHERE = "An empty bucket", "Restore on a node that never saw the backup"
BETWEEN, BY_HAND = "From one repository into another", "Without this tool"
"""Headings."""

NOT_RUN_HERE = ("systemctl ", "/opt/alternator-backup/bin/python -m pip ")
"""There is no running systemd, and nothing is installed."""

needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "jq", "zstd"))), reason="the page takes curl, jq and zstd for granted"
)


def sections() -> Iterator[tuple[str, str]]:
    """Headings of the page, with what stands below each."""
    for section in re.split(r"^## ", page(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        yield heading, text


def commands(heading: str) -> list[str]:
    """The commands of a section: its lines, but a block with loops or text in it as a whole."""
    blocks = fenced(dict(sections())[heading], "bash")
    return [command for block in blocks for command in ([block] if "\n  " in block else block.splitlines())]


@pytest.fixture
def server(tmp_path: Path, node: Sandbox) -> Iterator[S3Server]:
    """An S3 server with the page's bucket."""
    (tmp_path / "s3").mkdir()
    with running_s3_server(tmp_path / "s3") as server:
        prepare(server, node)
        yield server


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory with what stands for programs, and age."""
    directory = tmp_path / "programs"
    directory.mkdir()
    for name in ("age", "age-keygen"):
        (directory / name).symlink_to(required_program(name, "make age"))
    return directory


class Reader:
    """Who reads the page, and types what it says.

    Args:
        machine: where the backups are taken.
        there: another one, which only reads the bucket.
        programs: what stands for programs.
    """

    def __init__(self, machine: Machine, there: Machine, programs: Path) -> None:
        self._machine = machine
        self._there = there
        self._programs = programs
        self._etc = machine.directory / "etc"
        (self._etc / "alternator-backup" / "credentials").mkdir(parents=True)
        self.printed: dict[str, str] = {}

    def type(self, heading: str) -> None:
        """Type the commands of a section."""
        for command in commands(heading):
            if not command.startswith(NOT_RUN_HERE):
                is_there = heading == ELSEWHERE and "drill" not in command
                self.printed[command] = self._typed(command, self._there if is_there else self._machine)

    def _typed(self, command: str, machine: Machine) -> str:
        """What a command prints; its paths, its tag and its hosts are the test's own."""
        own = {
            "/etc/": f"{self._etc}/",
            "/srv/": f"{machine.directory}/",
            LEFT: str(self._there.node.catalog.host_id),
        }
        for theirs, ours in own.items():
            command = command.replace(theirs, ours)
        if TAG in command:
            command = command.replace(TAG, self._machine.manifest("users")["tag"])
        machine.directory.mkdir(exist_ok=True)
        key = machine.directory / "offsite-key.txt"
        if machine is self._there and not key.exists():
            shutil.copy2(self._machine.directory / key.name, key)
        environment = machine.environment | {"CREDENTIALS_DIRECTORY": str(self._credentials(machine))}
        ended = subprocess.run(
            ["bash", "-c", command],
            input=SECRETS[NODE] + "\n",
            capture_output=True,
            text=True,
            timeout=50,
            cwd=machine.directory,
            env=environment | {"PATH": f"{self._programs}:{environment['PATH']}"},
            check=False,
        )
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
        return ended.stdout

    def _credentials(self, machine: Machine) -> Path:
        """Where its secret is: the node's as the page has put it there, any other's beside it."""
        if machine.user == NODE:
            return self._etc / "alternator-backup" / "credentials"
        directory = machine.directory / "credentials"
        directory.mkdir(exist_ok=True)
        (directory / "repository__offsite__secret_access_key").write_text(SECRETS[machine.user])
        return directory


@needs_programs
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_commands_work(node: Sandbox, server: S3Server, programs: Path, tmp_path: Path) -> None:
    """Each command of the page ends with 0, one after the other: keys, backups, checks, restores, what is removed."""
    make(node, "users")
    machine = Machine(node, server, tmp_path / "machine")
    machine.directory.mkdir()
    with Sandbox("6.2", directory=tmp_path / "elsewhere") as elsewhere:
        there = Machine(elsewhere, server, tmp_path / "there", user=READER)
        reader = Reader(machine, there, programs)
        for heading, _ in sections():
            if heading in {AT_AWS, BY_HAND}:
                continue
            if heading == BETWEEN:
                machine.more = f'[repository.second]\npath = "{tmp_path / "second"}"\nmode = "incremental"\n'
                machine.more += f'allow_same_disk = true\nencrypt_to = ["{machine.encrypt_to}"]\n'
            if heading.startswith("Several nodes"):
                leave(server, there)
                machine.user = OWNER
            reader.type(heading)
            if heading == "Keys":
                machine.encrypt_to = reader.printed["age-keygen -y offsite-key.txt"].strip()
        assert seen(elsewhere, "users_copy") == seen(node, "users")
    assert '"objects": 0' in reader.printed["alternator-backup show users --json | jq .manifest.sent"]
    assert not [key for key in keys(server) if key.startswith(f"production/{elsewhere.catalog.host_id}/events/")]


def leave(server: S3Server, machine: Machine) -> None:
    """Back up a table of a machine's node, which then isn't in anybody's ring."""
    client(machine.node).create_table(**simple_table("events"))
    leaving = Machine(machine.node, server, machine.directory.with_name("leaving"), user=OWNER)
    leaving.call("backup", "events")


def keys(server: S3Server) -> list[str]:
    """Of everything in the page's bucket."""
    found = server.client().list_objects_v2(Bucket=WHERE.split("/")[2])["Contents"]
    return [each["Key"] for each in found]


def test_the_settings_are_settings(cli: Cli, tmp_path: Path) -> None:
    """Whatever the page has for settings.toml, `settings check` has nothing to say against."""
    (tmp_path / "store.pem").write_text("")
    _, *blocks = fenced(page(), "toml")
    settings = tmp_path / "settings.toml"
    settings.write_text("\n".join(blocks).replace("/etc/ssl/", f"{tmp_path}/"))
    checked = cli("--settings", str(settings), "settings", "check")
    assert (checked.returncode, checked.stderr) == (0, "")


@needs_programs
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_table_comes_back_without_this_tool(
    node: Sandbox, server: S3Server, programs: Path, tmp_path: Path, *, is_encrypted: bool
) -> None:
    """After DeleteTable the page's commands bring all back that a client can see; who follows it may only read."""
    make(node, "users")
    before = seen(node, "users")
    machine = Machine(node, server, tmp_path / "machine")
    work = tmp_path / "by-hand"
    work.mkdir()
    if is_encrypted:
        keygen = (programs / "age-keygen", "-o", work / "offsite-key.txt")
        told = subprocess.run(keygen, check=True, capture_output=True, text=True).stderr
        machine.encrypt_to = told.split()[-1]
    machine.call("backup", "users")
    client(node).delete_table(TableName="users")

    manifest = machine.manifest("users")
    own = {
        BACKUP: f"BACKUP={WHERE}/{node.catalog.host_id}/users/{manifest['table']['id']} TAG={manifest['tag']}",
        ADDRESSES: f"export ALTERNATOR={node.alternator.url} API={node.api.url}",
        "DATA=/var/lib/scylla/data": f"DATA={node.data_directory}",
    }
    script = "\n".join(re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in fenced(page(), "sh"))
    for theirs, ours in own.items():
        assert script.count(theirs) == 1
        script = script.replace(theirs, ours)
    ended = shell(script, directory=work, stand_ins=programs, environment=machine.reader_environment)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "\n200\n" in ended.stdout
    until(lambda: seen(node, "users") == before)
    assert list(node.data_directory.glob("*/*/upload/*")) == []


@pytest.fixture
def moto_url() -> Iterator[str]:
    """A server that plays S3 in this process, and knows more of AWS's settings of buckets."""
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


def test_doctor_finds_nothing_wrong_with_the_bucket_of_the_page(
    moto_url: str, node: Sandbox, cli: Cli, tmp_path: Path
) -> None:
    """The bucket as the page has it made and set up keeps versions, and loses no backup."""
    script = "".join(fenced(dict(sections())[AT_AWS], "bash"))
    credentials = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    environment = credentials | {"AWS_ENDPOINT_URL_S3": moto_url}
    ended = shell(script, directory=tmp_path, stand_ins=tmp_path / "programs", environment=environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = next(fenced(page(), "toml")).replace(
        "[repository.offsite]", f'[repository.offsite]\nendpoint_url = "{moto_url}"'
    )
    settings = tmp_path / "settings.toml"
    nowhere = f'[node]\napi_url = "{node.api.url}"\n[alternator]\nendpoint = "{node.alternator.url}"\n'
    settings.write_text(re.sub(r"^access_key_id = .*\n", "", lines, flags=re.MULTILINE) + nowhere)
    found = cli("--settings", str(settings), "doctor", env=credentials).stdout
    (bucket,) = (line for line in found.splitlines() if " bucket " in line)
    assert bucket.startswith("ok ")
    assert "keeps versions" in bucket
