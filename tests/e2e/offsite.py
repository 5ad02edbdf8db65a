"""A bucket with the users and policies of docs/offsite.md, and machines whose settings name it, for tests."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sandbox.node import Sandbox
from tests.conftest import COMMAND, TIMEOUT_SECONDS, clean_environment, settings_text
from tests.documents import document, fenced
from tests.s3_server import ACCESS_KEY_ID, REGION, SECRET, S3Server


BUCKET = "scylla-backups"
WHERE = "s3://scylla-backups/production"
HOST_ID = "25a7c987-37ce-4c53-b5a4-6f1c7e3f6a10"
"""The page's."""

NODE, READER, OWNER = "node", "reader", ACCESS_KEY_ID
"""Users: the two that the page has a policy for, and one who may do everything."""

SECRETS: Mapping[str, str] = MappingProxyType({NODE: "n0de-s3cret", READER: "r3ader-s3cret", OWNER: SECRET})


def page() -> str:
    """The text of docs/offsite.md."""
    return document("docs/offsite.md")


def prepare(server: S3Server, node: Sandbox) -> None:
    """Make the page's bucket on a server, where a node and a reader may do what the page allows them."""
    client = server.client()
    client.create_bucket(Bucket=BUCKET)
    statements = []
    for user, policy in zip((NODE, READER), fenced(page(), "json"), strict=True):
        server.add_user(user, SECRETS[user])
        own = policy.replace(HOST_ID, str(node.catalog.host_id))
        # A user's own policy needs no principal, a bucket's does; otherwise they are alike.
        statements += [statement | {"Principal": {"AWS": [user]}} for statement in json.loads(own)["Statement"]]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    client.put_bucket_policy(Bucket=BUCKET, Policy=policy)


def settings_lines(encrypt_to: str = "") -> str:
    """The page's `[repository.offsite]`, without what is different here; `encrypt_to` is a public key, or nothing."""
    recipients = f'encrypt_to = ["{encrypt_to}"]' if encrypt_to else ""
    lines = re.sub(r"^encrypt_to = .*", recipients, next(fenced(page(), "toml")), flags=re.MULTILINE)
    return re.sub(r"^(region|access_key_id) = .*\n", "", lines, flags=re.MULTILINE)


@dataclass
class Machine:
    """A node, and a user's credentials for the bucket.

    Attributes:
        node: that it has for a node.
        server: of the bucket.
        directory: its own; for its settings, state and whatever is written.
        user: of the bucket.
        encrypt_to: a public key of age; nothing is encrypted if empty.
        retention: lines, instead of the page's.
        more: tables of settings.toml behind those of the repository.
    """

    node: Sandbox
    server: S3Server
    directory: Path
    user: str = NODE
    encrypt_to: str = ""
    retention: str = ""
    more: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """That of its commands."""
        return clean_environment(self.directory) | {
            "ALTERNATOR_BACKUP_SETTINGS": str(self._settings()),
            "PATH": os.pathsep.join((str(COMMAND.parent), os.environ["PATH"])),
        }

    @property
    def reader_environment(self) -> dict[str, str]:
        """What the AWS command line needs to read the bucket."""
        return {
            "AWS_ACCESS_KEY_ID": READER,
            "AWS_SECRET_ACCESS_KEY": SECRETS[READER],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.server.url,
        }

    def run(self, *arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> subprocess.CompletedProcess[str]:
        """Call our command, with the secret in the environment."""
        secret = {"ALTERNATOR_BACKUP_REPOSITORY__OFFSITE__SECRET_ACCESS_KEY": SECRETS[self.user]}
        return subprocess.run(
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            cwd=self.directory,
            env=self.environment | secret | dict(env),
            check=False,
        )

    def call(self, *arguments: str) -> str:
        """What our command prints, which has to succeed."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout

    def listed(self) -> list[dict[str, Any]]:
        """What `list --json` says."""
        entries: list[dict[str, Any]] = json.loads(self.call("list", "--json"))
        return entries

    def manifest(self, table: str) -> dict[str, Any]:
        """The newest manifest of a table, as it lies in the bucket."""
        folder = f"production/{self.node.catalog.host_id}/{table}"
        found = (self.server.directory / BUCKET / folder).glob("*/backups/*.json")
        newest = max((path for path in found if path.stem.isdigit()), key=lambda path: int(path.stem))
        manifest: dict[str, Any] = json.loads(newest.read_bytes())
        return manifest

    def _settings(self) -> Path:
        self.directory.mkdir(exist_ok=True)
        here = (
            f'endpoint_url = "{self.server.url}"\nregion = "{REGION}"\naddressing_style = "path"\n'
            f'access_key_id = "{self.user}"\n'
        )
        head, name, rules = settings_lines(self.encrypt_to).partition("[repository.offsite.retention]\n")
        others = re.sub(
            r"^\[repository\.local\]\n.*?(?=^\[)",
            "",
            settings_text(self.node, self.directory),
            flags=re.MULTILINE | re.DOTALL,
        )
        path = self.directory / "settings.toml"
        path.write_text(f"{head}{here}{name}{self.retention or rules}\n{self.more}\n{others}")
        return path
