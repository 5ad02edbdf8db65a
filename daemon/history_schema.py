"""The history's tables in SQLite.

Times are RFC 3339 in UTC with microseconds, so that text sorts as time and `sqlite3` shows it readably. No table is
WITHOUT ROWID: quick_check of SQLite 3.40 finds NULLs that aren't there where the key's columns are in another order.
"""

VERSION = 1
"""In the file's `user_version`; a file of another version is set aside."""

SCHEMA = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY NOT NULL,
    what TEXT NOT NULL,
    tag TEXT NOT NULL,
    nominal_at TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    outcome TEXT,
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX runs_by_start ON runs (started_at);
CREATE TABLE run_schedules (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    schedule TEXT NOT NULL,
    PRIMARY KEY (schedule, run_id)
);
CREATE INDEX run_schedules_by_run ON run_schedules (run_id);
CREATE TABLE table_results (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    table_name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (table_name, run_id)
);
CREATE INDEX table_results_by_run ON table_results (run_id);
CREATE TABLE repository_results (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    table_name TEXT NOT NULL,
    repository TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (run_id, table_name, repository)
);
CREATE TABLE handled (
    schedule TEXT PRIMARY KEY NOT NULL,
    nominal_at TEXT NOT NULL
);
"""
