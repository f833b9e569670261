"""The audit is append-only in the database, not by good manners."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry
from accounts.services import audit, create_user, set_password
from common.errors import Conflict, Refused
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def entry() -> AuditEntry:
    return audit(actor=None, action="test.act", entity="station", entity_id=1, at=NOW, actor_label="a test")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET reason = 'x'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry CASCADE",
    ],
)
def test_the_database_refuses_to_change_it(statement):
    entry()
    connection.check_constraints()  # otherwise TRUNCATE is refused for the pending keys already
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.count() == 1


def test_acts_on_users_leave_a_trace_without_secrets(county):
    user = create_user(
        username="li.ming", name="李明", password="first-password-77", at=NOW, by=county.people["officer"]
    )
    set_password(user=user, password="another-password-78", at=NOW, by=county.people["officer"], must_change=True)
    traces = AuditEntry.objects.filter(entity="user", entity_id=str(user.pk)).order_by("id")
    assert [t.action for t in traces] == ["user.created", "user.password_reset"]
    assert "password-7" not in str(list(traces.values()))


def test_a_name_is_taken_whatever_its_case(county):
    create_user(username="li.ming", name="李明", password="first-password-77", at=NOW)
    with pytest.raises(Conflict, match="username_taken"):
        create_user(username="LI.Ming", name="李明", password="first-password-77", at=NOW)


@pytest.mark.parametrize("password", ["short", "password1234", "li.ming-li.ming", "x" * 129])
def test_weak_passwords_are_refused(password):
    with pytest.raises(Refused, match="weak_password"):
        create_user(username="li.ming", name="李明", password=password, at=NOW)
