"""Who joins: each alone, pooled, the cost shared; stopped it keeps what was solved, killed it goes on from there."""

from datetime import timedelta
from decimal import Decimal

import pytest

from common import services as jobs
from common.errors import NotAllowed, Refused
from common.models import Job
from common.states import JobState
from tests.conftest import NOW, County
from tests.vehicles.people import EVENING, TOMORROW, at_hub, collected, ready
from tests.vehicles.timetable import make_line
from vehicles import services
from vehicles.models import WhatIf
from vehicles.queries.whatif import alone_of, found
from vehicles.services import whatif as whatifs
from vehicles.services.whatif import key_of, sample
from vehicles.sharing import every_coalition


def waiting(county: County) -> None:
    """Three carriers' parcels over the same outlets, and two vans; JT is no member yet."""
    ready(county, vans=2)
    for carrier, count in (("ZTO", 5), ("YTO", 3), ("JT", 2)):
        for outlet in ("o1", "o2", "o3"):
            at_hub(county, outlet, count, carrier=carrier)
    collected(county, "o1", 2)


def ask(county: County, *members: str, **more: object) -> WhatIf:
    values = {"seconds": 1, "most": 30, "buses": False, "seed": 1, "day": TOMORROW, **more}
    return services.start_whatif(
        hub=county.h1, members=members or ("ZTO", "YTO", "JT"), by=county.people["officer"], at=EVENING, **values
    )


def run(row: WhatIf) -> WhatIf:
    jobs.run_waiting_jobs(at=NOW + timedelta(hours=1))
    row.refresh_from_db()
    return row


def test_each_alone_the_curve_and_the_shares(county: County) -> None:
    waiting(county)
    row = run(ask(county))
    assert row.job is not None
    assert row.job.state == JobState.DONE, row.job.message
    got = found(row)
    assert got is not None
    assert [point.joined for point in got.points] == [0, 2, 3]
    assert got.points[0].names == ()
    assert [share.parcels for share in got.shares] == [17, 9, 6], "largest first, with what is collected"
    none, all_of_them = got.points[0].without, got.points[-1].without
    assert none is not None
    assert all_of_them is not None
    assert none.vehicle_days == 3
    assert all_of_them.vehicle_days < 3
    assert all_of_them.pieces == none.pieces == 32
    assert (got.exact, got.coalitions, got.solved) == (True, 7, 7)
    assert got.total is not None
    assert sum(Decimal(share.share or 0) for share in got.shares) == got.total
    assert all((share.saving or 0) > 0 for share in got.shares)
    assert got.estimated

    baseline = services.freeze_reckoned(whatif=row, name="各跑各的", note="", by=county.people["officer"], at=NOW)
    assert baseline.figures["vehicle_days"] == 3
    assert (baseline.source, baseline.first_on) == ("reckoned", TOMORROW)


def test_buses_ride_for_the_pool_only(county: County) -> None:
    waiting(county)
    make_line(county)
    row = run(ask(county, "ZTO", "YTO", buses=True))
    solved = row.result["solved"]
    assert set(solved) == {"ZTO", "YTO", key_of(["ZTO", "YTO"], buses=False), key_of(["ZTO", "YTO"], buses=True)}
    assert all(solved[name]["figures"]["buses"] == 0 for name in ("ZTO", "YTO", "YTO+ZTO"))
    got = found(row)
    assert got is not None
    assert got.points[1].with_buses is not None
    assert got.total == Decimal(solved["YTO+ZTO|bus"]["yuan"]).quantize(Decimal("0.01"))


def test_who_has_nothing_that_day_costs_nothing(county: County) -> None:
    ready(county)
    at_hub(county, "o1", 2)
    got = found(run(ask(county, "ZTO", "JT")))
    assert got is not None
    assert [(share.parcels, share.vehicles, share.alone) for share in got.shares][1] == (0, 0, 0)
    assert got.shares[1].share == 0


@pytest.mark.django_db(transaction=True)
def test_stopped_it_keeps_what_was_solved(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(county)
    row = ask(county)
    keep = whatifs._Reckoner.keep

    def stop_after_the_curve_began(reckoner: whatifs._Reckoner, **values: object) -> None:
        keep(reckoner, **values)
        if len(reckoner.found) == 4:
            Job.objects.filter(pk=row.job_id).update(cancel_asked=True)

    monkeypatch.setattr(whatifs._Reckoner, "keep", stop_after_the_curve_began)
    run(row)
    row.job.refresh_from_db()
    assert row.job.state == JobState.CANCELLED
    got = found(row)
    assert got is not None
    assert (got.solved, got.total) == (4, None)
    assert [point.without is None for point in got.points] == [False, False, True]
    monkeypatch.undo()
    jobs.retry_job(job_id=row.job_id, user=county.people["officer"])
    kept = row.result["solved"]["ZTO"]
    run(row)
    assert row.result["solved"]["ZTO"] == kept, "what was solved isn't solved again"
    assert found(row).total is not None


def test_before_each_is_reckoned_there_is_nothing_to_show(county: County) -> None:
    waiting(county)
    row = ask(county)
    assert alone_of(row) is None
    assert found(row) is None
    with pytest.raises(Refused) as refused:
        services.freeze_reckoned(whatif=row, name="x", note="", by=county.people["officer"], at=NOW)
    assert refused.value.code == "not_reckoned"


def test_a_day_without_a_vehicle_says_so(county: County) -> None:
    ready(county, vans=0)
    at_hub(county, "o1", 2)
    row = run(ask(county, "ZTO", "YTO"))
    row.job.refresh_from_db()
    assert (row.job.state, row.job.result["code"]) == (JobState.FAILED, "no_vehicle")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"members": ("ZTO",)}, "too_few_members"),
        ({"members": ("ZTO", "ZTO")}, "too_few_members"),
        ({"members": tuple(f"C{n}" for n in range(17))}, "too_many_members"),
        ({"seconds": 4}, "seconds_out_of_range"),
        ({"most": 10**6}, "seconds_out_of_range"),
        ({"day": TOMORROW - timedelta(days=9)}, "day_passed"),
    ],
)
def test_what_can_t_be_asked_for(county: County, change: dict[str, object], code: str) -> None:
    members = change.pop("members", ("ZTO", "YTO"))
    with pytest.raises(Refused) as refused:
        ask(county, *members, **change)
    assert refused.value.code == code
    assert not WhatIf.objects.exists()


def test_only_the_county_office_may(county: County, neighbour: County) -> None:
    for who in (county.people["hub"], neighbour.people["officer"], county.people["auditor"]):
        with pytest.raises(NotAllowed):
            services.start_whatif(
                hub=county.h1,
                day=TOMORROW,
                members=["ZTO", "YTO"],
                seconds=1,
                most=30,
                buses=False,
                seed=1,
                by=who,
                at=NOW,
            )
    row = ask(county)
    assert not WhatIf.objects.visible_to(neighbour.people["officer"]).filter(pk=row.pk).exists()


def test_all_coalitions_where_few_else_a_sample() -> None:
    assert sample("ABC", 30, 1) == ([], [each for each in every_coalition("ABC") if len(each) > 1])
    orders, coalitions = sample("ABCDEFGH", 30, 1)
    assert len(orders) >= 2
    assert len(orders) % 2 == 0
    assert len(coalitions) <= 30
    assert frozenset("ABCDEFGH") in coalitions
    assert all(len(each) > 1 for each in coalitions)
