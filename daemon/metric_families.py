"""Makes families of metrics, which all begin with one word and stand in one registry."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


NAMESPACE = "alternator_backup"
"""What every name begins with."""


class Families:
    """Where a registry's families are made; `labels` are their names.

    Attributes:
        registry: where they go.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        """What goes up and down."""
        return Gauge(name, documentation, labels, namespace=NAMESPACE, registry=self.registry)

    def counter(self, name: str, documentation: str, *labels: str) -> Counter:
        """What only goes up; its name ends in `_total` where Prometheus sees it."""
        return Counter(name, documentation, labels, namespace=NAMESPACE, registry=self.registry)

    def histogram(self, name: str, documentation: str, *labels: str, buckets: Sequence[float]) -> Histogram:
        """How values are distributed; `buckets` are the upper bounds."""
        return Histogram(name, documentation, labels, namespace=NAMESPACE, registry=self.registry, buckets=buckets)
