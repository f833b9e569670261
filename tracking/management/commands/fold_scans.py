"""`manage.py fold_scans`: fold what waits, without a worker; `--again` folds all anew and counts what differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from common import clock
from orders.models import Parcel
from tracking import services

_BATCH = 2_000
_REGISTERS = ("s_k", "c_k", "h_k", "p_k", "damaged", "l_k", "t_k", "x_k", "f_k", "station_id", "state")


class Command(BaseCommand):
    help = "Fold the uploads that wait; with --again fold all parcels of a county from their stored scans."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", metavar="COUNTY", help="6-digit code of the county whose parcels to fold anew")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.fold_waiting(at=clock.now())} uploads folded")
        if options["again"]:
            self._again(options["again"])

    def _again(self, county_code: str) -> None:
        last, seen, changed = 0, 0, 0
        rows = Parcel.objects.filter(county_code=county_code).order_by("pk")
        while ids := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:_BATCH]):
            before = self._state(ids)
            services.refold_parcels(county_code=county_code, parcel_ids=ids, at=clock.now())
            after = self._state(ids)
            changed += sum(before[pk] != after[pk] for pk in ids)
            last, seen = ids[-1], seen + len(ids)
        self.stdout.write(f"{seen} parcels folded anew, {changed} differ from what stood there")

    def _state(self, ids: list[int]) -> dict[int, tuple[Any, ...]]:
        found = Parcel.objects.filter(pk__in=ids).values_list("pk", *_REGISTERS)
        return {row[0]: tuple(bytes(v) if isinstance(v, memoryview) else v for v in row[1:]) for row in found}
