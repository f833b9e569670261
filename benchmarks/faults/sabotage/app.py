"""config.celery with a sabotage in it."""

from benchmarks.faults import sabotage
from config.celery import app

sabotage.change_statements()
if sabotage.active() == "no-sweeper":
    del app.conf.beat_schedule["scans-sweep"]
__all__ = ["app"]
