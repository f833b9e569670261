"""Sign-in, lock-out, first password, language, demo users from loopback only."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.services import create_user, demo_password, set_active
from tests.conftest import NOW, PASSWORD, make_user

pytestmark = pytest.mark.django_db
URL = "/accounts/sign-in/"


def post(client: Client, name: str, password: str, **more: str):
    return client.post(URL, {"username": name, "password": password, **more})


def test_sign_in_by_name_in_any_case(client):
    make_user("wang.fang", "王芳")
    answer = post(client, "Wang.FANG", PASSWORD)
    assert answer.status_code == 302
    assert answer.url == "/"


def test_the_error_never_says_whether_the_name_exists(client):
    make_user("wang.fang", "王芳")
    wrong = post(client, "wang.fang", "not-this-one-1")
    unknown = post(client, "nobody", "not-this-one-1")
    assert wrong.status_code == unknown.status_code == 200
    assert "用户名或密码不对" in wrong.content.decode() or "密码" in wrong.content.decode()
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()


def test_eight_wrong_passwords_lock_the_name_for_that_address(client):
    make_user("wang.fang", "王芳")
    for _ in range(8):
        answer = post(client, "wang.fang", "wrong-wrong-wrong")
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert post(client, "wang.fang", PASSWORD).status_code == 429
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    assert post(elsewhere, "wang.fang", PASSWORD).status_code == 302, "the person is not locked out elsewhere"


def test_another_spelling_of_the_name_spends_the_same_tries(client):
    make_user("wang.fang", "王芳")
    for name in (
        "wang.fang",
        "Wang.fang",
        "wAng.fang",
        "waNg.fang",
        "wanG.fang",
        "WANG.fang",
        "wang.FANG",
        "wang.fanG",
    ):
        answer = post(client, name, "wrong-wrong-wrong")
    assert answer.status_code == 429
    assert post(client, "WANG.FANG", PASSWORD).status_code == 429


def test_a_right_password_forgives_the_wrong_ones_before(client):
    make_user("Wang.Fang", "王芳")
    for _ in range(2):
        for _ in range(6):
            post(client, "wang.FANG", "wrong-wrong-wrong")
        assert post(client, "WANG.fang", PASSWORD).status_code == 302
        client.logout()


def test_a_forged_forwarded_for_does_not_reset_the_count(client):
    make_user("wang.fang", "王芳")
    for n in range(8):
        answer = client.post(
            URL, {"username": "wang.fang", "password": "wrong-wrong-1"}, headers={"X-Forwarded-For": f"10.9.8.{n}"}
        )
    assert answer.status_code == 429


@pytest.mark.parametrize("name", ["wang\x00fang", "x" * 4096, "王\u200b芳", "' OR 1=1 --"])
def test_odd_names_get_the_neutral_answer(client, name):
    assert post(client, name, "whatever-whatever").status_code == 200


def test_a_password_of_ten_megabytes_is_refused_before_hashing(client):
    make_user("wang.fang", "王芳")
    assert post(client, "wang.fang", "x" * 2000).status_code == 200


def test_next_stays_on_this_host(client):
    make_user("wang.fang", "王芳")
    assert post(client, "wang.fang", PASSWORD, next="//evil.example/").url == "/"


def test_a_first_password_must_be_changed_before_anything_else(client, county):
    user = create_user(username="li.ming", name="李明", password="first-password-77", at=NOW)
    assert post(client, "li.ming", "first-password-77").status_code == 302
    assert client.get("/").url == reverse("accounts:password")
    form = {"current": "first-password-77", "new": "own-quiet-river-9", "again": "own-quiet-river-9"}
    assert client.post(reverse("accounts:password"), {**form, "again": "else"}).status_code == 422
    assert client.post(reverse("accounts:password"), {**form, "current": "no"}).status_code == 422
    assert client.post(reverse("accounts:password"), {**form, "new": "short", "again": "short"}).status_code == 422
    assert client.post(reverse("accounts:password"), form).status_code == 302
    user.refresh_from_db()
    assert not user.must_change_password
    assert client.get("/").status_code == 200, "still signed in after the change"


def test_a_disabled_person_is_out_at_the_next_request(client, county):
    user = county.people["operator"]
    client.force_login(user, "accounts.backends.DemoAwareBackend")
    assert client.get("/").status_code == 302
    set_active(user=user, active=False, at=NOW, by=county.people["officer"], reason="离岗")
    assert client.get("/").url.startswith("/accounts/sign-in/")


def test_demo_users_sign_in_from_this_machine_only(settings):
    create_user(
        username="outlet",
        name="演示",
        password=demo_password("outlet"),
        at=NOW,
        is_demo=True,
        must_change_password=False,
    )
    assert post(Client(REMOTE_ADDR="192.168.1.5"), "outlet", demo_password("outlet")).status_code == 200
    assert post(Client(), "outlet", demo_password("outlet")).status_code == 302
    settings.DEMO_LAN = True
    assert post(Client(REMOTE_ADDR="192.168.1.5"), "outlet", demo_password("outlet")).status_code == 302


def test_demo_logins_are_shown_on_loopback_in_demo_mode_only(client, settings):
    create_user(username="outlet", name="演示", password=demo_password("outlet"), at=NOW, is_demo=True)
    assert demo_password("outlet") not in client.get(URL).content.decode()
    settings.DEMO = True
    assert demo_password("outlet") in client.get(URL).content.decode()
    assert demo_password("outlet") not in Client(REMOTE_ADDR="192.168.1.5").get(URL).content.decode()


def test_the_language_switch_keeps_the_page(client):
    answer = client.post("/accounts/language/", {"language": "en", "next": "/track/"})
    assert answer.url == "/track/"
    assert 'lang="en"' in client.get(URL).content.decode()
    assert client.post("/accounts/language/", {"language": "en", "next": "https://evil.example/"}).url == "/"
    assert client.post("/accounts/language/", {"language": "xx", "next": "/"}).status_code == 302


@pytest.mark.parametrize(
    "target", ["nowhere", "0", "a b", "[]", "//evil.example/", "https://evil.example/", "/x\r\nA: b"]
)
def test_the_language_switch_leads_nowhere_else(client, target):
    answer = client.post("/accounts/language/", {"language": "en", "next": target})
    assert answer.status_code == 302
    assert answer.url == ("/" if not target.startswith("/x") else "/x%0D%0AA:%20b")
