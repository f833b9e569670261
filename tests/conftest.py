"""One small county with the same few people, and a second county that must see nothing of it.

丰都 500230: hub H1 > centre C1 (虎威镇, 500230101) > outlets O1, O2; centre C2 (社坛镇, 500230102) > outlet O3.
万州 500101 (the neighbour): hub NH > centre NC > outlet NO, with an operator and an officer of its own.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core.cache import cache as shared_cache
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from common import fields, memo
from orders.models import Parcel, Recipient
from stations.models import Device, Membership, Organisation, Region, Station
from stations.states import OrganisationKind, RegionLevel, StationLevel, StationState, Terrain

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # noon in Shanghai
PASSWORD = "quiet-harvest-moon-7"
COUNTY = "500230"
NEIGHBOUR = "500101"


@dataclass
class County:
    """The county by short names: `county.o1`, `county.people["operator"]`, `county.carrier`."""

    code: str
    regions: dict[str, Region] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Station:
        try:
            return self.__dict__["stations"][name]
        except KeyError as missing:
            raise AttributeError(name) from missing


def make_region(code: str, name: str, level: str, parent: Region | None, terrain: str = Terrain.PLAIN) -> Region:
    return Region.objects.create(
        code=code,
        name=name,
        level=level,
        parent=parent,
        terrain=terrain,
        edition="2023",
        valid_from=date(2023, 1, 1),
    )


def make_station(code: str, name: str, level: str, region: Region, parent: Station | None, **more: object) -> Station:
    row = Station.objects.create(
        code=code,
        name=name,
        level=level,
        region=region,
        parent=parent,
        **{"state": StationState.ACTIVE, **more},
    )
    row.refresh_from_db()
    return row


@cache
def hashed() -> str:
    """Everybody's password, hashed once: argon2 is slow on purpose."""
    return make_password(PASSWORD)


def make_user(username: str, name: str) -> User:
    return User.objects.create(username=username, name=name, password=hashed())


def make_member(
    username: str,
    role: Role,
    county_code: str,
    *,
    station: Station | None = None,
    region: Region | None = None,
    organisation: Organisation | None = None,
) -> User:
    user = make_user(username, f"{role.label} {username}")
    Membership.objects.create(
        user=user,
        role=role,
        county_code=county_code,
        station=station,
        region=region,
        organisation=organisation,
        created_at=NOW - timedelta(days=90),
    )
    return user


def make_device(station: Station, user: User, token: str = "token-of-handheld-1", name: str = "PDA-1") -> Device:
    return Device.objects.create(
        name=name,
        station=station,
        user=user,
        token_digest=fields.digest(token),
        enrolled_at=NOW - timedelta(days=60),
        enrolled_by=user,
    )


def make_parcel(
    county: County,
    waybill_no: str = "73190553102532",
    *,
    carrier: str = "ZTO",
    village: str = "v1",
    destination: str = "o1",
    name: str = "张三丰",
    phone: str = "13812341907",
    collected_at: datetime | None = None,
) -> Parcel:
    parcel = Parcel.objects.create(
        county_code=county.code,
        carrier_id=carrier,
        waybill_no=waybill_no,
        village=county.regions[village],
        destination=county.stations[destination],
        collected_at=collected_at,
        created_at=NOW - timedelta(days=2),
    )
    Recipient.objects.create(
        parcel=parcel,
        name=name,
        phone=phone,
        name_masked=name[0] + "*" * (len(name) - 1),
        phone_masked=phone[:3] + "****" + phone[-4:],
        phone_tail=phone[-4:],
    )
    parcel.refresh_from_db()
    return parcel


@pytest.fixture
def known_carriers(db: None) -> None:
    """What migration orders.0003 gives every county; tests with real transactions end by emptying all tables."""
    import_module("orders.migrations.0003_known_carriers").add(apps, None)


@pytest.fixture
def carriers(db: None) -> dict[str, Organisation]:
    rows = [("ZTO", "中通快递"), ("YTO", "圆通速递"), ("JT", "极兔速递")]
    return {
        code: Organisation.objects.get_or_create(code=code, defaults={"name": name, "kind": OrganisationKind.CARRIER})[
            0
        ]
        for code, name in rows
    }


@pytest.fixture
def county(carriers: dict[str, Organisation]) -> County:
    made = County(COUNTY)
    r, s, p = made.regions, made.stations, made.people
    level = RegionLevel
    r["county"] = make_region("500230000000", "丰都县", level.COUNTY, None)
    r["t1"] = make_region("500230101000", "虎威镇", level.TOWNSHIP, r["county"])
    r["t2"] = make_region("500230102000", "社坛镇", level.TOWNSHIP, r["county"], Terrain.MOUNTAIN)
    r["v1"] = make_region("500230101200", "大池村民委员会", level.VILLAGE, r["t1"])
    r["v2"] = make_region("500230101201", "同德村民委员会", level.VILLAGE, r["t1"], Terrain.HILL)
    r["v3"] = make_region("500230102200", "明月村民委员会", level.VILLAGE, r["t2"], Terrain.MOUNTAIN)
    r["v4"] = make_region("500230102201", "大坪村民委员会", level.VILLAGE, r["t2"], Terrain.MOUNTAIN)
    s["h1"] = make_station("FD-H1", "丰都县级物流中心", StationLevel.HUB, r["county"], None)
    s["c1"] = make_station("FD-C1", "虎威镇物流站", StationLevel.CENTRE, r["t1"], s["h1"])
    s["c2"] = make_station("FD-C2", "社坛镇物流站", StationLevel.CENTRE, r["t2"], s["h1"])
    s["o1"] = make_station("FD-O1", "大池村服务点", StationLevel.OUTLET, r["v1"], s["c1"], initials="dccfwd")
    s["o2"] = make_station("FD-O2", "同德村服务点", StationLevel.OUTLET, r["v2"], s["c1"], initials="tdcfwd")
    s["o3"] = make_station("FD-O3", "明月村服务点", StationLevel.OUTLET, r["v3"], s["c2"], initials="mycfwd")
    top = r["county"]
    p["operator"] = make_member("operator", Role.STATION_OPERATOR, COUNTY, station=s["o1"])
    p["operator2"] = make_member("operator2", Role.STATION_OPERATOR, COUNTY, station=s["o3"])
    p["centre"] = make_member("centre", Role.STATION_OPERATOR, COUNTY, station=s["c1"])
    p["hub"] = make_member("hub", Role.STATION_OPERATOR, COUNTY, station=s["h1"])
    p["courier"] = make_member("courier", Role.COURIER, COUNTY, station=s["c1"])
    p["township"] = make_member("township", Role.TOWNSHIP_MANAGER, COUNTY, region=r["t1"])
    p["officer"] = make_member("officer", Role.COUNTY_OFFICER, COUNTY, region=top)
    p["clerk"] = make_member("clerk", Role.SETTLEMENT_CLERK, COUNTY, region=top)
    p["approver"] = make_member("approver", Role.SETTLEMENT_APPROVER, COUNTY, region=top)
    p["auditor"] = make_member("auditor", Role.AUDITOR, COUNTY, region=top)
    p["support"] = make_member("support", Role.SUPPORT, COUNTY, region=top)
    p["carrier"] = make_member("carrier", Role.CARRIER, COUNTY, region=top, organisation=carriers["ZTO"])
    p["admin"] = make_member("admin", Role.PLATFORM_ADMIN, "")
    return made


@pytest.fixture
def neighbour(carriers: dict[str, Organisation]) -> County:
    made = County(NEIGHBOUR)
    r, s, p = made.regions, made.stations, made.people
    r["county"] = make_region("500101000000", "万州区", RegionLevel.COUNTY, None)
    r["t1"] = make_region("500101101000", "小周镇", RegionLevel.TOWNSHIP, r["county"])
    r["v1"] = make_region("500101101200", "邻家村民委员会", RegionLevel.VILLAGE, r["t1"])
    s["nh"] = make_station("WZ-H1", "万州物流中心", StationLevel.HUB, r["county"], None)
    s["nc"] = make_station("WZ-C1", "小周镇物流站", StationLevel.CENTRE, r["t1"], s["nh"])
    s["no"] = make_station("WZ-O1", "邻家村服务点", StationLevel.OUTLET, r["v1"], s["nc"])
    p["operator"] = make_member("n-operator", Role.STATION_OPERATOR, NEIGHBOUR, station=s["no"])
    p["officer"] = make_member("n-officer", Role.COUNTY_OFFICER, NEIGHBOUR, region=r["county"])
    return made


@pytest.fixture
def sign_in(county: County):
    """`sign_in("operator")` → a Client with that person's session."""

    def make(who: str | User) -> Client:
        client = Client()
        client.force_login(county.people[who] if isinstance(who, str) else who, "accounts.backends.DemoAwareBackend")
        return client

    return make


@pytest.fixture(autouse=True)
def empty_cache():
    """Rate limits count in the cache: each test starts with none spent, and nothing remembered."""
    shared_cache.clear()
    memo.forget()


@pytest.fixture(autouse=True, scope="session")
def flush_past_append_only():
    """Tests with real transactions end by TRUNCATE, which the append-only tables refuse: not to the test runner."""
    flush = DatabaseOperations.sql_flush

    def sql_flush(self, *args, **kwargs):
        statements = flush(self, *args, **kwargs)
        if not statements:
            return []
        # Django passes over the event table, which it does not manage
        return ["SET LOCAL session_replication_role = replica", *statements, "TRUNCATE tracking_scanevent;"]

    DatabaseOperations.sql_flush = sql_flush
    yield
    DatabaseOperations.sql_flush = flush
