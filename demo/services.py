"""Load the made-up county through the services everybody uses, once, and never over a person's edits.

1. `build_county`: divisions, organisations, stations, people, handhelds. Does nothing where the county has stations.
2. `load_day`: announcements and uploads of one day, as `demo/simulate.py` tells them. Sent again, each event is a
   duplicate and each announcement already there, so a load that broke off starts again from its first day.
3. The newest three days come before the page opens, the older ones in a Job that everybody sees.
"""

import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from accounts.services import demo_password
from common import clock, logs
from common.models import Job
from common.services import revive_job, start_job
from demo import network as plan
from demo.fleet import open_fleet
from demo.lines import open_lines
from demo.money import open_books, send_last_month_on
from demo.morning import announce_morning, remember_before
from demo.roads import open_roads
from demo.simulate import NEWEST, Day, simulate
from orders.rules import ParcelLine
from orders.services import import_parcels
from reports.services import compute_report
from settlement.services import settle
from stations.models import Device, Membership, Organisation, Region, Station
from stations.scope import scope_of
from stations.services import add_person, create_stations, enrol_device, import_divisions, set_terrain
from stations.states import StationLevel
from tracking.attention_queries import Kind, Window, covers, findings, grounds
from tracking.models import Dismissal, ScanEvent
from tracking.services import add_piece, fold_waiting, record_scans, sender_for_device
from tracking.services.attention import correct, dismiss

log = logs.get_logger("demo")
SEED = 500230
DAYS = 30
PER_DAY = 1500
FIRST_DAYS = NEWEST  # loaded before the page opens
HANDHELD = "手持机 "  # and the code of its station
JOB_KIND = "demo.load_history"
BEFORE = timedelta(days=DAYS + 2)  # when the made-up county began to work with the platform


def build_county(*, at: datetime) -> bool:
    """The county without parcels; False if it was there already."""
    if Station.objects.filter(county_code=plan.COUNTY).exists():
        return False
    began = at - BEFORE
    rows = plan.divisions()
    import_divisions(path=plan.DIVISIONS, edition="2023", valid_from=date(2023, 1, 1), at=began)
    with transaction.atomic():
        for code, (name, other) in plan.OTHERS.items():
            Organisation.objects.get_or_create(code=code, defaults={"name": name, "kind": other})
        plans = plan.stations(rows, SEED)
        made = create_stations(rows=plans, by=None, at=began, already_open=True)
        _people(made, at=began)
        _handhelds(made, at=began)
        officer = User.objects.get(username="county")
        for township, terrain in plan.terrain_of(rows).items():
            set_terrain(region=Region.objects.get(pk=township), terrain=terrain, by=officer, at=began)
    return True


def _people(made: list[Station], *, at: datetime) -> None:
    """A demo login for each role, and an operator for every other outlet, who has a handheld and no password."""
    by_code = {station.code: station for station in made}
    county = Region.objects.get(pk=f"{plan.COUNTY}000000")
    outlet = busiest_outlet(made)
    centre = by_code[outlet.parent.code] if outlet.parent else made[0]
    hub = by_code["FD-H1"]
    carrier = Organisation.objects.get(code="ZTO")
    people: list[tuple[str, str, Role, dict[str, Any]]] = [
        ("outlet", "陈秀英（村级服务点）", Role.STATION_OPERATOR, {"station": outlet}),
        ("centre", "李建华（乡镇物流站）", Role.STATION_OPERATOR, {"station": centre}),
        ("hub", "周建国（县级物流中心）", Role.STATION_OPERATOR, {"station": hub}),
        ("courier", "王强（快递员）", Role.COURIER, {"station": centre}),
        ("township", "张丽（乡镇管理员）", Role.TOWNSHIP_MANAGER, {"region": centre.region}),
        ("county", "刘明（县主管部门）", Role.COUNTY_OFFICER, {"region": county}),
        ("clerk", "赵敏（补贴经办）", Role.SETTLEMENT_CLERK, {"region": county}),
        ("approver", "孙伟（补贴审批）", Role.SETTLEMENT_APPROVER, {"region": county}),
        ("auditor", "吴静（审计）", Role.AUDITOR, {"region": county}),
        ("support", "郑涛（客服）", Role.SUPPORT, {"region": county}),
        ("carrier", "何勇（中通快递）", Role.CARRIER, {"region": county, "organisation": carrier}),
        ("admin", "高原（平台管理员）", Role.PLATFORM_ADMIN, {}),
    ]
    for username, name, role, place in people:
        add_person(
            username=username, name=name, role=role, password=demo_password(username), is_demo=True, at=at, **place
        )
    staffed = {outlet.pk, centre.pk, hub.pk}
    others = [station for station in made if station.pk not in staffed]
    # No password is hashed for three hundred people nobody signs in as.
    users = [User(username=f"op-{s.code.lower()}", name=s.contact_name, password="!demo") for s in others]  # noqa: S106
    User.objects.bulk_create(users)
    Membership.objects.bulk_create(
        Membership(user=user, role=Role.STATION_OPERATOR, county_code=plan.COUNTY, station=station, created_at=at)
        for user, station in zip(users, others, strict=True)
    )


def busiest_outlet(made: list[Station]) -> Station:
    """The outlet the demo login `outlet` works at: the one with the most parcels."""
    weights = {o.station: o.weight for o in plan.network(plan.stations(plan.divisions(), SEED), SEED).outlets}
    return max((s for s in made if s.level == StationLevel.OUTLET), key=lambda s: weights[s.code])


def _handhelds(made: list[Station], *, at: datetime) -> None:
    holders = {
        m.station_id: m.user
        for m in Membership.objects.filter(
            county_code=plan.COUNTY, role=Role.STATION_OPERATOR, station__isnull=False
        ).select_related("user")
    }
    for station in made:
        enrol_device(station=station, user=holders[station.pk], name=HANDHELD + station.code, at=at)


def start_demo(*, at: datetime, say: Callable[[str], None] = print) -> Job | None:
    """Everything that must be there before the page opens; then the Job with the rest. None if it was all there."""
    history = Job.objects.filter(kind=JOB_KIND).first()
    if history is not None:
        revive_job(job_id=history.pk)  # the machine may have been switched off once too often while it ran
        open_fleet(at=at)  # a county loaded before there were vehicles
        open_lines(at=at)
        open_roads(at=at, county_code=plan.COUNTY)
        return None
    at = _anchor() or at
    if build_county(at=at):
        say(_("The demo county has its stations and people."))
    for day in _simulated(at, range(DAYS - FIRST_DAYS, DAYS)):
        load_day(day)
        say(_("%(day)s: %(count)s parcels announced.") % {"day": day.day, "count": len(day.announcements)})
    _look_after(at=at)
    open_fleet(at=at)
    open_lines(at=at)
    open_roads(at=at, county_code=plan.COUNTY)
    announce_morning(network=plan.network(plan.stations(plan.divisions(), SEED), SEED), seed=SEED, at=at)
    remember_before(at=at)
    open_books(began=at - BEFORE, first_day=clock.business_date(at - timedelta(days=DAYS)), at=at)
    _draw_conclusions(at=at, months=[clock.month_of(at)])
    return start_job(
        kind=JOB_KIND,
        title=_("Demo data: the earlier days"),
        user=None,
        at=at,
        params={"anchor": at.isoformat(), "language": settings.LANGUAGE_CODE},
        county_code=plan.COUNTY,
    )


def _anchor() -> datetime | None:
    """When a load that broke off had begun: another day's dice would announce the same waybills on other days."""
    first = Device.objects.filter(name=HANDHELD + "FD-H1").order_by("pk").first()
    return first.enrolled_at + BEFORE if first else None


def load_history(*, anchor: datetime, step: Callable[[int, int, str], None]) -> dict[str, object]:
    """The days before the first ones, newest first; then lines and reports. Safe to run again."""
    older = _simulated(anchor, range(DAYS - FIRST_DAYS))
    for number, day in enumerate(reversed(older)):
        step(number, len(older), _("Loading %(day)s") % {"day": day.day})
        load_day(day)
    step(len(older), len(older), _("Computing lines and reports"))
    _draw_conclusions(
        at=clock.now(), months=sorted({day.day.replace(day=1) for day in older} | {clock.month_of(anchor)})
    )
    send_last_month_on(at=clock.now())
    return {"message": _("The demo county is complete."), "days": DAYS}


def _simulated(anchor: datetime, wanted: range) -> list[Day]:
    """The days of those numbers; 0 is the oldest."""
    network = plan.network(plan.stations(plan.divisions(), SEED), SEED)
    days = simulate(network, anchor=anchor, days=DAYS, per_day=PER_DAY, seed=SEED, wanted=wanted)
    return days[wanted.start : wanted.stop]


def load_day(day: Day) -> None:
    """One day's announcements, its uploads as the handhelds sent them, some twice, and its photos; then folded."""
    morning = clock.day_start(day.day) + timedelta(hours=5)
    lines = [
        ParcelLine(n, a.carrier, a.waybill_no, a.recipient, a.phone, a.village, a.collected_at)
        for n, a in enumerate(day.announcements, 2)
    ]
    import_parcels(county_code=plan.COUNTY, lines=lines, at=morning, by=None)
    handhelds = Device.objects.filter(station__county_code=plan.COUNTY, name__startswith=HANDHELD + "FD-")
    by_station = {d.station.code: d for d in handhelds.select_related("station", "user").order_by("-pk")}
    senders = {code: sender_for_device(device) for code, device in by_station.items()}
    for upload in day.uploads:
        for _time in range(2 if upload.resent else 1):
            record_scans(
                sender=senders[upload.station],
                batch_id=upload.batch_id,
                device_now=upload.device_now,
                events=upload.events,
                received_at=upload.received_at,
            )
    for photo in day.photos:
        add_piece(
            device=by_station[photo.station],
            sha256=hashlib.sha256(photo.content).digest(),
            offset=0,
            length=len(photo.content),
            piece=photo.content,
            at=photo.at,
        )
    fold_waiting(at=clock.now())
    settle(at=clock.now(), county_code=plan.COUNTY)


def _look_after(*, at: datetime) -> None:
    """What people already did about what needed attention: took a scan back, let two things stand. Once."""
    if Dismissal.objects.filter(county_code=plan.COUNTY).exists():
        return
    window = Window(at - timedelta(days=7), at, at)
    operator, hub = (User.objects.get(username=name) for name in ("outlet", "hub"))

    def first(kind: Kind, user: User) -> ScanEvent | None:
        scope = scope_of(user, "attention.act")
        found = [finding.event_id for finding in findings(kind, grounds(scope), window)]
        rows = ScanEvent.objects.filter(county_code=plan.COUNTY, event_id__in=found).order_by("event_id")
        return next((event for event in rows if covers(scope, event)), None)

    if slip := first(Kind.AFTER_END, operator):
        correct(user=operator, event=slip, reason="清点货架时误扫，件已被取走", at=at)
    for kind, reason in (
        (Kind.GAP, "当天手持机没电，纸质登记，已核对"),
        (Kind.ONE_SIDED, "已电话核实，件在配送员手上，忘了扫"),
    ):
        if event := first(kind, hub):
            dismiss(user=hub, kind=kind, event=event, reason=reason, at=at)


def _draw_conclusions(*, at: datetime, months: list[date]) -> None:
    settle(at=at, county_code=plan.COUNTY)
    for month in months:
        compute_report(county_code=plan.COUNTY, month=month, at=at)
