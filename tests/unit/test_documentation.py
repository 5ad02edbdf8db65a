"""What the README and the pages in docs say, held against what the command does."""

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from backup_core.errors import BackupError
from daemon.cli import PROGRAM, VERBS
from daemon.settings_file import ENVIRONMENT_PREFIX
from tests.documents import DOCUMENTS, document, fenced
from tests.settings_keys import KEYS, SECRETS


README = document("README.md")

OK, WRONG_USAGE, TERMINATED = 0, 2, 143


def error_classes(base: type[BackupError] = BackupError) -> Iterator[type[BackupError]]:
    """The whole tree of errors."""
    yield base
    for child in base.__subclasses__():
        yield from error_classes(child)


@pytest.mark.parametrize("verb", VERBS)
def test_readme_lists_every_verb(verb: str) -> None:
    """The README's table of verbs has a row for each."""
    assert f"| `{verb}` |" in README


def test_readme_lists_exactly_the_exit_codes_that_there_are() -> None:
    """The table of exit codes has a row for each code of the error tree, for success, wrong usage and SIGTERM."""
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)]
    codes = {error.exit_code for error in error_classes() if error.__module__.startswith("backup_core")}
    assert listed == sorted(codes | {OK, WRONG_USAGE, TERMINATED})


def test_readme_lists_exactly_the_settings_that_there_are() -> None:
    """The table of settings has a row for each key, and none for a key that doesn't exist."""
    rows = re.findall(r"^\| `([\w.]+)` \|(?:[^|]*\|){3}$", README, re.MULTILINE)
    assert sorted(rows) == sorted(KEYS)


@pytest.mark.parametrize("key", [key for key in KEYS if key not in SECRETS])
def test_readme_tells_the_default(key: str) -> None:
    """Each setting stands with the default that it has."""
    default = KEYS[key].get_default()
    if KEYS[key].is_required():
        told = ["has to be set"]
    elif default is None:
        told = ["not set", "see below"]
    elif default == "":
        told = ["empty"]
    else:
        told = [f"`{list(default) if isinstance(default, tuple) else default}`"]
    row = re.search(rf"^\| `{re.escape(key)}` \| ([^|]*) \|", README, re.MULTILINE)
    assert row is not None
    assert row[1] in [*told, *(text.lower() for text in told if isinstance(default, bool))]


@pytest.mark.parametrize("secret", SECRETS)
def test_readme_tells_where_each_secret_goes(secret: str) -> None:
    """Each secret stands with its environment variable and the name of its credential."""
    credential = secret.replace(".", "__")
    assert KEYS[secret].annotation is SecretStr
    assert f"| `{secret}` | `{ENVIRONMENT_PREFIX}{credential.upper()}` | `{credential}` |" in README


def commands() -> list[list[str]]:
    """Arguments of every call of the command in the documents' shell blocks, each once."""
    lines = [line for path in DOCUMENTS for block in fenced(path.read_text(), "bash") for line in block.splitlines()]
    calls = (tuple(call[1:]) for line in lines for call in simple_commands(line) if call[:1] == [PROGRAM])
    return [list(call) for call in dict.fromkeys(calls)]


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of shell, without what is redirected."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    call: list[str] = []
    for word in words:
        if set(word) <= set("<>"):
            break
        if set(word) <= set("&|;"):
            yield call
            call = []
        else:
            call.append(word)
    yield call


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_in_the_documents_parse(arguments: list[str]) -> None:
    """Each call of the command that a document shows has a verb that exists, and arguments that this verb takes."""
    place = next(place for place, word in enumerate(arguments) if word in VERBS)
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("-q", action="count")
    importlib.import_module(f"daemon.commands.{arguments[place].replace('-', '_')}").add_arguments(parser)
    parser.parse_args([*arguments[:place], *arguments[place + 1 :]])


def test_the_documents_show_each_verb() -> None:
    """There is an example for every verb but the demo, which `make demo` calls."""
    shown = {next(word for word in call if word in VERBS) for call in commands()}
    assert shown == set(VERBS) - {"demo"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of a document leads to a file, and its fragment to a heading in there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if not target.startswith("https://"):
            name, _, fragment = target.partition("#")
            linked = path.parent / name if name else path
            assert linked.exists(), target
            assert not fragment or fragment in headings(linked), target


def headings(path: Path) -> set[str]:
    """Fragments of a document's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
