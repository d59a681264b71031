"""The application, with the provider's time in each answer: `Server-Timing: provider;dur=<ms>`.

Counted is the time on the wire and at the provider, from the bytes sent to the bytes received; what the provider's
library does around them is ours.
"""

import time
from typing import Any

from flask import Response, g, has_request_context
from requests.adapters import HTTPAdapter

from app import app

_send = HTTPAdapter.send


def _timed(self: HTTPAdapter, *arguments: Any, **options: Any) -> Any:
    began = time.perf_counter()
    try:
        return _send(self, *arguments, **options)
    finally:
        if has_request_context():
            g.provider_ms = g.get("provider_ms", 0.0) + (time.perf_counter() - began) * 1000


HTTPAdapter.send = _timed  # type: ignore[method-assign]


@app.after_request
def _say(response: Response) -> Response:
    response.headers["Server-Timing"] = f"provider;dur={g.get('provider_ms', 0.0):.2f}"
    return response
