"""Which handler answers a request of the REST API."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sandbox.rest.answers import RestError


Parameters = Mapping[str, str]
Handler = Callable[[Parameters], str]


@dataclass(frozen=True, slots=True)
class Route:
    """A request that the API knows.

    Attributes:
        method: HTTP method.
        path: its path, where a segment `{name}` takes any text as a parameter.
        handler: takes the query's parameters and the path's, and returns the body of the answer.
    """

    method: str
    path: str
    handler: Handler


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route.method, route.path.split("/"), route.handler) for route in routes]

    def answer(self, method: str, path: str, query: Parameters) -> str:
        """Body of the answer to a request.

        Args:
            method: HTTP method.
            path: decoded path.
            query: decoded query string.

        Raises:
            RestError: refused, or nobody's path; a known path with another method is nobody's, too.
        """
        segments = path.split("/")
        for route_method, pattern, handler in self._routes:
            if route_method == method and len(pattern) == len(segments):
                pairs = list(zip(pattern, segments, strict=True))
                if all(wanted == given or (wanted.startswith("{") and given) for wanted, given in pairs):
                    parameters = {wanted[1:-1]: given for wanted, given in pairs if wanted.startswith("{")}
                    return handler({**query, **parameters})
        raise RestError(404, "Not found")
