"""Who may add whom, where; passwords; the last officer."""

import pytest

from accounts.models import AuditEntry, User
from accounts.roles import Role
from common.errors import Conflict, NotAllowed, Refused
from stations import services
from stations.models import Device, Membership
from tests.conftest import NOW, PASSWORD, County, make_device, make_member, make_user

pytestmark = pytest.mark.django_db


def add(county: County, by: str | None, username: str = "newcomer", role: str = Role.STATION_OPERATOR, **place):
    giver = county.people[by] if by else None
    return services.add_person(username=username, name="王小明", role=role, at=NOW, by=giver, **place)


def test_an_added_person_gets_a_temporary_password_and_must_change_it(county: County):
    user, password = add(county, "officer", station=county.o1)
    assert user.check_password(password)
    assert user.must_change_password
    assert user.memberships.get().station == county.o1
    entry = AuditEntry.objects.get(action="membership.given")
    assert (entry.actor, entry.county_code) == (county.people["officer"], county.code)


def test_a_township_manager_adds_operators_and_couriers_of_the_own_township_only(county: County):
    add(county, "township", station=county.o1)
    add(county, "township", "second", Role.COURIER, station=county.c1)
    for role, place in [
        (Role.STATION_OPERATOR, {"station": county.o3}),
        (Role.STATION_OPERATOR, {"station": county.h1}),
        (Role.TOWNSHIP_MANAGER, {"region": county.regions["t1"]}),
        (Role.COUNTY_OFFICER, {"region": county.regions["county"]}),
        (Role.PLATFORM_ADMIN, {}),
    ]:
        with pytest.raises(NotAllowed):
            add(county, "township", "third", role, **place)
    assert not User.objects.filter(username="third").exists()


def test_an_officer_grants_nothing_beyond_the_county(county: County, neighbour: County):
    for role, place in [(Role.STATION_OPERATOR, {"station": neighbour.no}), (Role.PLATFORM_ADMIN, {})]:
        with pytest.raises(NotAllowed):
            add(county, "officer", "third", role, **place)


@pytest.mark.parametrize("who", ["operator", "courier", "clerk", "approver", "auditor", "support", "carrier"])
def test_no_other_role_adds_people(county: County, who: str):
    with pytest.raises(NotAllowed):
        add(county, who, station=county.o1)


@pytest.mark.parametrize(
    ("role", "code"),
    [
        (Role.COURIER, "station_missing"),
        (Role.TOWNSHIP_MANAGER, "township_missing"),
        (Role.AUDITOR, "county_missing"),
        ("emperor", "role_unknown"),
    ],
)
def test_a_role_needs_its_kind_of_place(county: County, role: str, code: str):
    with pytest.raises(Refused) as refusal:
        add(county, "officer", role=role)
    assert refusal.value.code == code


def test_a_user_name_is_taken_in_any_case(county: County):
    with pytest.raises(Conflict):
        add(county, "officer", "OPERATOR", station=county.o1)


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\ud800b"])
def test_a_name_that_cannot_be_stored_is_refused(county: County, name: str):
    with pytest.raises(Refused):
        services.add_person(
            username="newcomer", name=name, role=Role.COURIER, station=county.c1, by=county.people["officer"], at=NOW
        )


def test_a_password_is_reset_by_whoever_manages_all_roles_of_a_person(county: County):
    password = services.reset_password(user=county.people["operator"], by=county.people["township"], at=NOW)
    row = User.objects.get(username="operator")
    assert row.check_password(password)
    assert not row.check_password(PASSWORD)
    assert row.must_change_password
    for other in ("operator2", "officer", "admin"):
        with pytest.raises(NotAllowed):
            services.reset_password(user=county.people[other], by=county.people["township"], at=NOW)


def test_a_person_with_a_role_elsewhere_is_not_a_manager_s_alone(county: County):
    Membership.objects.create(
        user=county.people["operator"],
        role=Role.STATION_OPERATOR,
        county_code=county.code,
        station=county.o3,
        created_at=NOW,
    )
    with pytest.raises(NotAllowed):
        services.reset_password(user=county.people["operator"], by=county.people["township"], at=NOW)


def test_ending_a_role_shuts_out_the_handhelds_held_there(county: County):
    device = make_device(county.o1, county.people["operator"])
    row = county.people["operator"].memberships.get()
    services.end_membership(membership=row, by=county.people["township"], reason="moved away", at=NOW)
    device.refresh_from_db()
    assert device.revoked_at == NOW
    assert device.revoke_reason == "moved away"
    with pytest.raises(Conflict):
        services.end_membership(membership=row, by=county.people["township"], reason="again", at=NOW)
    assert AuditEntry.objects.filter(action="membership.ended").count() == 1


def test_the_end_of_a_role_shuts_out_the_handhelds_below_too(county: County):
    courier, officer = county.people["courier"], county.people["officer"]  # of the centre
    below = make_device(county.o1, courier, token="token-below")
    kept = make_device(county.o2, courier, token="token-kept")
    services.give_role(user=courier, role=Role.COURIER, station=county.o2, by=officer, at=NOW)
    row = courier.memberships.get(station=county.c1)
    services.end_membership(membership=row, by=officer, reason="left", at=NOW)
    below.refresh_from_db()
    kept.refresh_from_db()
    assert below.revoked_at == NOW
    assert kept.revoked_at is None, "another role still holds for that station"


def test_an_end_needs_a_reason(county: County):
    with pytest.raises(Refused) as refusal:
        services.end_membership(
            membership=county.people["operator"].memberships.get(), by=county.people["officer"], reason=" ", at=NOW
        )
    assert refusal.value.code == "reason_missing"


def test_the_last_officer_stays(county: County):
    officer = county.people["officer"]
    with pytest.raises(Refused) as refusal:
        services.end_membership(membership=officer.memberships.get(), by=officer, reason="retired", at=NOW)
    assert refusal.value.code == "last_officer"
    second = make_member("officer-2", Role.COUNTY_OFFICER, county.code, region=county.regions["county"])
    services.set_person_active(user=second, active=False, by=officer, reason="on leave", at=NOW)
    with pytest.raises(Refused):  # one who is shut out doesn't count
        services.end_membership(membership=officer.memberships.get(), by=officer, reason="retired", at=NOW)
    services.set_person_active(user=second, active=True, by=officer, reason="back", at=NOW)
    services.end_membership(membership=officer.memberships.get(), by=officer, reason="retired", at=NOW)


def test_nobody_shuts_themselves_out(county: County):
    with pytest.raises(Refused):
        services.set_person_active(
            user=county.people["officer"], active=False, by=county.people["officer"], reason="x", at=NOW
        )


def test_a_known_person_gets_another_role_once(county: County):
    give = {"user": county.people["operator"], "role": Role.COURIER, "station": county.o1, "at": NOW}
    services.give_role(by=county.people["township"], **give)
    with pytest.raises(Conflict):
        services.give_role(by=county.people["township"], **give)
    with pytest.raises(NotAllowed):
        services.give_role(by=county.people["township"], **{**give, "user": make_user("stranger", "外人")})


def test_nobody_gives_themselves_a_role(county: County):
    officer = county.people["officer"]
    for role in (Role.SETTLEMENT_CLERK, Role.SETTLEMENT_APPROVER, Role.AUDITOR):
        with pytest.raises(Refused) as refusal:
            services.give_role(user=officer, role=role, region=county.regions["county"], by=officer, at=NOW)
        assert refusal.value.code == "yourself"
    assert officer.memberships.count() == 1


def test_enrolling_asks_that_the_holder_works_there(county: County):
    device, token = services.enrol_device(
        station=county.o1, user=county.people["operator"], name="PDA-7", by=county.people["township"], at=NOW
    )
    assert len(token) == 43  # 256 bits
    assert token not in str(Device.objects.filter(pk=device.pk).values())
    services.enrol_device(
        station=county.o1, user=county.people["courier"], name="PDA-8", at=NOW
    )  # from the centre above
    with pytest.raises(Refused) as refusal:
        services.enrol_device(station=county.o1, user=county.people["operator2"], name="PDA-9", at=NOW)
    assert refusal.value.code == "holder_not_here"
    with pytest.raises(NotAllowed):
        services.enrol_device(
            station=county.o3, user=county.people["operator2"], name="PDA-9", by=county.people["township"], at=NOW
        )
