"""Asks for a hook's URL. No message has the URL in it, only its host: whoever knows it can ping."""

import threading
import urllib.request
from http.client import HTTPException
from importlib.metadata import version
from queue import Empty, SimpleQueue
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit


DISTRIBUTION = "alternator-backup"


def ping(url: str, timeout_seconds: float) -> None:
    """GET a URL, through the proxy of the environment if there is one, and wait for the head of its answer.

    Args:
        url: http or https.
        timeout_seconds: for all of it, the lookup of the name included.

    Raises:
        TimeoutError: no answer came in time.
        ConnectionError: nobody is there, or the answer is an error.
    """
    host = urlsplit(url).hostname
    answer: SimpleQueue[str | None] = SimpleQueue()
    # A lookup of a name can't be given a time limit, and one on sockets is for each read alone: it only ends a thread
    # that nobody listens to any more.
    threading.Thread(target=lambda: answer.put(_get(url, 2 * timeout_seconds)), daemon=True).start()
    try:
        problem = answer.get(timeout=timeout_seconds)
    except Empty:
        raise TimeoutError(f"{host} has not answered in {timeout_seconds:g} s") from None
    if problem is not None:
        raise ConnectionError(f"{host}: {problem}")


def _get(url: str, read_timeout_seconds: float) -> str | None:
    """What went wrong, or None."""
    request = urllib.request.Request(url, headers={"User-Agent": f"{DISTRIBUTION}/{version(DISTRIBUTION)}"})  # noqa: S310  (the settings allow http and https only)
    try:
        with urllib.request.urlopen(request, timeout=read_timeout_seconds):  # noqa: S310  (likewise)
            return None
    except HTTPError as error:
        error.close()
        return f"HTTP status {error.code}"
    except URLError as error:
        return str(error.reason)
    except OSError as error:
        return error.strerror or type(error).__name__
    except (HTTPException, ValueError) as error:
        return type(error).__name__
