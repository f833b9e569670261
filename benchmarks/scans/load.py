"""The load generator, a process of its own: sends prepared requests over kept connections, says what came back."""

import asyncio
import http.client
import itertools
import json
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import Any

HEADERS = {"Content-Type": "application/json"}


def main(path: str) -> None:
    job = pickle.loads(Path(path).read_bytes())
    answer = asyncio.run(_singles(job)) if "singles" in job else _batches(job)
    print(json.dumps(answer))


def _batches(job: dict[str, Any]) -> dict[str, Any]:
    """`clients` connections, each taking the next upload; paced where `per_s` is given."""
    numbers = itertools.count()
    uploads, per_s = job["uploads"], job["per_s"]
    latencies: list[float] = []
    acked: list[tuple[str, float]] = []
    bad: list[str] = []
    refused: list[int] = []
    began = time.monotonic()

    def client() -> None:
        session = http.client.HTTPConnection("127.0.0.1", job["port"])
        while (n := next(numbers)) < len(uploads):
            token, body, batch_id = uploads[n]
            if per_s and (wait := began + n / per_s - time.monotonic()) > 0:
                time.sleep(wait)
            start = time.perf_counter()
            for _attempt in range(20):  # "try later" is an answer too: the plain way locks itself out at times
                session.request("POST", job["path"], body, {**HEADERS, "Authorization": f"Device {token}"})
                answer = session.getresponse()
                content = answer.read()
                if answer.status != 503:
                    break
                refused.append(n)
            latencies.append((time.perf_counter() - start) * 1000)
            acked.append((batch_id, time.monotonic()))
            if answer.status != 200:
                bad.append(f"{answer.status} {content[:300]!r}")
        session.close()

    threads = [threading.Thread(target=client) for _ in range(job["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "began": began,
        "seconds": time.monotonic() - began,
        "latencies_ms": latencies,
        "acked": acked,
        "try_later": len(refused),
        "bad": bad,
    }


async def _singles(job: dict[str, Any]) -> dict[str, Any]:
    requests = iter(
        [
            (
                f"POST {job['path']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Authorization: Device {token}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            + body
            for token, body in job["singles"]
        ]
    )
    bad: list[str] = []
    done = 0
    began = time.monotonic()
    until = began + job["seconds"]

    async def client() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", job["port"])
        while time.monotonic() < until and (request := next(requests, None)):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
            content = await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 200"):
                bad.append(f"{head[:40]!r} {content[:300]!r}")
            done += 1
            if b"connection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", job["port"])
        writer.close()

    await asyncio.gather(*(client() for _ in range(50)))
    return {"per_s": done / (time.monotonic() - began), "bad": bad}


if __name__ == "__main__":
    main(sys.argv[1])
