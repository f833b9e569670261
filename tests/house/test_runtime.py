"""The two commands' pure parts: names, sentences, the process table."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config import bootstrap, embedded, prepare, run, servers

ROOT = Path(__file__).resolve().parents[2]


def test_the_addresses_are_the_same_in_every_process_of_a_checkout() -> None:
    code = "from config import embedded; print(*embedded.urls('dev'))"
    again = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tuple(again.stdout.split()) == embedded.urls("dev")


def test_two_checkouts_two_profiles_and_two_users_never_share_a_server() -> None:
    addresses = {
        embedded.urls(profile, root=Path(root), uid=uid)
        for profile in embedded.PROFILES
        for root in ("/srv/li/rural", "/srv/wang/rural")
        for uid in (0, 1000)
    }
    assert len(addresses) == 4 * len(embedded.PROFILES)


def test_an_ordinary_users_data_stays_in_the_checkout_and_roots_outside_it() -> None:
    assert embedded.home(root=Path("/srv/li/rural"), uid=1000) == Path("/srv/li/rural/.local/dev")
    assert embedded.home(root=Path("/opt/rural"), uid=0).parent.parent == embedded.SYSTEM_HOME


@pytest.mark.parametrize("uid", [0, 1000])
def test_a_socket_path_is_never_too_long(uid: int) -> None:
    deep = Path("/srv/li") / ("乡村物流平台" * 10)
    folder = embedded.socket_dir("test", root=deep, uid=uid)
    for name in (f".s.PGSQL.{embedded.PORT}", "redis.sock"):
        assert len(os.fsencode(folder / name)) <= embedded.SOCKET_PATH_BYTES


def test_an_odd_path_is_no_address() -> None:
    folder = embedded.socket_dir(root=Path("/srv/li/rural, it's"), uid=1000)
    assert folder.parent == Path("/tmp")


def test_importing_the_names_is_cheap() -> None:
    """Settings read them in every process: no Django, no driver may come along."""
    code = "import runpy, sys; runpy.run_path('config/embedded.py'); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"django", "psycopg2", "redis", "celery"} & set(shown.stdout.split())


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(run.RunError, match=rf"^Port {port} is taken by another program: .*PORT="):
            run.check_port("127.0.0.1", port)
    run.check_port("127.0.0.1", port)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "http", "８０００", "80 00"])
def test_no_port_is_one_sentence(text: str) -> None:
    with pytest.raises(run.RunError, match="is no port"):
        run.parse_port(text)


def test_a_foreign_address_is_one_sentence() -> None:
    with pytest.raises(run.RunError, match=r"^HOST=192\.0\.2\.1 is no address of this machine"):
        run.check_port("192.0.2.1", 8123)


def test_a_second_run_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOCAL", tmp_path)
    assert not run.is_running("house")
    with run.only_one("house", "make house"):
        assert run.is_running("house")
        with (
            pytest.raises(run.RunError, match=rf"`make house` .* runs already \(process {os.getpid()}\)"),
            run.only_one("house", "make house"),
        ):
            pass
    assert not run.is_running("house")


def test_a_newer_schema_is_one_sentence_and_an_older_one_is_none() -> None:
    known = {("orders", "0001_initial"), ("orders", "0002_more")}
    assert prepare.newer_schema({("orders", "0001_initial")}, known, {"orders"}) == ""
    assert prepare.newer_schema(known, known, {"orders"}) == ""
    # An app that was removed leaves rows behind: that is no newer schema.
    assert prepare.newer_schema(known | {("gone", "0001_initial")}, known, {"orders"}) == ""
    sentence = prepare.newer_schema(known | {("orders", "0003_later")}, known, {"orders"})
    assert "newer version" in sentence
    assert "orders.0003_later" in sentence


def test_the_demo_county_never_comes_beside_a_real_one_unasked() -> None:
    assert prepare.wants_demo("", demo_people=False, real_people=False)
    assert prepare.wants_demo("", demo_people=True, real_people=True)
    assert not prepare.wants_demo("", demo_people=False, real_people=True)
    assert prepare.wants_demo("1", demo_people=False, real_people=True)
    assert not prepare.wants_demo("0", demo_people=True, real_people=False)


def test_data_of_another_postgresql_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("17\n")
    with pytest.raises(servers.ServerError, match=r"PostgreSQL 17 and this is PostgreSQL 18: .*make restore"):
        servers._check_version(tmp_path)


def test_an_old_python_and_a_missing_venv_are_one_sentence() -> None:
    assert bootstrap.too_old((3, 11, 2)) == ""
    assert "3.11" in bootstrap.too_old((3, 9, 2))
    assert bootstrap.missing_venv(["venv", "ensurepip"]) == ""
    assert "apt-get install python3-venv" in bootstrap.missing_venv(["venv"])


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "ROOT", tmp_path)
    first = embedded.secret("house-key")
    assert len(first) >= 48
    assert embedded.secret("house-key") == first
    path = tmp_path / ".local" / "secrets" / "house-key"
    assert path.stat().st_mode & 0o077 == 0
    assert [p.name for p in path.parent.iterdir()] == ["house-key"]


def test_every_process_says_its_role() -> None:
    table = run.process_table()
    assert list(table) == ["web", "worker", "beat"]
    assert "PROCESS_ROLE" not in table["web"]  # what settings take without it
    for name in ("worker", "beat"):
        assert f"PROCESS_ROLE={name} " in table[name]


def test_every_target_prints_one_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = makefile.split(".PHONY:")[1].split("\n")[0].split()
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == phony


def test_the_lock_file_names_no_registry() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') >= 2
