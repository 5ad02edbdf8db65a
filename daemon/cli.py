"""The command line: finds the verb, calls its module, and turns what comes of it into one line and an exit code.

A verb's module is imported only when it is called: `--help` and `list` start quickly, whatever boto3 costs.
"""

import argparse
import difflib
import gc
import importlib
import sys
from collections.abc import Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, RunCancelledError, StepError
from daemon.output import Output, flush_or_forget, prepare_streams
from daemon.signals import queue_signals, raise_on_sigterm


PROGRAM = "alternator-backup"

VERBS = {
    "run": "be the daemon: back up, verify, drill and prune by the schedules",
    "backup": "back up tables now",
    "restore": "bring a table back, and prove that it is what it was",
    "drill": "restore a backup under a scratch name, prove it, and drop it again",
    "list": "list backups",
    "show": "show one backup: what is in it, what was verified",
    "verify": "check stored backups, with --deep every byte of them",
    "export-archive": "unpack a backup into plain files, every byte checked",
    "prune": "remove what the retention doesn't want, or tell with --plan what would go and why",
    "copy": "copy backups from one repository into another that lacks them",
    "hold": "keep one backup from being removed, until it is released",
    "release": "let go of a backup that was on hold",
    "forget": "remove all backups of a table",
    "repository": "look at everything that is in repositories: what is missing there, and what is too much",
    "schedule": "print when each schedule fires next, and which tables it would take",
    "status": "tell whether the daemon is alive, what it does, did and will do, and what backups take up",
    "check": "one line for a monitoring system, with Nagios's exit codes: are the backups recent?",
    "doctor": "look whether node, repositories and rights are as a backup needs them",
    "settings": "show the settings in force, or check a file",
    "menu": "the predecessor's interactive menu (also called baskup)",
    "demo": "show backups, the daemon, restores and a bucket at work in a sandbox, in under a minute",
    "sandbox": "run a stand-in for a ScyllaDB node on loopback",
}

BACKING_UP = frozenset({"backup", "menu", "run"})
"""Where Ctrl-C is told in the predecessor's words."""

EXIT_CODES = """exit codes:
  0 ok   1 failed   2 wrong usage   3 done in part   10 no such table or backup   11 locked by another run
  69 a service refuses   70 a bug of ours   75 a service is unavailable: try again   77 permission
  78 settings, or a repository of another host   130, 143 Ctrl-C, SIGTERM"""

EXAMPLES = f"""examples:
  {PROGRAM} backup --all                back up all tables of this node
  {PROGRAM} list users                  what there is of table users
  {PROGRAM} restore users --as copy     bring its newest backup back under another name
  {PROGRAM} verify users --deep         read every byte of its newest backup
  {PROGRAM} doctor                      is everything as it should be?

"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: its arguments; the process's own if None.

    Returns:
        The exit code, as the README lists them.
    """
    raise_on_sigterm()
    prepare_streams()
    output = Output()
    try:
        return _run(sys.argv[1:] if argv is None else list(argv), output)
    except RunCancelledError as error:
        output.error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        output.error("\nInterrupted by user.")
        return RunCancelledError.exit_code
    except BackupError as error:
        if isinstance(error, StepError):
            output.traceback(error)
        output.error(f"ERROR - {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (the last one that can tell of it)
        output.traceback(error)
        output.error(f"ERROR - This is a bug of {PROGRAM}: please report it with the lines above.")
        return StepError.exit_code
    finally:
        flush_or_forget()


def baskup() -> int:
    """The predecessor's command: its menu, its settings, its log file."""
    return main(["menu", "--predecessor", *sys.argv[1:]])


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line.

    Args:
        given: what it is going to parse.
        options: of argparse.
    """

    wrong_usage = 2

    def __init__(self, given: Sequence[str], **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._given = given

    def error(self, message: str) -> NoReturn:
        """One line, and for what looks like an option a word on names that start with a dash."""
        hint = " A table name that starts with a dash goes after `--`." if self._has_unknown_option() else ""
        self.exit(self.wrong_usage, f"{self.prog}: {message}.{hint} See {self.prog} --help.\n")

    def _has_unknown_option(self) -> bool:
        """Whether what could be a table's name was taken for an option; argparse may complain of something else."""
        known = self._option_string_actions
        return any(action.metavar == "TABLE" for action in self._actions) and any(
            argument.partition("=")[0] not in known and not all(f"-{letter}" in known for letter in argument[1:])
            for argument in takewhile(lambda argument: argument != "--", self._given)
            if argument.startswith("-")
        )


def _run(argv: list[str], output: Output) -> int:
    before, rest = _split_at_verb(argv)
    top_parser = _top_parser(before)
    common = top_parser.parse_args(before)
    if common.version:
        from importlib.metadata import version  # noqa: PLC0415  (it takes half of what --help may take)

        output.data(f"{PROGRAM} {version(PROGRAM)}")
        return 0
    if common.verb not in VERBS:
        close = difflib.get_close_matches(common.verb or "", VERBS, n=1)
        top_parser.error(
            f"there is no verb {common.verb!r}{f', did you mean {close[0]}' if close else ''}"
            if common.verb
            else "which verb"
        )
    # From its very beginning: what comes while modules are imported and settings read must not end the daemon.
    signals: SimpleQueue[int] = SimpleQueue()
    if common.verb == "run":
        queue_signals(signals)
    # Importing leaves no garbage: to look for it meanwhile takes a tenth of what `list` may take.
    gc.disable()
    from daemon.invocation import Invocation  # noqa: PLC0415  (pydantic is for the verbs, not for --help)
    from daemon.privileges import drop_privileges  # noqa: PLC0415

    module = importlib.import_module(f"daemon.commands.{common.verb.replace('-', '_')}")
    gc.enable()
    parser = _Parser(rest, prog=f"{PROGRAM} {common.verb}", description=VERBS[common.verb], epilog=module.__doc__)
    parser.wrong_usage = getattr(module, "WRONG_USAGE", parser.wrong_usage)
    _add_common_arguments(parser, default=argparse.SUPPRESS)
    module.add_arguments(parser)
    arguments = parser.parse_args(rest, namespace=common)
    output.verbosity = arguments.verbose - arguments.quiet
    cancel = CancelToken() if common.verb in BACKING_UP else CancelToken(common.verb.capitalize())
    invocation = Invocation(arguments, output, cancel, signals)
    drop_privileges(arguments, invocation.read_secrets)
    with closing(invocation):
        result: int = module.run(invocation)
    return result


def _split_at_verb(argv: list[str]) -> tuple[list[str], list[str]]:
    """Everything up to the verb, and what is the verb's own: argparse's REMAINDER would swallow a `--` of it."""
    is_value = False
    for position, argument in enumerate(argv):
        if not is_value and not argument.startswith("-"):
            return argv[: position + 1], argv[position + 1 :]
        is_value = argument == "--settings"
    return argv, []


def _top_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb.ljust(width)}  {text}" for verb, text in VERBS.items())
    parser = _Parser(
        given,
        prog=PROGRAM,
        usage=f"{PROGRAM} [--settings PATH] [-q] [-v] VERB ...",
        description=f"Backups of ScyllaDB's Alternator tables.\n\n{EXAMPLES}verbs:\n{verbs}",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common_arguments(parser)
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("verb", nargs="?", help=argparse.SUPPRESS)
    return parser


def _add_common_arguments(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """They may stand before the verb and after it; what stands after it must not be undone by a default."""
    parser.add_argument("--settings", type=Path, metavar="PATH", default=default, help="settings file")
    parser.add_argument("-q", "--quiet", action="count", default=default or 0, help="errors only")
    parser.add_argument("-v", "--verbose", action="count", default=default or 0, help="tell more")
