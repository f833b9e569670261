"""A simulated handheld: journal first, then send, and forget nothing before the answer names it.

The journal is a file of JSON lines, each on the disk before the next step: `made` (a scan), `sent` (which scans went
into an upload, by what clock, how its body began), `said` (what the answer named). The checker reads nothing else.
"""

import contextlib
import gzip
import http.client
import json
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.faults.plan import SHANGHAI, Planned, skew_of

PATH = "/api/v1/scan-batches/"
TIMEOUT_S = 8.0
HEAD_BYTES = 64
FIRST_WAIT_S, LONGEST_WAIT_S = 0.3, 5.0


@dataclass
class Pace:
    """What all handhelds share: how far the round is (0 to 1), how eager they are, whether to send the reserve."""

    progress: Callable[[], float]
    pause_s: float = 1.2
    largest: int = 60
    again: float = 0.15  # share of an upload that was answered before
    stopped: bool = False
    poison_wanted: int = 0


class Journal:
    """Lines that are on the disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")

    def write(self, *lines: dict[str, Any]) -> None:
        self._file.write(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class Handheld(threading.Thread):
    """Runs until all its scans are answered or the pace is stopped."""

    def __init__(
        self, *, number: int, token: str, port: int, journal: Journal, pace: Pace, seed: str,
        queue: list[Planned], reserve: list[Planned],
    ) -> None:  # fmt: skip
        super().__init__(name=f"handheld {number}", daemon=True)
        self.number, self.token, self.port, self.journal, self.pace = number, token, port, journal, pace
        self.queue, self.reserve = list(reversed(queue)), list(reversed(reserve))
        self.made: dict[int, Planned] = {}
        self.pending: set[int] = set()
        self.answered: list[int] = []
        self.accepted = 0
        self.rng = random.Random(seed)
        self.failures = 0
        self.crash: BaseException | None = None

    @property
    def done(self) -> bool:
        return not self.queue and not self.pending

    def run(self) -> None:
        try:
            while not self.done and not self.pace.stopped:
                self._make()
                ready = self._ready()
                wait_s = self._send(ready) if ready else 0.2
                self._sleep(wait_s)
        except BaseException as error:  # the run must know
            self.crash = error
            raise

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.pace.stopped and (left := end - time.monotonic()) > 0:
            time.sleep(min(0.2, left))

    def _make(self) -> None:
        """Scan what is due by now, into the journal."""
        due = []
        progress = self.pace.progress()
        while self.queue and self.queue[-1].at <= progress:
            due.append(self.queue.pop())
        if self.reserve and self.pace.poison_wanted > 0:
            self.pace.poison_wanted -= 1
            due += [self.reserve.pop() for _ in range(min(2, len(self.reserve)))]
        if due:
            self.journal.write(*({"made": planned.n, "event": planned.event} for planned in due))
            for planned in due:
                self.made[planned.n] = planned
                self.pending.add(planned.n)

    def _ready(self) -> list[int]:
        waiting = []
        for n in self.pending:
            before = self.made[n].after
            if before is None or (before.n in self.made and before.n not in self.pending):
                waiting.append(n)
        return sorted(waiting)

    def _send(self, ready: list[int]) -> float:
        """Cut a batch anew, send it, note what the answer named; the seconds to wait before the next."""
        rng = self.rng
        numbers = rng.sample(ready, rng.randint(max(1, min(len(ready), self.pace.largest) // 2),
                                                min(len(ready), self.pace.largest)))  # fmt: skip
        if self.answered and rng.random() < 0.5:
            numbers += rng.sample(self.answered, min(len(self.answered), round(len(numbers) * self.pace.again) or 1))
        rng.shuffle(numbers)
        batch_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        ahead = timedelta(seconds=skew_of(self.number, self.pace.progress()))
        now = (datetime.now(UTC) + ahead).astimezone(SHANGHAI).isoformat(timespec="milliseconds")
        body = json.dumps(
            {"batch_id": batch_id, "device_now": now, "events": [self.made[n].event for n in numbers]}
        ).encode()
        packed = rng.random() < 0.3
        wire = gzip.compress(body, 1) if packed else body
        self.journal.write({"sent": batch_id, "now": now, "ns": numbers, "head": wire[:HEAD_BYTES].hex()})
        status, answer, retry_after = self._post(wire, packed)
        if status == 200 and answer is not None and answer.get("batch_id") == batch_id:
            self.failures = 0
            self._take(batch_id, numbers, answer)
            return rng.uniform(0.2, 1.8) * self.pace.pause_s
        self.failures += 1
        backoff = rng.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self.failures))  # full jitter
        return retry_after + backoff if retry_after is not None else backoff

    def _post(self, wire: bytes, packed: bool) -> tuple[int, dict[str, Any] | None, float | None]:
        """(status or 0, the answer where it is whole, Retry-After in seconds)."""
        headers = {
            "Authorization": f"Device {self.token}",
            "Content-Type": "application/json",
            "Connection": "close",
            **({"Content-Encoding": "gzip"} if packed else {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", PATH, wire, headers)
            answer = connection.getresponse()
            told = answer.headers.get("Retry-After", "")
            retry_after = float(told) if told.isdigit() else None
            body = answer.read()
            with contextlib.suppress(ValueError):
                return answer.status, json.loads(body), retry_after
            return answer.status, None, retry_after
        except (OSError, http.client.HTTPException):
            return 0, None, None
        finally:
            connection.close()

    def _take(self, batch_id: str, numbers: list[int], answer: dict[str, Any]) -> None:
        named = {one["index"]: one for one in answer["exceptions"]}
        accepted, refused = [], []
        for index, n in enumerate(numbers):
            one = named.get(index)
            if one is None or one["status"] == "duplicate":
                accepted.append(n)
            else:
                refused.append([n, one["status"], one["code"]])
        self.journal.write(
            {
                "said": batch_id,
                "accepted": accepted,
                "refused": refused,
                "new": answer["accepted"],
                "named": len(named),
                "high": answer["highest_contiguous_seq"],
            }
        )
        for n in numbers:
            if n in self.pending:
                self.pending.discard(n)
                self.answered.append(n)
        self.accepted += len(accepted)
