"""The Celery application and beat's table. A task is a doorbell: it looks for rows and works on what it finds."""

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning
from celery.schedules import crontab

# It warns of root because messages may carry code; ours are JSON only, and a box with root alone is a supported place.
warnings.simplefilter("ignore", SecurityWarning)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("rlp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "worker-heartbeat": {"task": "common.tasks.heartbeat", "schedule": 15.0, "options": {"expires": 15}},
    "jobs-sweep": {"task": "common.tasks.run_waiting_jobs", "schedule": 10.0, "options": {"expires": 10}},
    "scans-sweep": {"task": "tracking.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "follow-trips": {"task": "vehicles.tasks.follow_trips", "schedule": 15.0, "options": {"expires": 15}},
    "positions": {"task": "vehicles.tasks.forget_positions", "schedule": crontab(hour=4, minute=30)},
    "partitions": {"task": "tracking.tasks.make_partitions", "schedule": crontab(hour=3, minute=10)},
    "retire-months": {"task": "settlement.tasks.retire_months", "schedule": crontab(day_of_month=3, hour=4, minute=10)},
    "photos": {"task": "tracking.tasks.forget_photos", "schedule": crontab(hour=4, minute=10)},
    "refold": {"task": "tracking.tasks.refold_older", "schedule": crontab(hour=2, minute=40)},
    "settle": {"task": "settlement.tasks.settle", "schedule": 60.0, "options": {"expires": 60}},
    "fraud-look": {"task": "settlement.tasks.look_for_fraud", "schedule": crontab(hour=1, minute=30)},
    "silent-statements": {"task": "settlement.tasks.confirm_silent", "schedule": crontab(minute=50)},
    "paid-grants": {"task": "settlement.tasks.close_paid_grants", "schedule": crontab(minute=20)},
    "clawbacks": {"task": "settlement.tasks.find_clawbacks", "schedule": crontab(minute=40)},
    "book-check": {"task": "settlement.tasks.check_books", "schedule": crontab(hour=5, minute=10)},
    "reports": {"task": "reports.tasks.compute_current", "schedule": crontab(minute=20)},
    "import-files": {"task": "orders.tasks.forget_old_files", "schedule": crontab(hour=2, minute=40)},
    "sessions": {"task": "accounts.tasks.end_expired_sessions", "schedule": crontab(hour=3, minute=40)},
}
