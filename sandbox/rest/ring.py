"""Who owns what, over the REST API: tokens, ranges, endpoints, of vnodes and of tablets."""

from itertools import pairwise
from typing import Any

from sandbox.catalog import Catalog
from sandbox.rest.answers import RestError, bad_request, compact, server_error, streamed
from sandbox.rest.routing import Parameters, Route
from sandbox.rest.validation import validate_keyspace, validate_table
from sandbox.tokens import MINIMUM, ring_tokens, tablet_tokens


_RANGES_PATH = "storage_service/range_to_endpoint_map"


class RingRoutes:
    """The requests about tokens and endpoints. One node owns everything."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def routes(self) -> list[Route]:
        """The routes with their handlers."""
        return [
            Route("GET", "/storage_service/tokens", self._tokens),
            Route("GET", "/storage_service/tokens_endpoint", self._tokens_endpoint),
            Route("GET", "/storage_service/describe_ring/{keyspace}", self._describe_ring),
            Route("GET", f"/{_RANGES_PATH}/{{keyspace}}", self._range_to_endpoint_map),
            Route("GET", "/storage_service/natural_endpoints/{keyspace}", self._natural_endpoints),
        ]

    def _tokens(self, _: Parameters) -> str:
        return streamed(str(token) for token in ring_tokens(self._catalog.host_id))

    def _tokens_endpoint(self, parameters: Parameters) -> str:
        keyspace, name = parameters.get("keyspace", ""), parameters.get("cf", "")
        tokens = ring_tokens(self._catalog.host_id)
        if keyspace and name:
            table = validate_table(self._catalog, keyspace, name).table
            if table.tablets:
                tokens = tablet_tokens()
            elif not self._catalog.version.tablets:
                raise _no_tablet_map(str(table.id))
        elif keyspace or name:
            raise bad_request("Either provide both keyspace and table (for tablet table) or neither (for vnodes)")
        return streamed({"key": str(token), "value": self._catalog.address} for token in tokens)

    def _describe_ring(self, parameters: Parameters) -> str:
        keyspace, name = parameters["keyspace"], parameters.get("table", "")
        if not name and self._uses_tablets(keyspace):
            raise server_error(
                "std::runtime_error",
                f"The keyspace {keyspace} has tablet table. Query describe_ring with the table parameter!",
            )
        if name and validate_table(self._catalog, keyspace, name).table.tablets:
            ranges = list(pairwise([MINIMUM, *tablet_tokens()]))
        else:
            tokens = ring_tokens(self._catalog.host_id)
            ranges = [*pairwise(tokens), (tokens[-1], tokens[0])]
        return streamed(self._described(*each) for each in ranges)

    def _described(self, start: int, end: int) -> dict[str, Any]:
        address = self._catalog.address
        place = {"datacenter": self._catalog.datacenter, "rack": self._catalog.rack}
        return {
            "start_token": str(start),
            "end_token": str(end),
            "endpoints": [address],
            "rpc_endpoints": [address],
            "endpoint_details": [{"host": address, **place}],
        }

    def _range_to_endpoint_map(self, parameters: Parameters) -> str:
        keyspace, name = parameters["keyspace"], parameters.get("cf", "")
        if not name and self._uses_tablets(keyspace):
            raise bad_request(
                f"{_RANGES_PATH} is per-table in keyspace '{keyspace}'. Please provide table name using 'cf' parameter."
            )
        if name and validate_table(self._catalog, keyspace, name).table.tablets:
            tokens = [str(token) for token in tablet_tokens()]
            ranges = [*pairwise(tokens), (tokens[-1], tokens[0])]
        else:
            # The range that wraps around is told in two parts here.
            tokens = [str(token) for token in ring_tokens(self._catalog.host_id)]
            ranges = list(pairwise(["", *tokens, ""]))
        return streamed({"key": list(each), "value": [self._catalog.address]} for each in ranges)

    def _natural_endpoints(self, parameters: Parameters) -> str:
        validate_keyspace(self._catalog, parameters["keyspace"])
        validate_table(self._catalog, parameters["keyspace"], parameters.get("cf", ""))
        return compact([self._catalog.address])

    def _uses_tablets(self, keyspace: str) -> bool:
        validate_keyspace(self._catalog, keyspace)
        return any(table.tablets for table in self._catalog.tables.values() if table.keyspace == keyspace)


def _no_tablet_map(table_id: str) -> RestError:
    # Up to 6.2 nobody foresaw the question; what follows on the real server are addresses in its program.
    return server_error(
        "seastar::internal::backtraced<std::runtime_error>",
        f"Tablet map not found for table {table_id} Backtrace: 0x6da79d7",
    )
