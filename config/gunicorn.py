"""The web server: a few processes of threads, each thread with a database connection of its own."""

import os

wsgi_app = "config.wsgi"
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
workers = int(os.environ.get("WEB_WORKERS") or 2)
threads = int(os.environ.get("WEB_THREADS") or 4)
worker_class = "gthread"
timeout = 60  # s without a sign of life from a process, not the length of a request
graceful_timeout = 10  # s, below the table's patience, so that a stop never looks like a crash
keepalive = 5  # s
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 its heartbeat file; a disk may stall
accesslog = None  # the request-id middleware writes the line
control_socket_disable = True
