"""Examples: `doctor`, `doctor --json | jq '.[] | select(.state != "ok")'`."""

import argparse

from backup_core.errors import StepError, batch_exit_code
from daemon.checking.finding import Finding
from daemon.checking.run import examine
from daemon.invocation import Invocation
from daemon.signals import cancelling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Print what was found, a line each. Warnings are no failure."""
    output = invocation.output
    with cancelling(invocation.cancel):
        findings = list(examine(invocation))
    if invocation.arguments.json:
        output.json([_as_json(finding) for finding in findings])
    else:
        output.table(("state", "check", "finding"), [(f.state, f.what, _sentence(f)) for f in findings])
    errors = [finding.error for finding in findings if finding.error is not None]
    for error in errors:
        if isinstance(error, StepError):
            output.traceback(error)
    return batch_exit_code(errors, some_succeeded=False)


def _sentence(finding: Finding) -> str:
    separator = "" if finding.text.endswith((".", "?", "!")) else "."
    return f"{finding.text}{separator} {finding.hint}".rstrip()


def _as_json(finding: Finding) -> dict[str, str | int]:
    return {
        "state": str(finding.state),
        "check": finding.what,
        "finding": finding.text,
        "hint": finding.hint,
        "exit_code": finding.error.exit_code if finding.error else 0,
    }
