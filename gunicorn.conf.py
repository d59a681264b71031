"""The web server: two processes with twelve threads each, one application loaded once and shared by both.

Eight uploads at once leave four threads of a process for pages.
"""

import gc
import os
import sys
import time

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

bind = f"{os.environ.get('B2C_BIND') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
workers = int(os.environ.get("WEB_PROCESSES") or "2")
threads = int(os.environ.get("WEB_THREADS") or "12")
preload_app = True
timeout = 60
graceful_timeout = 8
keepalive = 5
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn makes a nameless file there
# One socket in the home folder would be shared by every clone of a user.
control_socket_disable = True
accesslog = None if os.environ.get("B2C_ACCESS_LOG") == "0" else "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(b)s bytes %(M)s ms %({x-request-id}o)s'


class News(Logger):
    """No line where the answer was that nothing is new: open pages ask every few seconds."""

    def access(self, resp, req, environ, request_time):
        if req.method != "GET" or resp.status_code not in (204, 304):
            super().access(resp, req, environ, request_time)


logger_class = News


class Neighbourly(ThreadWorker):
    """gthread, but the process with fewer requests in hand takes the next connection.

    A browser stays with the process that it came to. Without this one of them had up to 15 of 16 connections, and the
    other an idle core.
    """

    def accept(self, listener):
        in_hand = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        if in_hand and self.cfg.workers > 1:
            time.sleep(min(in_hand, 8) * 0.00025)  # the other one's chance; then whoever comes first
        super().accept(listener)


worker_class = Neighbourly


def on_starting(server):
    """`make run` starts us first: the application is loaded while the database is still being made.

    What only receipts need is loaded here too, once for both processes: later, a page would wait for it.
    """
    from b2c_web.bookings import calendar_file  # noqa: F401 - only to have it loaded
    from b2c_web.payments import pdf  # noqa: F401 - likewise

    if os.environ.get("B2C_BRINGS_UP") == "1":
        from app import app
        from b2c_web.schema_state import bring_up

        bring_up(app, patience_seconds=60)


def when_ready(server):
    """What is loaded by now stays for good: spare the collector from walking through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)  # a page makes thousands of objects that go by themselves: 15 % of its computing


def post_fork(server, worker):
    """Connections opened while loading belong to the parent: forget them without closing them."""
    sys.setswitchinterval(0.02)  # threads that compute take turns less often: switching costs more than it helps
    from app import app
    from b2c_web.flask_extensions import db

    with app.app_context():
        db.engine.dispose(close=False)
