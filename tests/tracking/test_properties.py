"""What the fold promises, on days made up by Hypothesis and kept in the real database.

A failure prints its world; benchmarks/fold.py asks the same of a hundred thousand parcels.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.journeys import CLOCKS, SPAN_MINUTES, Sent
from orders.models import Parcel
from tests.conftest import NOW
from tests.tracking import journeys
from tests.tracking.journeys import BASE, Hands, agree, fold, rolled_back, stored_events
from tracking import queries, services
from tracking.models import ScanEvent
from tracking.states import Node

pytestmark = pytest.mark.django_db
quick = settings(
    deadline=None,
    derandomize=True,
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),  # with Phase.shrink the smallest world that fails: it takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture
def hands(county) -> Hands:
    return Hands.of(county)


def parts_of(data: st.DataObject, items: list) -> list[list]:
    """A list cut into parts, none of them empty."""
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(items) - 1)), max_size=5)))
    parts = [items[low:high] for low, high in zip([0, *cuts], [*cuts, len(items)], strict=True)]
    return [part for part in parts if part]


@quick
@given(sent=journeys.worlds(), data=st.data())
def test_stored_events_applied_in_any_order_any_split_and_twice_give_one_state(hands, sent, data):
    """The events stay as they are stored; only who applies them when, and in whose company, changes."""
    with rolled_back():
        hands.record(sent)
        fold()
        first = journeys.state_hash()
        ids = list(ScanEvent.objects.order_by("k").values_list("event_id", flat=True))
        journeys.unfold()
        numbers = journeys.split_anew(parts_of(data, data.draw(st.permutations(ids))))
        for number in data.draw(st.permutations(numbers + numbers)):
            assert services.fold_upload(upload_id=number, at=NOW)
        assert journeys.state_hash() == first
        assert fold() == 0


@quick
@given(sent=journeys.worlds(), data=st.data())
def test_sent_in_any_order_any_split_and_again_it_is_one_state(hands, sent, data):
    """Through the way in, folding in between as it comes; only a reused id's later content stays behind its first."""
    firsts = [one for one in sent if one.kind == "new"]
    found = []
    for _round in range(2):
        order = data.draw(st.permutations([one for one in sent if one.kind != "other"]))
        order += data.draw(st.lists(st.sampled_from(firsts), max_size=5))
        with rolled_back():
            for part in parts_of(data, order):
                hands.record(part)
                if data.draw(st.booleans()):
                    fold()
            hands.record([one for one in sent if one.kind == "other"])
            fold()
            assert ScanEvent.objects.count() == len(firsts)
            agree()
            found.append(journeys.state_hash())
    assert found[0] == found[1]


@quick
@given(sent=journeys.worlds())
def test_merge_equals_refold_equals_the_reference(hands, sent):
    """Row by row, after each of many small uploads and so with most registers merged."""
    with rolled_back():
        for low in range(0, len(sent), 4):
            hands.record(sent[low : low + 4])
            fold()
        agree()


@quick
@given(sent=journeys.worlds(), data=st.data())
def test_a_correction_undone_returns_to_the_first_state(hands, sent, data):
    with rolled_back():
        hands.record(sent)
        fold()
        first = journeys.state_hash()
        scans = [one.event["event_id"] for one in sent if one.kind == "new" and one.event["type"] != Node.CORRECTION]
        hand = Sent("hub", "right", {"type": "CORRECTION", "occurred_at": NOW.isoformat()})

        def correct(target: str, number: int) -> str:
            own = f"0190aaaa-0000-7000-8000-{number:012x}"
            hands.record([Sent(hand.sender, hand.clock, {**hand.event, "event_id": own, "corrects": target})])
            fold()
            return own

        one = correct(data.draw(st.sampled_from(scans)), 1)
        agree()
        undone = correct(one, 2)
        assert journeys.state_hash() == first
        correct(undone, 3)  # of the third level: ignored
        assert journeys.state_hash() == first


@quick
@given(sent=journeys.worlds(), minutes=st.lists(st.integers(-10, SPAN_MINUTES + 70), min_size=1, max_size=3))
def test_as_of_any_time_the_reference_and_sql_agree(hands, sent, minutes):
    """`registers_at` reads a parcel's own scans only; SQL folds what is left once all later scans are taken away."""
    with rolled_back():
        hands.record(sent)
        fold()
        events = stored_events()
        times = sorted((BASE + timedelta(minutes=minute) for minute in minutes), reverse=True)
        wanted = {at: journeys.expected_rows(events, at) for at in times}
        for parcel in Parcel.objects.all():
            for at in times:
                got = queries.registers_at(parcel, at)
                row = wanted[at][parcel.carrier_id, parcel.waybill_no]
                assert {name: getattr(got, name) for name in row} == row
        for at in times:
            ScanEvent.objects.filter(effective_at__gt=at).delete()
            journeys.refold()
            assert journeys.rows() == wanted[at]


def test_the_worlds_hold_what_they_promise(hands):
    """Numbered worlds, so that the dice can't leave a part of the fold untried: every node, clock and verdict."""
    sent = [one for number in range(60) for one in journeys.numbered_world(number)]
    assert {one.event["type"] for one in sent} == set(Node.values)
    assert {one.clock for one in sent} == set(CLOCKS)
    assert {one.kind for one in sent} == {"new", "again", "other"}
    for low in range(0, len(sent), 300):
        hands.record(sent[low : low + 300])
    fold()
    agree()
    stored = ScanEvent.objects.all()
    assert stored.filter(skewed=True).exists()
    assert stored.filter(untrusted=True).exists()
    assert stored.filter(waybill_no=None).exclude(bag=None).exists()
    assert {row["state"] for row in journeys.rows().values()} >= {"delivered", "returned", "cancelled", "lost"}
