"""What Prometheus sees: GET, and the samples that come back."""

import math
import urllib.request
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


class Samples(dict[str, float]):
    """Values by the text of their series: `name` or `name{label="value",...}`, labels sorted."""

    def of(self, name: str) -> dict[str, float]:
        """The series of one name that have labels, by their text, with the name's prefix left out."""
        return {series.partition("{")[2].rstrip("}"): self[series] for series in self if series.startswith(f"{name}{{")}

    def is_nan(self, series: str) -> bool:
        """Whether the series is there and not a number."""
        return math.isnan(self[series])


def get(address: tuple[str, int], path: str, **headers: str) -> tuple[int, Mapping[str, str], str]:
    """Status, headers and body of an answer, whatever the status is."""
    host, port = address
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _AnyStatus())
    with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.status, dict(answer.headers), answer.read().decode()


def scrape(address: tuple[str, int]) -> Samples:
    """Every sample of `/metrics`."""
    status, _, body = get(address, "/metrics")
    assert status == 200
    found = Samples()
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """No status is an error here."""

    def http_response(self, _request: object, response: object) -> object:
        return response
