"""role × endpoint × expected answer: tests/rights.yaml against the real resolver, with a second county."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, path, reverse

from accounts.middleware import public_reason
from accounts.roles import ACTIONS, CELLS, Role
from common.ids import uuid7
from common.models import Job
from orders.models import Parcel
from reports.services import compute_report
from settlement.models import (
    Appeal,
    CallBack,
    Clawback,
    FraudCase,
    FraudRule,
    Fund,
    Line,
    OutletAccount,
    PaymentBatch,
    Period,
    Policy,
    Statement,
)
from settlement.services.books import Leg, post
from stations.models import Equipment
from stations.permissions import DenyAll
from tests.conftest import NEIGHBOUR, NOW, County, make_device, make_parcel
from tests.settlement.claims import make_line
from tests.settlement.granted import make_granted
from tests.vehicles.fleet_rows import make_fleet_rows
from tests.vehicles.issued import make_trip_rows
from tests.vehicles.roads import make_road_rows
from tests.vehicles.rows import add_whatif
from tests.vehicles.timetable import make_rights_rows
from tracking.models import Dismissal, SetAside
from tracking.services import fold_upload, record_scans, sender_for_user

MATRIX: dict[str, dict] = yaml.safe_load((Path(__file__).parents[1] / "rights.yaml").read_text(encoding="utf-8"))
PEOPLE = ("courier", "operator", "township", "officer", "clerk", "approver", "auditor", "carrier", "support", "admin")
# Pages any signed-in person may open; they show only what is one's own.
SIGNED_IN = {name for name, row in MATRIX.items() if "signed_in" in (row.get("GET"), row.get("POST"))}


def endpoints() -> Iterator[tuple[str, URLPattern]]:
    """(name with namespace, pattern) of everything the resolver answers."""

    def walk(patterns, spaces: tuple[str, ...]) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                yield ":".join((*spaces, pattern.name or str(pattern.pattern))), pattern
            else:
                inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
                yield from walk(pattern.url_patterns, inner)

    yield from walk(get_resolver().url_patterns, ())


def missing(found: Iterable[tuple[str, URLPattern]]) -> set[str]:
    """Endpoints nobody wrote into the matrix."""
    return {name for name, _pattern in found} - set(MATRIX)


def silent(found: Iterable[tuple[str, URLPattern]]) -> list[str]:
    """Views that name no right, say no reason for being public, and aren't pages about oneself."""
    names = []
    for name, pattern in found:
        view = pattern.callback
        cls = getattr(view, "cls", None)
        api = cls is not None and DenyAll not in getattr(cls, "permission_classes", [DenyAll])
        if not (public_reason(view) or getattr(view, "action_needed", "") or api or name in SIGNED_IN):
            names.append(name)
    return names


def test_every_endpoint_stands_in_the_matrix():
    assert missing(endpoints()) == set(), "add the endpoint to tests/rights.yaml"
    assert set(MATRIX) - {name for name, _pattern in endpoints()} == set(), "tests/rights.yaml names what is gone"


def test_every_view_names_its_right_or_why_it_is_public():
    assert silent(endpoints()) == []


def test_a_view_that_says_nothing_is_caught():
    planted = [("stations:planted", path("planted/", lambda request: None))]
    assert silent(planted) == ["stations:planted"]
    assert missing(planted) == {"stations:planted"}


def test_every_action_has_a_role_and_is_printable(capsys):
    assert {action for action, _role in CELLS} == set(ACTIONS)
    call_command("print_rights")
    printed = capsys.readouterr().out
    assert all(action in printed for action in ACTIONS)
    assert len(Role) == 10


@pytest.fixture
def rows(county: County, neighbour: County) -> dict[str, object]:
    """What the addresses of the matrix are filled with."""

    def fund(code: str, who) -> Fund:
        row = {"name": "资金", "source": "财政", "budget": 1000, "created_by": who, "created_at": NOW}
        return Fund.objects.get_or_create(county_code=code, number="1号", defaults=row)[0]

    def policy(code: str, who) -> Policy:
        return Policy.objects.create(
            county_code=code,
            number="1号",
            name="补贴",
            issuer="商务委",
            fund=fund(code, who),
            rate_delivery=Decimal("0.3"),
            valid_from=date(2026, 1, 1),
            created_by=who,
            created_at=NOW,
        )

    foreign = Parcel.objects.create(
        county_code=NEIGHBOUR,
        carrier_id="YTO",
        waybill_no="YT5555508965056",
        destination=neighbour.no,
        village=neighbour.regions["v1"],
        created_at=NOW,
    )
    courier, operator = county.people["courier"], county.people["operator"]
    odd, correction = _odd_scans(county, "o1", "FD-O1")
    foreign_odd, _foreign_correction = _odd_scans(neighbour, "no", "WZ-O1", carrier="YTO", waybill="YT5555508965056")
    return {
        "odd_kind": "gap",
        "odd_event": odd,
        "foreign_event": foreign_odd,
        "correction": correction,
        "dismissal": _dismissed(county, odd, operator),
        "foreign_dismissal": _dismissed(neighbour, foreign_odd, neighbour.people["operator"]),
        "set_aside": _set_aside(county, operator),
        "foreign_set_aside": _set_aside(neighbour, neighbour.people["operator"]),
        "courier_user": courier.pk,
        "operator_user": operator.pk,
        "foreign_user": neighbour.people["operator"].pk,
        "operator_role": operator.memberships.get().pk,
        "foreign_role": neighbour.people["operator"].memberships.get().pk,
        "device": make_device(county.o1, operator, token="another", name="PDA-2").pk,
        "foreign_device": make_device(neighbour.no, neighbour.people["operator"], token="third").pk,
        "report": compute_report(county_code=county.code, month=date(2026, 11, 1), at=NOW).pk,
        "foreign_report": compute_report(county_code=NEIGHBOUR, month=date(2026, 11, 1), at=NOW).pk,
        "county_code": county.regions["county"].pk,
        "village": county.regions["v1"].pk,
        "code": "coverage",
        "part": "den",
        **{name: station.pk for name, station in {**county.stations, **neighbour.stations}.items()},
        "parcel": make_parcel(county).pk,
        "foreign_parcel": foreign.pk,
        "job": Job.objects.create(kind="test", title="x", user=neighbour.people["officer"], created_at=NOW).pk,
        "equipment": Equipment.objects.create(station=county.o1, kind="秤", serial="S1").pk,
        "policy": policy(county.code, county.people["officer"]).pk,
        "foreign_policy": policy(NEIGHBOUR, neighbour.people["officer"]).pk,
        "fund": fund(county.code, county.people["clerk"]).pk,
        "foreign_fund": fund(NEIGHBOUR, neighbour.people["officer"]).pk,
        **_claims(county, county.o1, ""),
        **_claims(neighbour, neighbour.no, "foreign_", parcel=foreign),
        "county6": county.code,
        **make_granted(county, county.o1, county.people),
        **make_granted(neighbour, neighbour.no, county.people, "foreign_"),
        "month": date(2026, 11, 1),
        "digest": "ab" * 32,
        "check": "F5",
        **_doubts(county.o1, "", county.people["centre"]),
        **_doubts(neighbour.no, "foreign_", neighbour.people["operator"]),
        "csv": "csv",
        **make_trip_rows(county.h1, county.o1, county.people["courier"]),
        **make_trip_rows(neighbour.nh, neighbour.no, neighbour.people["operator"], "foreign_"),
        **make_fleet_rows(county.h1, county.people["hub"]),
        **make_fleet_rows(neighbour.nh, neighbour.people["officer"], "foreign_"),
        **make_rights_rows(county.h1, county.c1),
        **make_road_rows(county.code),
        **make_road_rows(NEIGHBOUR, "foreign_"),
        "whatif": add_whatif(county.h1).pk,
        "foreign_whatif": add_whatif(neighbour.nh).pk,
        **make_rights_rows(neighbour.nh, neighbour.nc, "foreign_"),
        **_money(county.o1, "", county.people["centre"], fund(county.code, county.people["officer"])),
        **_money(neighbour.no, "foreign_", neighbour.people["operator"], fund(NEIGHBOUR, neighbour.people["officer"])),
        **_stated(county.o1, "", fund(county.code, county.people["officer"])),
        **_stated(neighbour.no, "foreign_", fund(NEIGHBOUR, neighbour.people["officer"])),
    }


def _stated(station, prefix: str, fund) -> dict[str, int]:
    """A statement that waits for its outlet, in a computed month, and an entry that names the outlet."""
    of, october = {"county_code": station.county_code}, date(2026, 10, 1)
    Period.objects.get_or_create(**of, month=october, defaults={"state": "computed"})
    statement = Statement.objects.create(
        **of, period=october, station=station, fund=fund, parcels=1, lines_yuan=1, payable_yuan=1, computed_at=NOW
    )
    legs = [Leg("subsidy", Decimal(1), fund.pk), Leg("accrued", Decimal(-1), fund.pk, station.pk, october)]
    entry = post(**of, source_key="settle:rights", legs=legs, at=NOW)
    return {f"{prefix}statement": statement.pk, f"{prefix}entry": entry.pk}


def _money(station, prefix: str, who, fund) -> dict[str, int]:
    """A bank account to confirm and a payment batch, by nobody who acts in the matrix."""
    of = {"county_code": station.county_code}
    account = OutletAccount.objects.create(
        **of, station=station, holder="王", bank="行", number="12345678", tail="5678", entered_by=who, entered_at=NOW
    )
    batch = PaymentBatch.objects.create(
        **of, number=1, fund=fund, payment_count=1, total_yuan=1, created_by=who, created_at=NOW
    )
    return {f"{prefix}account": account.pk, f"{prefix}batch": batch.pk}


def _doubts(station, prefix: str, who) -> dict[str, int]:
    """A case at that outlet, a draft of a check and a recipient to call, about the line of `_claims`."""
    of = {"county_code": station.county_code}
    rule = FraudRule.objects.create(
        **of, code="F5", version=1, kind="soft", thresholds={}, created_by=who, created_at=NOW
    )
    case = FraudCase.objects.create(
        **of, rule=rule, station=station, subject="day", numbers={}, raised_at=NOW, answer_by=date(2026, 11, 30)
    )
    line = Line.objects.filter(station=station).first()
    call = CallBack.objects.create(**of, line=line, station=station, period=line.period, drawn_at=NOW)
    return {f"{prefix}rule": rule.pk, f"{prefix}case": case.pk, f"{prefix}call": call.pk}


def _claims(county: County, station, prefix: str, **values) -> dict[str, object]:
    """A line at that outlet, a clawback of it and the public's objection to its month."""
    line = make_line(county, station=station, **values)
    clawback = Clawback.objects.create(
        county_code=county.code, line=line, station=station, cause="return", reason="return", proposed_at=NOW
    )
    appeal = Appeal.objects.create(
        county_code=county.code, period=line.period, station=station, text="不对", opened_at=NOW
    )
    return {f"{prefix}line": line.pk, f"{prefix}clawback": clawback.pk, f"{prefix}appeal": appeal.pk}


def _odd_scans(
    county: County, station: str, code: str, carrier: str = "ZTO", waybill: str = "73190553109999"
) -> tuple[UUID, UUID]:
    """Two scans at an outlet that nothing came before; (the one that stands, the correction of the other)."""
    sender = sender_for_user(county.people["operator"], county.stations[station])
    first, second, correction = (str(uuid7()) for _n in range(3))
    common = {"station": code, "occurred_at": NOW.isoformat(), "carrier": carrier, "waybill_no": waybill}
    events = [
        {"event_id": first, "type": "OUTLET_IN", **common},
        {"event_id": second, "type": "HELD", **common},
        {"event_id": correction, "type": "CORRECTION", "corrects": second, "occurred_at": NOW.isoformat()},
    ]
    receipt = record_scans(sender=sender, batch_id=None, device_now=None, events=events, received_at=NOW)
    fold_upload(upload_id=receipt.upload_id, at=NOW)
    return UUID(first), UUID(correction)


def _dismissed(county: County, event_id: UUID, by) -> int:
    return Dismissal.objects.create(
        county_code=county.code, kind="gap", event_id=event_id, reason="看过", by=by, at=NOW
    ).pk


def _set_aside(county: County, actor) -> int:
    """A scan that named a carrier nobody knew."""
    return SetAside.objects.create(
        county_code=county.code,
        actor=actor,
        event_id=str(uuid7()),
        verdict="invalid",
        code="carrier_unknown",
        pointer="/events/0/carrier",
        raw=b'{"type":"HUB_IN"}',
        raw_digest=b"x",
        received_at=NOW,
    ).pk


def client_of(county: County, caller: str) -> Client:
    client = Client()
    if caller in PEOPLE:
        client.force_login(county.people[caller], "accounts.backends.DemoAwareBackend")
    return client


def ask(client: Client, method: str, url: str, data: dict, token: str = "") -> int:
    """The status; what the request wrote is rolled back."""
    headers = {"Authorization": f"Device {token}"} if token else {}
    with transaction.atomic():
        if method == "GET":
            status = client.get(url, data, headers=headers).status_code
        elif method == "PATCH":
            status = client.patch(url, b"", content_type="application/json", headers=headers).status_code
        elif url.startswith("/api/"):
            status = client.post(url, data, content_type="application/json", headers=headers).status_code
        else:
            status = client.post(url, data, headers=headers).status_code
        transaction.set_rollback(True)
    return status


def expected(right: object, caller: str, api: bool) -> str:
    """ "ok", "refused" (403) or "stranger" (401, or off to sign in)."""
    if right == "public":
        return "ok"
    if caller == "anon" or (caller == "device" and not api):
        return "stranger"
    if right == "signed_in":
        return "ok"
    if right == "device":
        return "ok" if caller == "device" else "refused"
    return "ok" if caller in right else "refused"


def fits(answer: str, status: int, api: bool) -> bool:
    if answer == "stranger":
        return status == (401 if api else 302)
    if answer == "refused":
        return status == 403
    return status < 500 and status not in (401, 403)


@pytest.mark.django_db
@pytest.mark.parametrize("name", MATRIX)
def test_each_caller_gets_the_answer_that_is_written(name, county, neighbour, rows):
    row = MATRIX[name]
    make_device(county.c1, county.people["courier"], token="a-token")
    wrong = []
    for method in ("GET", "POST", "PATCH"):
        if method not in row:
            continue
        right, data = row[method], row.get("data", {}) if method == "POST" else {}
        inside = reverse(name, kwargs={key: rows[value] for key, value in row.get("inside", {}).items()})
        api = inside.startswith("/api/v1/")
        for caller in ("anon", "device", *PEOPLE):
            token = "a-token" if caller == "device" else ""
            status = ask(client_of(county, caller), method, inside, data, token)
            answer = expected(right, caller, api)
            if caller in row.get("unseen", ()) or (method == "POST" and caller in row.get("unseen_post", ())):
                good = status == 404
            else:
                open_to_all = right in ("signed_in", "public")
                good = fits(answer, status, api) and (answer != "ok" or open_to_all or status != 404)
            if not good:
                wrong.append(f"{method} {inside} as {caller}: {status}, expected {answer}")
            # the platform administrator reads every county's registry
            if (
                "outside" in row
                and answer == "ok"
                and not (caller == "admin" and name.split(":")[0] in ("stations", "tracking"))
            ):
                outside = reverse(name, kwargs={key: rows[value] for key, value in row["outside"].items()})
                status = ask(client_of(county, caller), method, outside, data, token)
                if status != 404:
                    wrong.append(f"{method} {outside} (the neighbour's) as {caller}: {status}, expected 404")
    assert wrong == []


CANARIES = ("邻家村", "YT5555508965056", "WZ-O1", "万州物流中心")


@pytest.mark.django_db
@pytest.mark.parametrize("caller", [p for p in PEOPLE if p != "admin"])
def test_no_page_shows_a_word_of_the_neighbour_county(caller, county, neighbour, rows):
    client = client_of(county, caller)
    leaks = []
    for name, row in MATRIX.items():
        if "GET" not in row or row["GET"] == "public" or name.startswith("stations:region"):
            continue  # the division list is public knowledge
        url = reverse(name, kwargs={key: rows[value] for key, value in row.get("inside", {}).items()})
        answer = client.get(url)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        leaks += [f"{url}: {word}" for word in CANARIES if word in body.decode("utf-8", "ignore")]
    assert leaks == []
