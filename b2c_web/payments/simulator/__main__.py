"""Starts the simulator's process."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .app import Simulator
from .storage import Store
from .webhooks import Postman
from .world import Settings, World

log = logging.getLogger(__name__)


class QuietHandler(WSGIRequestHandler):
    """Our application logs requests itself. Small answers leave at once and in one packet."""

    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m b2c_web.payments.simulator", description="Payment simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps everything")
    parser.add_argument("--public-url", help="where browsers find the hosted page (default: http://HOST:PORT)")
    parser.add_argument("--webhook-url", help="where events are sent (default: nowhere)")
    parser.add_argument("--webhook-secret", default="whsec_simulator")
    parser.add_argument("--webhook-events", default="", help="comma-separated event types (default: all)")
    parser.add_argument("--control-token", help="opens the control API to other machines that send it")
    parser.add_argument("--debit-seconds", type=int, default=10, help="how long a SEPA debit is processing")
    parser.add_argument("--retry-seconds", type=float, default=1.0, help="first pause before a webhook is sent again")
    parser.add_argument("--seed", help="the same ids in the same order on every fresh start")
    parser.add_argument("--quiet", action="store_true", help="log warnings only")
    return parser.parse_args(argv)


def settings_of(options: argparse.Namespace) -> Settings:
    return Settings(
        public_url=(options.public_url or f"http://{options.host}:{options.port}").rstrip("/"),
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        webhook_events=frozenset(filter(None, options.webhook_events.split(","))),
        debit_seconds=options.debit_seconds,
        retry_seconds=options.retry_seconds,
        control_token=options.control_token,
    )


def stop_on_signals(server: BaseWSGIServer) -> None:
    def stop(_signal: int, _frame: object) -> None:
        # shutdown() waits for the serving loop, which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def main(argv: list[str]) -> int:
    if os.environ.get("B2C_ENV") == "production":
        sys.stderr.write("The payment simulator does not start with B2C_ENV=production: no real money moves here.\n")
        return 2
    options = arguments(argv)
    level = logging.WARNING if options.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
    world = World(Store(options.state, options.seed), settings_of(options))
    postman = Postman(world)
    server = make_server(
        options.host, options.port, Simulator(world, postman), threaded=True, request_handler=QuietHandler
    )
    stop_on_signals(server)
    postman.start()
    log.info("payment simulator ready on %s (demo, no real money)", world.settings.public_url)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    postman.stop()
    world.store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
