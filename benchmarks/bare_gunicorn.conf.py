"""The product's own server settings, without what only the product has."""

import runpy

SHARED = ("bind", "worker_class", "workers", "threads", "preload_app", "timeout", "keepalive", "worker_tmp_dir")

_product = runpy.run_path("gunicorn.conf.py")
globals().update({name: _product[name] for name in SHARED})
control_socket_disable = True
