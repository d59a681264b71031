"""One WSGI application: the API, the hosted page and the control API."""

import logging
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from .api import Api, Drop
from .control import Control
from .hosted import Hosted
from .webhooks import Postman
from .world import World

log = logging.getLogger(__name__)
LARGEST_BODY = 1_000_000


class Simulator:
    def __init__(self, world: World, postman: Postman) -> None:
        self._api = Api(world)
        self._hosted = Hosted(world)
        self._control = Control(world, postman)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = LARGEST_BODY
        started = time.perf_counter()
        try:
            response = self._respond(request)
        except Drop:
            log.info("%s %s: dropped", request.method, request.path)
            return _drop(environ, start_response)
        except HTTPException as refused:
            response = Response(refused.name, refused.code, content_type="text/plain")
        spent = (time.perf_counter() - started) * 1000
        log.info("%s %s %s %.1f ms", request.method, request.path, response.status_code, spent)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path.startswith("/_simulator"):
            return self._control.respond(request)
        if request.path.startswith("/c/"):
            return self._hosted.respond(request)
        return self._api.respond(request)


def _drop(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Closes the connection under the server's feet; what it still writes goes nowhere."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start_response("200 OK", [])
    return []
