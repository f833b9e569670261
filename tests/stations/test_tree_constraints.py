"""The tree's rules hold in the database, whoever writes."""

import pytest
from django.db import IntegrityError, transaction

from stations.models import Station
from stations.states import StationLevel
from tests.conftest import make_station

pytestmark = pytest.mark.django_db


def refused(**values: object) -> bool:
    """Whether the row (or its late-checked keys) is refused."""
    try:
        with transaction.atomic():
            make_station("FD-X9", "x", **values)
    except IntegrityError:
        return True
    return False


def test_an_outlet_hangs_on_the_centre_of_its_township(county):
    assert refused(level=StationLevel.OUTLET, region=county.regions["v4"], parent=county.c1)
    assert not refused(
        level=StationLevel.OUTLET,
        region=county.regions["v4"],
        parent=county.c1,
        exception_reason="桥断了，隔河较近",
    )


def test_levels_follow_one_another(county, neighbour):
    assert refused(level=StationLevel.OUTLET, region=county.regions["v1"], parent=county.h1)
    assert refused(level=StationLevel.CENTRE, region=county.regions["t1"], parent=county.c2)
    assert refused(level=StationLevel.CENTRE, region=county.regions["t1"], parent=neighbour.nh)
    assert refused(level=StationLevel.CENTRE, region=county.regions["t1"], parent=None)
    assert refused(level=StationLevel.HUB, region=county.regions["county"], parent=county.h1)
    assert not refused(level=StationLevel.CENTRE, region=county.regions["t1"], parent=county.h1)


def test_a_parent_cannot_move_away_from_under_its_children(county):
    with pytest.raises(IntegrityError), transaction.atomic():
        Station.objects.filter(pk=county.c1.pk).update(region=county.regions["t2"])
