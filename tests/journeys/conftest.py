"""Real Chromium, a real web server, a real Celery worker with beat: for the stories that go through all of them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """One browser for all journeys; skips with the reason where Chromium isn't installed."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed (Debian's package `chromium`)")
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in this thread beside the ORM's calls
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture(autouse=True)
def plain_static(settings) -> None:
    """The live server finds static files by their plain names."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def open_page(chromium, live_server) -> Iterator[Callable[..., object]]:
    """`open_page(width=360)` → a page of its own context at the live server; fails on errors in its console."""
    contexts, complaints = [], []

    def make(width: int = 1280, height: int = 800) -> object:
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, locale="zh-CN"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: line.type == "error" and complaints.append(line.text))
        page.on(
            "request",
            lambda request: request.url.startswith(("data:", live_server.url)) or complaints.append(request.url),
        )
        return page

    yield make
    for context in contexts:
        context.close()
    unwanted = [line for line in complaints if "404 (Not Found)" not in line]  # an error page is a page, too
    assert unwanted == []


def sign_in_page(page, username: str, password: str) -> None:
    """Through the form, as a person does."""
    page.goto("/accounts/sign-in/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)


@pytest.fixture
def worker(transactional_db, tmp_path, settings) -> Iterator[subprocess.Popen]:
    """A Celery worker with beat on the test's own database and files."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    parts = urlsplit(settings.DATABASE_URL)
    database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    log = (tmp_path / "worker.log").open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "-A", "config.celery", "worker", "--pool", "solo", "-B"),
            *("--schedule", str(tmp_path / "beat"), "--loglevel", "WARNING"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": database,
            "REDIS_URL": settings.REDIS_URL,
            "MEDIA_ROOT": settings.MEDIA_ROOT,
            "PROCESS_ROLE": "worker",
        },
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    yield process
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.close()


def until(found: Callable[[], object], what: str, timeout_s: float = 60) -> object:
    """Wait for a worker's effect; the bound is for a hung test, not a promise of speed."""
    end = time.monotonic() + timeout_s
    while not (value := found()):
        assert time.monotonic() < end, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.3)
    return value
