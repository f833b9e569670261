"""Pages as a cheap phone meets them: no foreign host, old JavaScript, few bytes, nothing inline; partials render."""

import gzip
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import esprima
import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation

from common import problems
from common.models import Job
from common.templatetags import ui

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if path.parent.name != "pdf"]  # what is drawn on paper brings its styles along
OWN_STATIC = sorted(p for folder in ("css", "js", "img") for p in (ROOT / "static" / folder).rglob("*") if p.is_file())
OWN_JS = [path for path in OWN_STATIC if path.suffix == ".js"]
FOREIGN = re.compile(r"(?:https?:)?//(?!www\.w3\.org/)[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)
INLINE = re.compile(
    r"<script(?![^>]*\b(?:src=|type=\"application/json\"))|<style|\sstyle=|\son[a-z]+=\"|\shx-on|javascript:",
    re.IGNORECASE,
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES + OWN_STATIC, ids=name_of)
def test_no_page_asks_a_foreign_host(path: Path) -> None:
    assert FOREIGN.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_nothing_inline_that_the_csp_refuses(path: Path) -> None:
    assert INLINE.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", OWN_JS, ids=name_of)
def test_own_javascript_is_what_old_webviews_run(path: Path) -> None:
    source = path.read_text("utf-8")
    esprima.parseScript(source)  # knows ES2017 and nothing later
    assert "eval(" not in source
    assert "new Function" not in source


@pytest.mark.parametrize("newer", ["a?.b", "a ?? b", "try {} catch {}", "a ||= b"])
def test_newer_javascript_would_be_noticed(newer: str) -> None:
    with pytest.raises(esprima.Error):
        esprima.parseScript(newer)


def test_the_frame_weighs_at_most_30_kb_compressed() -> None:
    frame = [ROOT / "static/css/app.css", ROOT / "static/js/app.js", ROOT / "static/img/icons.svg"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in frame) <= 30_000
    assert (ROOT / "static/js/app.js").stat().st_size <= 10_000


def test_every_icon_that_a_template_names_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    named = set()
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        named |= set(re.findall(r'{% icon "([a-z-]+)"', text)) | set(re.findall(r'icon_name="([a-z-]+)"', text))
    assert named - drawn == set()


class Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="As on the sign")
    kind = forms.ChoiceField(label="Kind", choices=[("a", "A"), ("b", "B")])
    way = forms.ChoiceField(label="Way", widget=forms.RadioSelect, choices=[("a", "A"), ("b", "B")])
    open = forms.BooleanField(label="Open", required=False)
    file = forms.FileField(label="File", required=False)


def job(**values: object) -> Job:
    return Job(**{"pk": 7, "title": "Import", "state": "running", "done": 3, "total": 12, "problem_count": 2, **values})


PARTIALS = {
    "breadcrumbs": ({"breadcrumbs": [("Stations", "/stations/"), ("Hub", "")]}, 'aria-current="page"'),
    "page_header": ({"title": "Stations", "actions": [("Add", "/add/", "add")]}, "<h1>Stations</h1>"),
    "filter_bar": ({"form": Sample(), "target": "list", "search": "name"}, 'hx-target="#list"'),
    "pagination": ({"page": Paginator(range(95), 20).page(2), "total": 95}, "q=hub&amp;page=3"),
    "empty": ({"sentence": "Nothing yet.", "label": "Import", "url": "/import/"}, 'href="/import/"'),
    "field": ({"field": Sample()["name"], "control": "x", "kind": "input"}, "Name"),
    "field_errors": ({"field": Sample({})["name"]}, 'id="id_name_error"'),
    "form": ({"form": Sample({}), "submit": "Save", "confirm": "Sure?"}, 'data-confirm="Sure?"'),
    "form_errors": ({"form": Sample({})}, 'role="alert"'),
    "problem_rows": (
        {"problems": [{"row": 3, "column": "", "value": "x", "detail": "No such village"}]},
        "No such village",
    ),
    "job_progress": ({"job": job()}, 'hx-trigger="every 2s"'),
    "facts": ({"facts": [("Code", "500230"), ("Phone", "")]}, "<dd>—</dd>"),
    "figure": ({"label": "In time", "numerator": 70, "denominator": 80}, "87.5 %"),
    "tabs": ({"tabs": [("Detail", "/a/", True)], "label_of_tabs": "Station"}, 'aria-current="page"'),
}


def test_every_partial_has_a_sample_here() -> None:
    assert {path.stem for path in (ROOT / "templates" / "partials").glob("*.html")} == set(PARTIALS)


@pytest.mark.parametrize("name", PARTIALS)
def test_partial_renders(name: str) -> None:
    context, expected = PARTIALS[name]
    request = RequestFactory().get("/stations/", {"q": "hub", "page": "2"})
    template = engines["django"].get_template(f"partials/{name}.html").template
    html = template.render(Context({**context, "request": request}))
    assert expected in html


def test_an_ended_job_asks_no_more() -> None:
    html = render_to_string("partials/job_progress.html", {"job": job(state="failed")})
    assert "hx-get" not in html
    assert "/retry/" in html


def test_a_field_says_its_error_beside_it_and_keeps_what_was_typed() -> None:
    html = (
        engines["django"]
        .from_string("{% field form.name %}{% field form.kind %}")
        .render({"form": Sample({"name": ""})})
    )
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_error"' in html
    typed = engines["django"].from_string("{% field form.name %}").render({"form": Sample({"name": "<b>Da Ji"})})
    assert 'value="&lt;b&gt;Da Ji"' in typed


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (70, 80, '<span class="share"><span>87.5 %</span><small>70/80</small></span>'),
        (7, 8, '<span class="share few"><span>87.5 %</span><small>7/8 · <em>样本不足</em></small></span>'),
        (0, 0, '<span class="share"><span>—</span><small>0/0</small></span>'),
        (0, 40, '<span class="share"><span>0.0 %</span><small>0/40</small></span>'),
        (None, None, '<span class="share"><span>—</span><small>0/0</small></span>'),
    ],
)
def test_a_percentage_comes_with_its_counts(numerator: int | None, denominator: int | None, expected: str) -> None:
    with translation.override("zh-hans"):
        assert ui.ratio(numerator, denominator) == expected


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=5), "刚刚"),
        (timedelta(minutes=3, seconds=1), "3 分钟前"),
        (timedelta(hours=2, seconds=1), "2 小时前"),
        (timedelta(days=6, seconds=1), "6 天前"),
    ],
)
def test_a_time_says_how_long_ago_and_exactly_when(passed: timedelta, words: str) -> None:
    at = timezone.now() - passed
    with translation.override("zh-hans"):
        html = ui.ago(at)
    assert f">{words}</time>" in html
    assert f'title="{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"' in html


def test_a_clock_that_runs_ahead_shows_the_exact_time() -> None:
    at = timezone.now() + timedelta(hours=3)
    assert f">{timezone.localtime(at):%Y-%m-%d %H:%M:%S}</time>" in ui.ago(at)


def test_money_and_masks() -> None:
    assert ui.yuan(Decimal("1234.505")) == "¥1,234.51"
    assert ui.yuan(Decimal("-0.3"), 4) == "-¥0.3000"
    assert ui.yuan(None) == ui.yuan("x") == "—"
    assert ui.masked_name("张三丰") == "张*丰"
    assert ui.masked_phone("13812341907") == "138****1907"
    assert ui.masked_phone("") == "—"


def test_a_badge_is_a_word_and_never_markup() -> None:
    assert ui.badge("<Lost>", "lost") == '<span class="state state-bad">&lt;Lost&gt;</span>'
    assert 'state-off"' in ui.badge("?", "no such state")


def test_a_qr_code_is_part_of_the_page() -> None:
    assert 'src="data:image/svg+xml' in ui.qr("token-123")


ERRORS = {400: "无法读取", 403: "没有权限", 404: "没有找到", 413: "文件太大", 429: "操作太频繁", 500: "系统出错"}


@pytest.mark.parametrize("status", ERRORS)
def test_an_error_page_needs_no_database_and_shows_the_request_id(status: int) -> None:
    """No database mark: any query would fail this test."""
    request = RequestFactory().get("/stations/")
    request.request_id = "4f1c2a9b77"
    with translation.override("zh-hans"):
        response = problems.response(request, status, "code", "说明一句")
    html = response.content.decode()
    assert response.status_code == status
    assert "4f1c2a9b77" in html
    assert ERRORS[status] in html
    assert "说明一句" in html
    with translation.override("en"):
        assert 'lang="en"' in problems.response(request, status, "code", "A sentence").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "lang", "word"), [("zh-hans", "zh-Hans", "登录"), ("en", "en", "Sign in")])
def test_the_sign_in_page_speaks_both_languages(client, language: str, lang: str, word: str) -> None:
    response = client.get("/accounts/sign-in/", headers={"accept-language": language})
    html = response.content.decode()
    assert response.status_code == 200
    assert f'<html lang="{lang}">' in html
    assert f">{word}</button>" in html
    assert 'name="language"' in html
    assert "script-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_wrong_password_is_answered_neutrally(client) -> None:
    response = client.post("/accounts/sign-in/", {"username": "nobody", "password": "<script>"})
    html = response.content.decode()
    assert "用户名或密码不对" in html
    assert "&lt;script&gt;" not in html, "a password is never sent back"
    assert 'role="alert"' in html


def test_demo_logins_are_shown_only_where_the_view_gives_them() -> None:
    form = SimpleNamespace(username=SimpleNamespace(value="", errors=[]), password=SimpleNamespace(errors=[]))
    request = RequestFactory().get("/accounts/sign-in/")
    login = {"name": "County", "username": "county", "password": "demo-county-2026"}
    page = engines["django"].get_template("accounts/sign_in.html").template

    def html(**extra: object) -> str:
        return page.render(Context({"form": form, "request": request, **extra}))

    assert "demo-county-2026" in html(demo_logins=[login])
    assert "demo-logins" not in html()


def test_the_frame_of_a_person_who_signed_in(sign_in, settings) -> None:
    settings.DEMO = True
    html = sign_in("officer").get("/jobs/", headers={"accept-language": "zh-hans"}).content.decode()
    for needed in (
        'href="#content"',
        '<main id="content" tabindex="-1">',
        'aria-label="主导航"',
        "演示数据：包裹和人员均为虚构",
        'action="/accounts/sign-out/"',
        'action="/accounts/language/"',
        'value="/jobs/"',
        "丰都县",
        "还没有任务",
    ):
        assert needed in html
    assert html.count("<h1>") == 1


def test_the_language_switch_comes_back_to_the_same_page(sign_in) -> None:
    client = sign_in("officer")
    answer = client.post("/accounts/language/", {"language": "en", "next": "/jobs/?page=2"})
    assert answer["Location"] == "/jobs/?page=2"
    assert "No task yet." in client.get("/jobs/").content.decode()


def test_a_job_shows_its_refused_rows_and_the_fragment_is_part_of_the_page(sign_in, county) -> None:
    row = Job.objects.create(
        kind="x", title="导入站点", state="failed", done=3, total=5, problem_count=1, user=county.people["officer"],
        created_at=timezone.now(),
    )  # fmt: skip
    row.problems.create(row=4, column="code", code="unknown", detail="没有这个编码", value="<b>")
    client = sign_in("officer")
    page = client.get(f"/jobs/{row.pk}/").content.decode()
    fragment = client.get(f"/jobs/{row.pk}/", headers={"hx-request": "true"}).content.decode()
    for html in (page, fragment):
        assert "没有这个编码" in html
        assert "&lt;b&gt;" in html
    assert "<html" in page
    assert "<html" not in fragment
    assert client.get("/jobs/").content.decode().count("导入站点") == 1
    assert sign_in("clerk").get(f"/jobs/{row.pk}/").status_code == 404


def test_a_new_password_that_differs_is_refused_beside_the_field(sign_in) -> None:
    answer = sign_in("officer").post(
        "/accounts/password/", {"current": "x", "new": "a long enough one", "again": "another one, longer"}
    )
    assert answer.status_code == 422
    assert 'id="id_again_error"' in answer.content.decode()
