"""Scene: backups by hand, from `doctor` to `verify`."""

from daemon.demo.stage import SHOWN_TABLE, Stage


def show_backups(stage: Stage) -> None:
    """Check the node, back up, and look at the result."""
    stage.heading(
        "Is everything as a backup needs it?", "It looks at the node, rights, disks and what was left behind."
    )
    stage.run("doctor")
    stage.heading("Back up one table", "Id, schema, snapshot, checks, archive; then the snapshot is cleared.")
    stage.run("backup", SHOWN_TABLE)
    stage.heading("Back up all tables of the node", "All snapshots are taken first, so that they are close in time.")
    stage.run("-q", "backup", "--all")
    stage.heading("What is there now?", "Only what is complete is listed as a backup.")
    stage.run("list")
    stage.heading("All that is known of one", "What was verified of it says when, and what was not says no.")
    stage.run("show", SHOWN_TABLE)
    stage.heading("Are they still what was stored?", "It reads every byte of every backup again.")
    stage.run("-q", "verify", "--deep")
