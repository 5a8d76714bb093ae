"""The web process, in a container and under systemd. SIGHUP: new workers on the same socket, the old ones finish."""

import os

wsgi_app = "agora.wsgi"
bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_PROCESSES", "1"))
worker_class = "gthread"
threads = 4  # each keeps one database connection
timeout = 60
graceful_timeout = 25  # a request that runs at SIGTERM or SIGHUP has so long; below systemd's TimeoutStopSec
keepalive = 5  # the proxy keeps its connections for less, or it meets one that is being closed
worker_tmp_dir = "/dev/shm"  # noqa: S108 - a heartbeat on a busy disk looks like a hung worker
errorlog = "-"
loglevel = "warning"
