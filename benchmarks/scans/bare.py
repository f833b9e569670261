"""The bare limit: what this PostgreSQL takes when nothing but the rows is written.

One connection: COPY text of 5,000 rows a transaction into the same table and indexes, then one UPDATE … FROM by index
of the latest scan per parcel. No HTTP, no checks, no second look: a last scan wins, whatever its clock.
"""

import io
import threading
import time
from datetime import UTC, datetime

import psycopg2
from django.db import connection

from benchmarks.scans import data

ROWS = 5_000
COLUMNS = (
    "county_code, event_id, upload_id, type, rank, carrier, waybill_no, station_id, station_level, device_id, actor_id,"
    " seq, occurred_at, received_at, effective_at, method, lng, lat, accuracy_m, content_hash"
)
UPDATE = """
UPDATE orders_parcel p
SET s_k = e.k, s_state = 'in_transit', s_station_id = e.station_id, station_id = e.station_id, l_k = e.k,
    last_scan_at = e.effective_at, folded_in = pg_current_xact_id()
FROM (
    SELECT DISTINCT ON (carrier, waybill_no) carrier, waybill_no, k, station_id, effective_at
    FROM tracking_scanevent WHERE county_code = %(county)s AND upload_id = %(upload)s
    ORDER BY carrier, waybill_no, k DESC
) AS e
WHERE p.county_code = %(county)s AND p.carrier = e.carrier AND p.waybill_no = e.waybill_no AND p.leg_no = 1
"""
PIN = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off"


def _connect() -> "psycopg2.extensions.connection":
    connection.ensure_connection()
    made = psycopg2.connect(connection.connection.dsn)
    with made.cursor() as cursor:
        cursor.execute(PIN)
    made.commit()
    return made


def _chunks(events: int) -> list[tuple[int, str]]:
    """(upload number, COPY text) for each transaction."""
    station = data.station_ids()
    now = datetime.now(UTC).isoformat()
    rows = [event for upload in data.uploads(events) for event in upload.events]
    chunks = []
    for low in range(0, len(rows), ROWS):
        number = -int(time.time_ns())
        text = io.StringIO()
        for e in rows[low : low + ROWS]:
            place, level = station(str(e["station"]))
            at = e["occurred_at"]
            text.write(
                f"{data.COUNTY}\t{e['event_id']}\t{number}\t{e['type']}\t{data.rank(e['type'])}\t{e['carrier']}\t"
                f"{e['waybill_no']}\t{place}\t{level}\t1\t1\t{e['seq']}\t{at}\t{now}\t{at}\tscan\t{e['lng']}\t{e['lat']}\t"
                f"{e['accuracy_m']}\t\\\\x{'0' * 64}\n"
            )
        chunks.append((number, text.getvalue()))
    return chunks


def _write(session: "psycopg2.extensions.connection", chunks: list[tuple[int, str]]) -> None:
    for number, text in chunks:
        with session, session.cursor() as cursor:
            cursor.copy_expert(f"COPY tracking_scanevent ({COLUMNS}) FROM STDIN", io.StringIO(text))
            cursor.execute(UPDATE, {"county": data.COUNTY, "upload": number})


def run(events: int, *, connections: int) -> float:
    """Events a second."""
    parts = [_chunks(events // connections) for _ in range(connections)]
    sessions = [_connect() for _ in parts]
    threads = [threading.Thread(target=_write, args=pair) for pair in zip(sessions, parts, strict=True)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    for session in sessions:
        session.close()
    return events / took


def print_plan() -> None:
    session = _connect()
    number, text = _chunks(ROWS)[0]
    with session, session.cursor() as cursor:
        cursor.copy_expert(f"COPY tracking_scanevent ({COLUMNS}) FROM STDIN", io.StringIO(text))
        cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + UPDATE, {"county": data.COUNTY, "upload": number})
        lines = [row[0] for row in cursor.fetchall()]
    session.close()
    # Twenty-six partitions, all but one empty: what did nothing is left out.
    told = ("Update", "Nested Loop", "Index Scan using parcel", "Index Cond: (((county_code)", "Execution Time")
    print("the bare limit's update:\n  " + "\n  ".join(line.strip() for line in lines if any(t in line for t in told)))
