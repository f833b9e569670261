"""The fault run's own parts: who judges others is tested first. The run itself is `make bench NAME=faults`."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)

from benchmarks.faults import checker, plan, processes, proxy, sabotage
from benchmarks.faults.handheld import Handheld, Journal, Pace
from common import sql
from common.crash import POINTS
from common.errors import database_is_away
from config import embedded
from tests.conftest import NOW, make_device
from tests.tracking.scans import fold, record, scan

HUB = plan.Station("H", "HUB", (0, 1))
CENTRE = plan.Station("C", "CENTRE", (2,))
WORLD = plan.World(HUB, ((plan.Station("O1", "OUTLET", (3,)), CENTRE), (plan.Station("O2", "OUTLET", (4,)), CENTRE)), 5)


def told(seed: int = 1, base: datetime = NOW) -> plan.Plan:
    return plan.tell(seed=seed, round_no=0, world=WORLD, base=base, events=400, first_n=[1] * 5)


# --- plan ---------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_faults_and_every_crash_point_once():
    faults = plan.schedule(7, POINTS, 30, 1.0)
    assert faults == plan.schedule(7, POINTS, 30, 1.0)
    assert faults != plan.schedule(8, POINTS, 30, 1.0)
    kinds = [fault.kind for fault in faults]
    assert all(kinds.count(f"crash:{point}") == 1 for point in POINTS)
    assert set(plan.KILLS) <= set(kinds)
    assert len(plan.schedule(7, POINTS, 6, 1.0)) == 6


def test_a_seed_tells_the_same_stories_at_any_time():
    first, again, other = told(), told(base=NOW + timedelta(days=3)), told(seed=2)

    def shape(plan_: plan.Plan) -> list[list[tuple]]:
        return [
            [(p.n, p.event["type"], p.event.get("waybill_no"), p.event.get("seq")) for p in q] for q in plan_.queues
        ]

    assert shape(first) == shape(again) != shape(other)
    kinds = {planned.event["type"] for queue in first.queues for planned in queue}
    assert kinds >= {"HUB_IN", "BAGGED", "LOADED", "HANDOVER", "OUTLET_IN", "SIGNED_PICKUP", "CORRECTION"}
    ids = [planned.event["event_id"] for queue in first.queues for planned in queue]
    assert len(ids) > len(set(ids))  # some are handed to a second handheld


# --- crash points ----------------------------------------------------------------------------------------


def passing(point: str, folder: Path) -> int:
    code = (
        "from django.conf import settings; settings.configure(CRASH_DIR=__import__('sys').argv[1])\n"
        "from common.crash import crash_point; crash_point(__import__('sys').argv[2]); print('alive')"
    )
    return subprocess.run([sys.executable, "-c", code, str(folder), point], cwd=embedded.ROOT).returncode


def test_an_armed_point_kills_once_and_leaves_its_witness(tmp_path):
    (tmp_path / "ack.noted").touch()
    assert passing("ack.inserted", tmp_path) == 0
    assert passing("ack.noted", tmp_path) == -9
    assert [path.name.rpartition(".")[0] for path in tmp_path.iterdir()] == ["ack.noted"]
    assert passing("ack.noted", tmp_path) == 0


def test_every_point_stands_in_the_product():
    sources = "".join(path.read_text() for path in (embedded.ROOT / "tracking").rglob("*.py"))
    assert [point for point in POINTS if f'crash_point("{point}")' not in sources] == []


# --- proxy and handheld -------------------------------------------------------------------------------------


class Web:
    """A web that takes every scan, after `hold` is set, with the status it is told."""

    def __init__(self) -> None:
        self.hold, self.status = threading.Event(), 200
        self.hold.set()
        self.bodies: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            with client:
                message = proxy.read_message(client)
                if message is None:
                    continue
                body = message.partition(b"\r\n\r\n")[2]
                self.bodies.append(body)
                self.hold.wait(10)
                try:
                    batch = json.loads(body)
                except ValueError:
                    batch = {"batch_id": None, "events": []}
                told = {"batch_id": batch["batch_id"], "accepted": len(batch["events"]), "exceptions": []}
                answer = json.dumps({**told, "highest_contiguous_seq": 0}).encode()
                client.sendall(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (self.status, len(answer), answer))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def web():
    made = Web()
    yield made
    made.close()


@pytest.fixture
def network(web):
    made = proxy.Proxy(web.address, seed=1)
    made.calm = True
    yield made
    made.close()


def ask(network: proxy.Proxy, body: bytes = b'{"batch_id": "b", "events": []}') -> bytes:
    with socket.create_connection(("127.0.0.1", network.port), timeout=10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        parts = []
        while part := client.recv(65_536):
            parts.append(part)
        return b"".join(parts)


def test_a_calm_network_hands_on_and_knows_what_is_unanswered(web, network):
    web.hold.clear()
    asker = threading.Thread(target=ask, args=(network,))
    asker.start()
    assert processes.wait_until(lambda: network.unanswered == 1, 10)
    web.hold.set()
    asker.join(10)
    assert (network.unanswered, dict(network.statuses), network.odd) == (0, {200: 1}, [])


def test_an_answer_that_must_not_be_is_noted(web, network):
    web.status = 500
    assert ask(network).startswith(b"HTTP/1.1 500")
    assert len(network.odd) == 1
    web.status = 503
    ask(network)
    assert len(network.odd) == 1


def test_a_web_that_is_away_ends_the_connection(web, network):
    web.close()
    assert processes.wait_until(lambda: ask(network) == b"", 10)


@pytest.mark.parametrize("trick", ["drop", "half", "deaf", "cut", "twice", "late", "slow"])
def test_each_trick(web, network, trick, monkeypatch):
    monkeypatch.setattr(network, "_trick", lambda: (trick, 0.5))
    answer = ask(network)
    whole = (found := proxy.read_answer(answer)) is not None and found.whole
    assert whole == (trick in ("twice", "late", "slow"))
    arrived = {"drop": 0, "half": 0, "twice": 2}.get(trick, 1)
    assert processes.wait_until(lambda: len(web.bodies) == arrived, 10)


def test_a_handheld_writes_first_and_forgets_nothing(web, network, tmp_path):
    network.calm = False
    path = tmp_path / "journal"
    journal = Journal(path)
    queue = told(base=datetime.now(UTC)).queues[3][:20]
    handheld = Handheld(
        number=3, token="t", port=network.port, journal=journal, pace=Pace(lambda: 1.0, pause_s=0.01), seed="1",
        queue=queue, reserve=[],
    )  # fmt: skip
    handheld.start()
    time.sleep(0.5)
    network.calm = True
    handheld.join(60)
    journal.close()
    assert handheld.done
    story = checker.read_journal(path, 9)
    numbers = {planned.n for planned in queue}
    assert story.made.keys() == story.sent == story.accepted == numbers
    assert len(web.bodies) >= len(story.clock) - network.tricks["drop"] - network.tricks["half"]


# --- checker ----------------------------------------------------------------------------------------------


@pytest.fixture
def stream(county, tmp_path):
    """A handheld whose journal and whose tables agree: (device, its journal)."""
    device = make_device(county.h1, county.people["hub"])
    first = scan("HUB_IN", "FD-H1", NOW - timedelta(hours=3), seq=1)
    events = [
        first,
        scan("BAGGED", "FD-H1", NOW - timedelta(hours=2), seq=2, bag="B-100001"),
        scan("LOADED", "FD-H1", NOW - timedelta(hours=1), seq=3, bag="B-100001", waybill_no=None, carrier=None),
        scan("CORRECTION", None, NOW, seq=5, corrects=first["event_id"], waybill_no=None, carrier=None),
        scan("TELEPORTED", "FD-H1", NOW, seq=4),
    ]
    batch_id = "0b4e7f3c-6f0e-4b53-8b1e-1c62f0f9a0aa"
    receipt = record(device, *events, batch_id=checker.UUID(batch_id))
    fold()
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.write(*({"made": n, "event": event} for n, event in enumerate(events, 1)))
    head = json.dumps({"batch_id": batch_id})
    journal.write({"sent": batch_id, "now": NOW.isoformat(), "ns": [1, 2, 3, 4, 5], "head": head.encode().hex()})
    said = {
        "said": batch_id,
        "accepted": [1, 2, 3, 4],
        "refused": [[5, "invalid", "unknown_type"]],
        "new": 4,
        "named": 1,
    }
    journal.write({**said, "high": receipt.highest_contiguous_seq})
    journal.close()
    return device, path


def violations(stream, logs: tuple[Path, ...] = ()) -> list[str]:
    device, path = stream
    connection.ensure_connection()
    tables = checker.Tables(connection.connection)
    found = checker.check(journals={device.pk: path}, tables=tables, logs=logs, points_wanted=(), odd_answers=())
    return found.sentences


def change(statement: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


@pytest.mark.django_db
def test_the_checker_finds_nothing_where_all_is_well(stream):
    assert violations(stream) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DELETE FROM tracking_scanevent WHERE seq = 2", "was acknowledged and is not stored"),
        ("UPDATE orders_parcel SET s_state = 'lost'", "differs from the reference fold: s_state is lost"),
        ("UPDATE orders_parcel SET damaged = true", "damaged is True, not False"),
        ("UPDATE tracking_upload SET folded_at = NULL", "is free and nobody takes it"),
        ("UPDATE tracking_devicefeed SET received = '{[1,4)}'", "its list lacks: [4, 5]"),
        ("UPDATE tracking_devicefeed SET received = '{[1,9)}'", "its list holds: [6, 7, 8]"),
        ("DELETE FROM tracking_setaside", "was refused (unknown_type) and is not set aside"),
        ("UPDATE tracking_setaside SET raw = '{}'", "never sent"),
        ("UPDATE tracking_scanevent SET seq = 77 WHERE seq = 3", "stored with other content than was sent: seq"),
        (
            "UPDATE tracking_scanevent SET effective_at = effective_at - interval '1 s' WHERE seq = 5",
            "counts at",
        ),
        ("UPDATE tracking_scanevent SET upload_id = 0 WHERE seq = 1", "which has no row"),
        (
            "UPDATE tracking_scanevent SET event_id = gen_random_uuid() WHERE seq = 3",
            "is stored and was never sent",
        ),
        ("DELETE FROM orders_parcel", "stored events and no row"),
    ],
)
def test_the_checker_finds(stream, statement, sentence):
    change(statement)
    assert sentence in "\n".join(violations(stream))


@pytest.mark.django_db
def test_the_checker_finds_a_scan_stored_twice(stream):
    name = next(iter(checker.Tables(connection.connection or connection.connect()).rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'tracking_scanevent'::regclass AND contype = 'p'"
    )))["conname"]  # fmt: skip
    change(f'ALTER TABLE tracking_scanevent DROP CONSTRAINT "{name}"')
    columns = (
        "county_code, event_id, upload_id, type, rank, occurred_at, received_at, effective_at, method, content_hash"
    )
    change(f"INSERT INTO tracking_scanevent ({columns}) SELECT {columns} FROM tracking_scanevent WHERE seq = 1")
    assert "is stored 2 times" in "\n".join(violations(stream))


@pytest.mark.django_db
def test_the_checker_reads_the_logs(stream, tmp_path):
    log = tmp_path / "postgres.log"
    log.write_text("2026-11-22 12:00:00 UTC [7] 40P01 ERROR:  deadlock detected\n")
    assert violations(stream, (log,)) == [f"Deadlock (40P01), 1 lines in postgres.log: {log.read_text().strip()}"]


# --- sabotage, processes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sabotage.TEXTS)
def test_a_sabotage_still_finds_what_it_breaks(name):
    assert sabotage.check_sharp(name)


@pytest.mark.django_db
def test_sabotaged_statements_are_still_sql():
    """A statement that only fails would turn the run red for the wrong reason."""
    for name, text_change in sabotage.TEXTS.items():
        for file in sabotage.check_sharp(name):
            text = text_change(sql.statement("tracking", file.removesuffix(".sql")))
            assert ("random()" in text) == (name == "unsorted-batches")
            assert text.count("(") == text.count(")")


def test_the_processes_see_the_faults_servers_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody/else")
    monkeypatch.setenv("SECRET_KEY", "of the caller")
    env = processes.environment(8000, tmp_path / "crash", tmp_path, None)
    assert "faults" in env["DATABASE_URL"]
    assert "faults" in env["REDIS_URL"]
    assert "SECRET_KEY" not in env


def test_the_supervisor_starts_again_what_died_and_leaves_nothing(tmp_path):
    service = processes.Service("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ))
    supervisor = processes.Supervisor([service], tmp_path)
    supervisor.start()
    assert processes.wait_until(lambda: supervisor.pid("sleeper") is not None, 10)
    first = supervisor.pid("sleeper")
    assert first is not None
    os.kill(first, 9)
    assert processes.wait_until(lambda: supervisor.pid("sleeper") not in (None, first), 10)
    second = supervisor.pid("sleeper")
    supervisor.stop()
    assert second is not None
    assert not processes.alive(second)
    assert service.starts == 2


def test_a_connection_that_dies_is_no_fault_of_the_statement():
    """Found by the fault run: a backend killed under a statement is psycopg2's bare DatabaseError, and was a 500."""
    assert all(database_is_away(error()) for error in (DatabaseError, OperationalError, InterfaceError))
    assert not any(database_is_away(error()) for error in (IntegrityError, DataError, ProgrammingError, ValueError))
