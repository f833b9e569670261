from typing import Any

from django.core.management.base import BaseCommand

from common import clock
from demo.services import start_demo


class Command(BaseCommand):
    help = "Load the made-up county 丰都: its newest three days now, the rest as a job of the worker. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        job = start_demo(at=clock.now(), say=self.stdout.write)
        if job is None:
            self.stdout.write("The demo county is there already; nothing was changed.")
