"""The predecessor's menu, in its own words; choices can be typed or piped in."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from backup_core.close_names import close_names
from backup_core.context import Context
from backup_core.errors import NotFoundError, StepError, batch_exit_code
from backup_core.model import RunResult
from backup_core.pipeline import backup_tables
from backup_core.table_id import get_all_tables
from daemon.answers import Answers
from daemon.output import Output


RULE = "=" * 60
WRONG_USAGE = 2


class Menu:
    """One conversation.

    Args:
        output: where it takes place.
        connect: opens a context for as long as the node is needed: nobody knows how long a question stays open.
    """

    def __init__(self, output: Output, connect: Callable[[], AbstractContextManager[Context]]) -> None:
        self._output = output
        self._connect = connect
        self._answers = Answers(output)
        self._succeeded = 0
        self._errors: list[BaseException] = []
        self._invalid = False

    def run(self) -> int:
        """Ask and do until the answer is 3 or the input ends.

        Returns:
            The exit code of the work that was done, as for a batch; 2 if all that came was no choice.

        Raises:
            BackupError: what concerns all tables: the node can't be reached, a repository isn't ours.
            KeyboardInterrupt: Ctrl-C at a question.
        """
        self._say(f"{RULE}\nScyllaDB Alternator Table Backup Tool\n{RULE}")
        while self._round():
            pass
        worked = self._succeeded or self._errors
        if self._invalid and not worked:
            return WRONG_USAGE
        return batch_exit_code(self._errors, some_succeeded=self._succeeded > 0)

    def _round(self) -> bool:
        """One choice; whether there may be another."""
        self._say("\nFetching list of all available tables...")
        with self._connect() as context:
            names = get_all_tables(context)
        if not names:
            self._say("\nNo tables found.")
            self._errors.append(NotFoundError("No tables found."))
            return False
        self._say(f"\nAvailable tables ({len(names)} total):")
        for number, name in enumerate(names, start=1):
            self._say(f"  {number}. {name}")
        self._say("\nOptions:\n1. Backup a specific table\n2. Backup all tables\n3. Exit\n")
        choice = self._answers.ask("Enter your choice (1, 2, or 3): ")
        if choice == "1":
            self._back_up_one(names)
        elif choice == "2":
            self._back_up_all(names)
        elif choice == "3":
            self._invalid = False
            return False
        elif choice is None:
            return False
        else:
            self._invalid = True
            self._say("\n❌ Invalid choice. Please enter 1, 2, or 3.")
        return self._answers.more()

    def _back_up_one(self, names: tuple[str, ...]) -> None:
        name = self._answers.ask("Enter table name: ")
        if name is None:
            return
        if name not in names:
            close = close_names(name, names)
            hint = f"Did you mean {' or '.join(close)}?" if close else ""
            error = NotFoundError(f"❌ Table '{name}' not found.", hint=hint)
            self._say(f"\n{error}")
            self._errors.append(error)
            return
        self._say("")
        result = self._back_up((name,))
        if result.succeeded:
            self._say(f"\n✅ Backup completed successfully for {name}")
        else:
            self._say(f"\n❌ Backup failed for {name}")

    def _back_up_all(self, names: tuple[str, ...]) -> None:
        self._say(f"\nBacking up {len(names)} tables...\n")
        result = self._back_up(names)
        self._say(
            f"\n{RULE}\nBackup Summary:\n"
            f"  ✅ Successful: {len(result.succeeded)}\n"
            f"  ❌ Failed: {len(result.failed)}\n"
            f"  📊 Total: {len(names)}"
        )
        if result.failed:
            self._say("\nFailed tables:")
            for failure in result.failed:
                self._say(f"  - {failure.table_name}")
        self._say(RULE)

    def _back_up(self, names: tuple[str, ...]) -> RunResult:
        with self._connect() as context:
            result = backup_tables(context, names)
        self._succeeded += len(result.succeeded)
        self._errors += (failure.error for failure in result.failed)
        for failure in result.failed:
            if isinstance(failure.error, StepError):
                self._output.traceback(failure.error)
        return result

    def _say(self, text: str) -> None:
        self._output.data(text)
