"""The network between handhelds and web: loses connections, delays, sends twice, cuts answers midway.

One thread a connection, one request a connection. It knows which uploads the web has in hand and has not answered
(`unanswered`): that is when a fault hurts most. It notes each status the web gave, whoever got to see it.
"""

import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

TRICKS = {  # share of the requests, in per cent
    "drop": 4,  # closed before anything is sent on
    "half": 2,  # half of the request is sent on, then silence
    "slow": 8,  # the request trickles
    "late": 6,  # the answer is held back
    "twice": 6,  # sent on two times at once
    "deaf": 5,  # the answer is lost
    "cut": 5,  # half of the answer is lost
}
PATIENCE_S = 15.0


@dataclass(frozen=True)
class Answer:
    status: int
    raw: bytes
    whole: bool


class Proxy:
    """Listens on a free port of 127.0.0.1 until `close`."""

    def __init__(self, upstream: tuple[str, int], seed: int) -> None:
        self.upstream = upstream
        self.calm = False  # from now on a good network
        self.statuses: Counter[int] = Counter()
        self.tricks: Counter[str] = Counter()
        self.odd: list[str] = []  # answers the web should never give
        self._rng = random.Random(f"proxy {seed}")
        self._lock = threading.Lock()
        self._open: dict[int, float] = {}  # upload → since when the web has it
        self._count = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def unanswered(self) -> int:
        """How many uploads the web has in hand right now."""
        return len(self._open)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE_S)
            request = read_message(client)
            if request is None:
                return
            trick, dice = self._trick()
            answer = self._play(trick, dice, request)
            if answer is None or trick == "deaf":
                return
            if trick == "late":
                time.sleep(dice * 1.5)
            client.sendall(answer.raw[: int(len(answer.raw) * dice)] if trick == "cut" else answer.raw)

    def _trick(self) -> tuple[str, float]:
        with self._lock:
            dice, trick = self._rng.uniform(0, 100), "pass"
            for name, share in TRICKS.items():
                if dice < share:
                    trick = name
                    break
                dice -= share
            trick = "pass" if self.calm else trick
            self.tricks[trick] += 1
            return trick, self._rng.random()

    def _play(self, trick: str, dice: float, request: bytes) -> Answer | None:
        if trick == "drop":
            return None
        if trick == "half":
            with contextlib.suppress(OSError), socket.create_connection(self.upstream, timeout=2) as web:
                web.sendall(request[: int(len(request) * dice)])
                time.sleep(0.05)
            return None
        if trick == "twice":
            threading.Thread(target=self._exchange, args=(request, 0.0), daemon=True).start()
        return self._exchange(request, dice if trick == "slow" else 0.0)

    def _exchange(self, request: bytes, pause_s: float) -> Answer | None:
        """Send one request on and read the answer; None where the web is away or dies over it."""
        try:
            with socket.create_connection(self.upstream, timeout=2) as web:
                web.settimeout(PATIENCE_S)
                if pause_s:
                    web.sendall(request[: len(request) // 2])
                    time.sleep(pause_s)
                    web.sendall(request[len(request) // 2 :])
                else:
                    web.sendall(request)
                with self._waiting():
                    raw = _read_all(web)
        except OSError:
            return None
        answer = read_answer(raw)
        if answer is None or not answer.whole:
            return None
        with self._lock:
            self.statuses[answer.status] += 1
            if answer.status not in (200, 429, 503) and len(self.odd) < 50:
                self.odd.append(f"{answer.status}: {raw[-300:].decode('utf-8', 'replace')}")
        return answer

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        with self._lock:
            self._count += 1
            number = self._count
            self._open[number] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._open[number]


def read_message(connection: socket.socket) -> bytes | None:
    """One HTTP message with a Content-Length; None where the other side left in the middle."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return None
        data += part
    head, _sep, _body = data.partition(b"\r\n\r\n")
    wanted = len(head) + 4 + _length(head)
    while len(data) < wanted:
        part = connection.recv(65_536)
        if not part:
            return None
        data += part
    return data


def read_answer(raw: bytes) -> Answer | None:
    """Status and wholeness of what the web sent before it closed; None for less than a head."""
    head, found, body = raw.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if not found or len(words) < 2 or not words[1].isdigit():
        return None
    return Answer(int(words[1]), raw, len(body) >= _length(head))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _sep, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)
