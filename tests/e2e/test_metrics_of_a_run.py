"""Metrics of a real run of the pipeline against a node."""

from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.pipeline import backup_tables
from daemon.health import HealthServer
from daemon.live_metrics import LiveMetrics
from daemon.metrics import Metrics
from daemon.settings_file import load_settings
from daemon.wiring import node_context, snapshot_journal
from sandbox.node import Sandbox
from tests.conformance import dynamodb
from tests.scrape import scrape


def test_a_run_is_seen(node: Sandbox, settings_file: Path) -> None:
    """What the pipeline reports of a table that succeeds and one that isn't there is what Prometheus sees."""
    dynamodb.client(node).create_table(**dynamodb.indexed_table("users"))
    settings = load_settings(settings_file)
    metrics = Metrics(settings, SystemClock())
    metrics.registry.register(LiveMetrics(dict, snapshot_journal(settings)))
    server = HealthServer(("127.0.0.1", 0), metrics.registry, tuple)
    with node_context(settings, metrics, CancelToken()) as context:
        result = backup_tables(context, ("users", "nobody"))
    samples = scrape(server.address)
    server.close()
    [stored] = result.succeeded[0].stored
    repository = '{repository="local"}'
    assert samples['alternator_backup_table_source_bytes{table="users"}'] == stored.plain_size_bytes
    assert samples[f"alternator_backup_stored_bytes_total{repository}"] == stored.size_bytes
    assert samples['alternator_backup_failures_total{event="table.failed"}'] == 1
    assert samples['alternator_backup_snapshots_held{state="in_use"}'] == 0
    for step in ("prepare", "table_id", "schema", "snapshot", "verify", "store"):
        assert samples[f'alternator_backup_step_duration_seconds_count{{step="{step}"}}'] >= 1
