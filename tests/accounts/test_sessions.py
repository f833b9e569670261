"""Sessions past their date are deleted, the others stay."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from accounts import services
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_only_expired_sessions_go():
    for key, left in (("over", -timedelta(seconds=1)), ("open", timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=NOW + left)
    assert services.end_expired_sessions(at=NOW) == 1
    assert Session.objects.get().session_key == "open"
