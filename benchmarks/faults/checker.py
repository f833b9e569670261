"""The judge: journals and logs on one side, the tables on the other, nothing of the pipeline between.

It reads the files with `json` and the tables with a connection of its own; of the product it uses only the reference
fold (tracking/fold.py), for what a parcel's row must hold. Each thing that is wrong is one sentence with its ids.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.faults.plan import POISON

SHOWN = 20  # sentences of one sort; the rest are counted
SAME = (
    *("type", "carrier", "waybill_no", "bag", "seq", "method", "side", "trip", "counterpart", "pickup_code", "reason"),
    *("lng", "lat", "corrects"),
)
REGISTERS = (
    *("s_k", "s_state", "s_station_id", "c_k", "c_kind", "c_ref", "c_trip", "h_k", "h_node", "h_reason", "p_k"),
    *(
        "pickup_code",
        "damaged",
        "l_k",
        "last_scan_at",
        "t_k",
        "t_state",
        "t_node",
        "t_station_id",
        "t_at",
        "x_k",
        "f_k",
        "o_k",
        "origin_id",
    ),
    *("state", "station_id", "on_hold", "custodian_kind"),
)


@dataclass
class Story:
    """What one handheld's journal says."""

    device_id: int
    made: dict[int, dict[str, Any]] = field(default_factory=dict)
    clock: dict[str, str] = field(default_factory=dict)  # batch → device_now
    sent: set[int] = field(default_factory=set)
    heads: list[bytes] = field(default_factory=list)
    accepted: set[int] = field(default_factory=set)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    high: int = 0
    miscounted: list[str] = field(default_factory=list)
    duplicates: int = 0

    @property
    def answered(self) -> set[int]:
        return self.accepted | set(self.refused)


def read_journal(path: Path, device_id: int) -> Story:
    """A journal as facts; a scan refused on one try and accepted on another was accepted."""
    story = Story(device_id)
    sizes: dict[str, int] = {}
    with path.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if "made" in line:
                story.made[line["made"]] = line["event"]
            elif "sent" in line:
                story.sent.update(line["ns"])
                story.clock[line["sent"]] = line["now"]
                story.heads.append(bytes.fromhex(line["head"]))
                sizes[line["sent"]] = len(line["ns"])
            else:
                story.accepted.update(line["accepted"])
                story.refused.update({n: (status, code) for n, status, code in line["refused"]})
                story.high = max(story.high, line["high"] or 0)
                story.duplicates += sizes[line["said"]] - line["new"] - len(line["refused"])
                if line["new"] + line["named"] != sizes[line["said"]]:
                    story.miscounted.append(line["said"])
    return story


def seq_of(event: Mapping[str, Any]) -> int | None:
    """The sequence number if it can be one."""
    seq = event.get("seq")
    return seq if isinstance(seq, int) and 0 <= seq <= 2**53 - 1 else None


class Tables:
    """What the database holds, as plain rows."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, query: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, params)
            names = [column.name for column in cursor.description]
            return [dict(zip(names, map(_bytes, row), strict=True)) for row in cursor.fetchall()]


def _bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


@dataclass
class Findings:
    """The sentences, and some figures for the report."""

    sentences: list[str] = field(default_factory=list)
    acked: int = 0
    sent: int = 0
    stored: int = 0
    duplicates: int = 0
    set_aside: int = 0
    parcels: int = 0


def check(*, journals: Mapping[int, Path], tables: Tables, logs: Iterable[Path], points_wanted: Iterable[str],
          odd_answers: Sequence[str]) -> Findings:  # fmt: skip
    """Everything that must hold at rest; `journals` by device id."""
    stories = {device: read_journal(path, device) for device, path in journals.items()}
    events = tables.rows(
        "SELECT e.*, s.code AS station_code, u.id IS NOT NULL AS has_upload, u.batch_id::text AS batch_id"
        " FROM tracking_scanevent e LEFT JOIN stations_station s ON s.id = e.station_id"
        " LEFT JOIN tracking_upload u ON u.id = e.upload_id"
    )
    asides = tables.rows("SELECT device_id, event_id, verdict, code, raw FROM tracking_setaside")
    found = Findings(stored=len(events), set_aside=len(asides))
    found.sent = len(
        {(e.get("event_id"), json.dumps(e)) for s in stories.values() for n, e in s.made.items() if n in s.sent}
    )
    found.duplicates = sum(story.duplicates for story in stories.values())
    stored: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        stored[str(event["event_id"])].append(event)
    acked = {
        (story.made[n]["event_id"], json.dumps(story.made[n])): (story, n)
        for story in stories.values()
        for n in story.accepted
    }
    found.acked = len(acked)
    groups: list[Iterator[str]] = [
        _stored_once(acked, stored),
        _never_sent(stories, stored),
        _same_content(acked, stored),
        _times(stories, events, tables),
        _parcels(events, asides, tables, found),
        _gaps(stories, tables),
        _deadlocks(logs),
        _kept(stories, stored, asides),
        (f"The web gave an answer it should never give: {answer}" for answer in odd_answers),
        _at_rest(tables),
        (f"The crash point {point} was never reached." for point in points_wanted),
    ]
    for group in groups:
        sentences = list(group)
        found.sentences += sentences[:SHOWN]
        if len(sentences) > SHOWN:
            found.sentences.append(f"… and {len(sentences) - SHOWN} more of this sort.")
    return found


def _stored_once(acked: Mapping[Any, Any], stored: Mapping[str, list[Any]]) -> Iterator[str]:
    for (event_id, _content), (story, n) in acked.items():
        count = len(stored.get(event_id, ()))
        if count == 0:
            yield f"Event {event_id} (handheld {story.device_id}, scan {n}) was acknowledged and is not stored."
    for event_id, rows in stored.items():
        if len(rows) > 1:
            yield f"Event {event_id} is stored {len(rows)} times."


def _never_sent(stories: Mapping[int, Story], stored: Mapping[str, list[Any]]) -> Iterator[str]:
    sent = {story.made[n]["event_id"] for story in stories.values() for n in story.sent}
    for event_id in stored.keys() - sent:
        yield f"Event {event_id} is stored and was never sent."


def _same_content(acked: Mapping[Any, Any], stored: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    """What is stored under an acknowledged id is what was acknowledged."""
    for (event_id, content), _who in acked.items():
        event = json.loads(content)
        for row in stored.get(event_id, ())[:1]:
            wrong = [
                key for key in SAME if (str(row[key]) if key == "corrects" and row[key] else row[key]) != event.get(key)
            ]
            if row["station_code"] != event.get("station"):
                wrong.append("station")
            if row["occurred_at"] != datetime.fromisoformat(event["occurred_at"]):
                wrong.append("occurred_at")
            if wrong:
                yield f"Event {event_id} is stored with other content than was sent: {', '.join(wrong)}."


def _times(stories: Mapping[int, Story], events: list[dict[str, Any]], tables: Tables) -> Iterator[str]:
    """effective_at by docs/fold.md, from the clock of the upload that first carried the event."""
    enrolled = {row["id"]: row["enrolled_at"] for row in tables.rows("SELECT id, enrolled_at FROM stations_device")}
    limit = timedelta(seconds=120)
    for event in events:
        if not event["has_upload"]:
            yield f"Event {event['event_id']} names upload {event['upload_id']}, which has no row: it is never folded."
            continue
        story = stories.get(event["device_id"])
        told = story.clock.get(event["batch_id"]) if story else None
        if told is None:
            yield f"Event {event['event_id']} came with batch {event['batch_id']}, which its handheld never sent."
            continue
        received = event["received_at"]
        offset = received - datetime.fromisoformat(told)
        t = event["occurred_at"] + offset if abs(offset) > limit else event["occurred_at"]
        believed = enrolled[event["device_id"]] <= t <= received + limit
        due = min(t, received) if believed else received
        if (due, abs(offset) > limit) != (event["effective_at"], event["skewed"]):
            yield f"Event {event['event_id']} counts at {event['effective_at']} instead of {due}."


def _parcels(
    events: list[dict[str, Any]], asides: list[dict[str, Any]], tables: Tables, found: Findings
) -> Iterator[str]:
    """Each parcel's row against the reference fold of its stored events; poison is left out of it, and set aside."""
    from tracking.fold import Event, fold_parcel

    fields = Event.__dataclass_fields__
    unfoldable = {row["event_id"] for row in asides if row["code"] == "fold_failed"}
    poison = {str(row["event_id"]) for row in events if (row["waybill_no"] or "").startswith(POISON)}
    for event_id in poison - unfoldable:
        yield f"Event {event_id} can't be folded and was not set aside."
    for event_id in unfoldable - poison:
        yield f"Event {event_id} was set aside by the drain, although it can be folded."
    of_parcel: dict[tuple[str, str], list[Event]] = defaultdict(list)
    of_bag: dict[str, list[Event]] = defaultdict(list)
    naming: dict[UUID, list[Event]] = defaultdict(list)  # corrections by what they correct
    for row in {str(row["event_id"]): row for row in events}.values():
        event = Event(**{name: _id(row[name]) if name in ("event_id", "corrects") else row[name] for name in fields})
        if str(row["event_id"]) in poison:
            continue
        if event.corrects:
            naming[event.corrects].append(event)
        elif event.waybill_no:
            of_parcel[event.carrier or "", event.waybill_no].append(event)
        elif event.bag:
            of_bag[event.bag].append(event)
    rows = tables.rows("SELECT * FROM orders_parcel")
    found.parcels = len(rows)
    known = set()
    for row in rows:
        key = (row["carrier"], row["waybill_no"])
        known.add(key)
        own = of_parcel.get(key, [])
        concerned = own + [e for bag in {e.bag for e in own if e.bag} for e in of_bag[bag]]
        first = [c for e in concerned for c in naming[e.event_id]]
        second = [c for e in first for c in naming[e.event_id]]
        third = [c for e in second for c in naming[e.event_id]]
        due = fold_parcel(*key, [*concerned, *first, *second, *third])
        wrong = [f"{name} is {_shown(row[name])}, not {_shown(getattr(due, name))}" for name in REGISTERS
                 if row[name] != getattr(due, name)]  # fmt: skip
        if wrong:
            yield f"Parcel {key[0]} {key[1]} (id {row['id']}) differs from the reference fold: {'; '.join(wrong)}."
    for key in of_parcel.keys() - known:
        yield f"Parcel {key[0]} {key[1]} has {len(of_parcel[key])} stored events and no row."
    for key, number in Counter((row["carrier"], row["waybill_no"]) for row in rows).items():
        if number > 1:
            yield f"Parcel {key[0]} {key[1]} has {number} rows."


def _id(value: Any) -> UUID | None:
    return UUID(str(value)) if value else None


def _shown(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _gaps(stories: Mapping[int, Story], tables: Tables) -> Iterator[str]:
    """acknowledged ⊆ received ⊆ sent, number by number; and no answer promised more than there is."""
    received: dict[int, set[int]] = defaultdict(set)
    for row in tables.rows(
        "SELECT device_id, lower(r) AS low, upper(r) AS high FROM tracking_devicefeed, unnest(received) AS r"
    ):
        received[row["device_id"]].update(range(row["low"], row["high"]))
    for device, story in stories.items():
        there = received[device]
        answered = {seq for n in story.answered if (seq := seq_of(story.made[n])) is not None}
        sent = {seq for n in story.sent if (seq := seq_of(story.made[n])) is not None}
        if missing := answered - there:
            yield f"Device {device} was answered for {len(missing)} numbers its list lacks: {sorted(missing)[:5]}."
        if invented := there - sent:
            yield f"Device {device} never sent {len(invented)} numbers its list holds: {sorted(invented)[:5]}."
        unbroken = 0
        while unbroken + 1 in there or (unbroken == 0 and 0 in there and 1 in there):
            unbroken += 1
        if story.high > unbroken:
            yield f"Device {device} was told its numbers are whole up to {story.high}; they are up to {unbroken}."
        for batch in story.miscounted[:3]:
            yield f"Device {device} got an answer to batch {batch} whose counts don't add up."


def _deadlocks(logs: Iterable[Path]) -> Iterator[str]:
    for path in logs:
        if path.exists():
            lines = path.read_text(errors="replace").splitlines()
            seen = [line for line in lines if "40P01" in line or "deadlock detected" in line.lower()]
            if seen:
                yield f"Deadlock (40P01), {len(seen)} lines in {path.name}: {seen[0][:160]}"


def _kept(stories: Mapping[int, Story], stored: Mapping[str, Any], asides: list[dict[str, Any]]) -> Iterator[str]:
    """Conservation: what was refused is set aside, and what is set aside was sent."""
    kept = {(row["device_id"], row["event_id"], row["code"]) for row in asides}
    for device, story in stories.items():
        for n, (_verdict, code) in story.refused.items():
            event_id = story.made[n]["event_id"]
            if n not in story.accepted and (device, event_id, code) not in kept:
                yield f"Event {event_id} of device {device} was refused ({code}) and is not set aside."
    sent: dict[int, set[str]] = {
        device: {_plain(story.made[n]) for n in story.sent} for device, story in stories.items()
    }
    for row in asides:
        raw = bytes(row["raw"])
        story = stories.get(row["device_id"])
        if row["code"] == "fold_failed":
            if row["event_id"] not in stored:
                yield f"Event {row['event_id']} was set aside by the drain and is not stored."
        elif row["code"] == "unreadable":
            if story is None or not any(head.startswith(raw[:64]) for head in story.heads):
                yield f"A body of device {row['device_id']} was kept that it never sent."
        elif story is None or _plain(_json(raw)) not in sent[row["device_id"]]:
            yield f"Event {row['event_id']} of device {row['device_id']} is set aside ({row['code']}), never sent."


def _plain(event: Any) -> str:
    return json.dumps(event, sort_keys=True)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _at_rest(tables: Tables) -> Iterator[str]:
    for row in tables.rows(
        "SELECT id, attempts, lease_until, event_count FROM tracking_upload WHERE folded_at IS NULL ORDER BY id"
    ):
        lease = row["lease_until"]
        state = "is leased" if lease and lease > datetime.now(UTC) else "is free and nobody takes it"
        yield f"Upload {row['id']} ({row['event_count']} events, {row['attempts']} attempts) is not folded: it {state}."
    for row in tables.rows(
        "SELECT p.id, p.waybill_no FROM orders_parcel p WHERE p.l_k IS NOT NULL AND p.waybill_no LIKE %s",
        [f"{POISON}%"],
    ):
        yield f"Parcel {row['id']} ({row['waybill_no']}) was folded although it must not be."
