"""Settlement's alarm clock: beat rings every minute; a lost ring costs a minute."""

from celery import shared_task

from common import clock
from settlement import services


@shared_task(expires=60)
def settle() -> None:
    services.settle(at=clock.now())
