"""A county's day, made up by seed: each carrier's pieces for and from each station, and the fleet to move them.

`demo_day`: the demo county's own stations; `flat_county`: the simulated county of reference/routing.md 2. Parameters in
data/county.json. `problem_of` pools any carriers into one planning problem. Road distances are estimates: great circle
times a stated detour factor. Units as in vehicles/problem.py: 0.1 kg, litres, 10 m, seconds, 1e-4 yuan.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vehicles.problem import Call, Place, Problem, Profile, Task, Vehicle

DATA = Path(__file__).resolve().parent / "data" / "county.json"
YUAN = 10_000
CLASSES = ("van", "truck", "trike")


@dataclass(frozen=True)
class Stop:
    """A station to be served."""

    key: str
    kind: str  # "centre", "outlet"
    x: float
    y: float
    narrow: bool  # no truck gets there
    window: tuple[int, int]


@dataclass(frozen=True)
class Goods:
    """Of one carrier at one station."""

    down_pieces: int = 0
    down: tuple[int, int] = (0, 0)  # 0.1 kg, litres
    up_pieces: int = 0
    up: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Line:
    """A passenger line: out from the hub's place, back to it."""

    key: str
    stops: tuple[int, ...]  # of CountyDay.stops, outward
    departures: tuple[int, ...]  # seconds after midnight


@dataclass(frozen=True)
class CountyDay:
    """What `problem_of` makes problems of."""

    name: str
    seed: int
    hub: tuple[float, float]
    stops: tuple[Stop, ...]
    carriers: tuple[str, ...]
    goods: dict[tuple[int, str], Goods]  # stop, carrier
    lines: tuple[Line, ...]
    detour: float
    settings: dict[str, Any]


def settings() -> dict[str, Any]:
    """The committed parameters."""
    loaded: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return loaded


def demo_day(seed: int) -> CountyDay:
    """A day of the demo county (division list and station rule of the demo; needs Django's settings, no database)."""
    import django

    django.setup()
    from demo import network

    conf, rng = settings(), np.random.default_rng(seed)
    rows = network.divisions()
    terrain = network.terrain_of(rows)
    stops = []
    for station in network.stations(rows, seed=1):
        if station.level == "HUB" or station.lng is None or station.lat is None:
            continue
        rough = terrain.get(station.region_code[:9] + "000", "hill") == "mountain"
        narrow = station.level == "OUTLET" and rng.random() < conf["narrow_roads_share"] * (2 if rough else 0.6)
        kind = "centre" if station.level == "CENTRE" else "outlet"
        stops.append(
            Stop(station.code, kind, float(station.lng), float(station.lat), bool(narrow), _window(conf, rng, kind))
        )
    hub = (float(network.HUB_POINT[0]), float(network.HUB_POINT[1]))
    return _day("demo", seed, hub, stops, conf, rng, conf["detour_factor"]["demo"])


def flat_county(seed: int) -> CountyDay:
    """A square county with the hub at its middle, townships spread over it, outlets around them."""
    conf, rng = settings(), np.random.default_rng(seed)
    flat = conf["flat"]
    side = math.sqrt(flat["area_km2"])
    across = side / 111.32  # degrees of a county on the equator's rule: only distances matter
    centres: list[tuple[float, float]] = []
    while len(centres) < flat["townships"]:  # spread: none within a seventh of the side of another
        x, y = rng.random(2) * 0.9 + 0.05
        if all(math.hypot(x - a, y - b) > 1 / 6 for a, b in centres):
            centres.append((float(x), float(y)))
    stops = [
        Stop(f"C{i + 1:02d}", "centre", x * across, y * across, False, _window(conf, rng, "centre"))
        for i, (x, y) in enumerate(centres)
    ]
    for i in range(flat["outlets"]):
        x, y = centres[i % len(centres)]
        dx, dy = rng.normal(0, 0.07, 2)
        narrow = bool(rng.random() < conf["narrow_roads_share"])
        x, y = min(1.0, max(0.0, x + dx)), min(1.0, max(0.0, y + dy))
        window = _window(conf, rng, "outlet")
        stops.append(Stop(f"V{i + 1:03d}", "outlet", x * across, y * across, narrow, window))
    return _day("flat", seed, (across / 2, across / 2), stops, conf, rng, conf["detour_factor"]["flat"])


def problem_of(day: CountyDay, carriers: Iterable[str] | None = None, *, buses: bool = True) -> Problem:
    """One planning problem for the pooled goods of some carriers (None: of all)."""
    conf = day.settings
    members = tuple(day.carriers if carriers is None else carriers)
    places = (Place("hub", *day.hub), *(Place(s.key, s.x, s.y) for s in day.stops))
    km = kilometres([(p.x, p.y) for p in places]) * day.detour
    vehicles = _fleet(conf, pooled=len(members) > 1)
    trucks = frozenset(i for i, v in enumerate(vehicles) if v.key.startswith("truck"))
    if buses:
        vehicles += _buses(day, km)
    tasks: list[Task] = []
    for number, stop in enumerate(day.stops):
        tasks += _tasks(day, number, stop, members, frozenset(range(len(vehicles))) - trucks)
    distance = np.rint(km * 100).astype(np.int64)
    profiles = tuple(
        Profile(kind, distance, _seconds(km, conf["vehicles"][kind]["speed_kmh"]), estimated=True) for kind in CLASSES
    )
    return Problem(places, tuple(tasks), tuple(vehicles), profiles)


def pieces(day: CountyDay, carriers: Iterable[str] | None = None) -> int:
    """Pieces of some carriers, down and up."""
    members = set(day.carriers if carriers is None else carriers)
    return sum(g.down_pieces + g.up_pieces for (_, c), g in day.goods.items() if c in members)


def kilometres(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Great-circle distances between (longitude, latitude) points."""
    x, y = np.radians(np.array(points)).T
    h = np.sin((y[:, None] - y) / 2) ** 2 + np.cos(y)[:, None] * np.cos(y) * np.sin((x[:, None] - x) / 2) ** 2
    answer: np.ndarray = 2 * 6371.0 * np.arcsin(np.sqrt(h))
    return answer


def clock(text: str) -> int:
    """Seconds after midnight."""
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _seconds(km: np.ndarray, speed_kmh: float) -> np.ndarray:
    return np.rint(km / speed_kmh * 3600).astype(np.int64)


def _window(conf: dict[str, Any], rng: np.random.Generator, kind: str) -> tuple[int, int]:
    windows = conf["windows"]
    if kind == "outlet" and rng.random() < windows["morning_share"]:
        kind = "morning_outlet"
    early, late = windows[kind]
    return clock(early), clock(late)


def _day(
    name: str,
    seed: int,
    hub: tuple[float, float],
    stops: Sequence[Stop],
    conf: dict[str, Any],
    rng: np.random.Generator,
    detour: float,
) -> CountyDay:
    centre = conf["centre_volume_of_an_outlets"]
    volume = rng.lognormal(0, conf["outlet_volume_sigma"], len(stops))
    volume *= [centre if s.kind == "centre" else 1.0 for s in stops]
    carriers = tuple(conf["carriers"])
    shares = np.outer(volume / volume.sum(), list(conf["carriers"].values()))
    down = rng.multinomial(conf["parcels_down"], (shares / shares.sum()).ravel()).reshape(shares.shape)
    up = rng.multinomial(round(conf["parcels_down"] * conf["up_share"]), (shares / shares.sum()).ravel())
    up = up.reshape(shares.shape)
    goods = {}
    for i in range(len(stops)):
        for j, carrier in enumerate(carriers):
            if down[i, j] or up[i, j]:
                farm = int(rng.binomial(up[i, j], conf["farm_box_share_of_up"]))
                boxes, plain = _boxes(conf, rng, farm), _parcels(conf, rng, int(up[i, j]) - farm)
                goods[i, carrier] = Goods(
                    int(down[i, j]),
                    _parcels(conf, rng, int(down[i, j])),
                    int(up[i, j]),
                    (boxes[0] + plain[0], boxes[1] + plain[1]),
                )
    lines = _lines(conf, hub, stops)
    return CountyDay(name, seed, hub, tuple(stops), carriers, goods, lines, detour, conf)


def _parcels(conf: dict[str, Any], rng: np.random.Generator, count: int) -> tuple[int, int]:
    """Weight in 0.1 kg and litres of some parcels: many small ones, a few heavy."""
    if not count:
        return 0, 0
    parcel = conf["parcel"]
    sigma = math.sqrt(2 * math.log(parcel["mean_kg"] / parcel["median_kg"]))
    weights = parcel["median_kg"] * rng.lognormal(0, sigma, count)
    litres = parcel["mean_l"] * rng.lognormal(-0.18, 0.6, count)
    return math.ceil(float(weights.sum()) * 10), math.ceil(float(litres.sum()))


def _boxes(conf: dict[str, Any], rng: np.random.Generator, count: int) -> tuple[int, int]:
    if not count:
        return 0, 0
    box = conf["farm_box"]
    weights = np.clip(rng.normal(box["mean_kg"], 1.6, count), box["least_kg"], box["most_kg"])
    return math.ceil(float(weights.sum()) * 10), math.ceil(float(weights.sum()) / box["mean_kg"] * box["mean_l"])


def _lines(conf: dict[str, Any], hub: tuple[float, float], stops: Sequence[Stop]) -> tuple[Line, ...]:
    """Lines to the farthest townships: a bus calls at the stations beside the straight way out."""
    bus = conf["buses"]
    km = kilometres([hub, *((s.x, s.y) for s in stops)])
    centres = sorted((i for i, s in enumerate(stops) if s.kind == "centre"), key=lambda i: -km[0, i + 1])
    lines = []
    for number, centre in enumerate(centres[: bus["lines"]], 1):
        whole = km[0, centre + 1]
        beside = [
            i
            for i in range(len(stops))
            if i != centre and km[0, i + 1] < whole and km[0, i + 1] + km[i + 1, centre + 1] - whole < bus["beside_km"]
        ]
        beside.sort(key=lambda i: float(km[0, i + 1]))
        step = max(1, math.ceil(len(beside) / (bus["stops"] - 1)))
        departures = tuple(clock(text) + 300 * (number % 4) for text in bus["departures"])
        lines.append(Line(f"L{number:02d}", (*beside[::step], centre), departures))
    return tuple(lines)


def _fleet(conf: dict[str, Any], *, pooled: bool) -> list[Vehicle]:
    counts = conf["vehicles_pooled" if pooled else "vehicles_a_carrier"]
    opens, closes = (clock(text) for text in conf["windows"]["hub"])
    fleet = []
    for profile, kind in enumerate(CLASSES):
        v = conf["vehicles"][kind]
        fleet.append(
            Vehicle(
                kind,
                (v["weight_kg"] * 10, v["volume_l"]),
                profile,
                0,
                0,
                counts[kind],
                (opens, closes),
                max_duration=round(v["shift_h"] * 3600),
                max_distance=round(v["range_km"] * 100),
                max_trips=v["trips"],
                loading=v["loading_s"],
                fixed_cost=round(v["day"] * YUAN),
                distance_cost=round(v["km"] * YUAN / 100),
                duration_cost=round(v["hour"] * YUAN / 3600),
            )
        )
    return fleet


def _buses(day: CountyDay, km: np.ndarray) -> list[Vehicle]:
    bus = day.settings["buses"]
    answer = []
    for line in day.lines:
        for number, departure in enumerate(line.departures, 1):
            at, now, calls = 0, departure, [Call(0, departure - 300, departure)]
            for stop in line.stops:
                now += round(float(km[at, stop + 1]) / bus["speed_kmh"] * 3600)
                calls.append(Call(stop + 1, now, now + bus["dwell_s"]))
                now, at = now + bus["dwell_s"], stop + 1
            now += round(float(km[at, 0]) / bus["speed_kmh"] * 3600) + 600
            calls.append(Call(0, now, now))
            answer.append(
                Vehicle(
                    f"bus {line.key}/{number}",
                    (bus["weight_kg"] * 10, bus["volume_l"]),
                    0,
                    0,
                    0,
                    window=(departure, now),
                    start_late=departure,
                    timetable=tuple(calls),
                    tariff=round(bus["tariff"] * YUAN),
                )
            )
    return answer


def _tasks(day: CountyDay, number: int, stop: Stop, members: Sequence[str], light: frozenset[int]) -> list[Task]:
    """A stop's pooled goods in lots of which a bus or an e-trike can take some."""
    conf = day.settings
    lot = (conf["lot"]["weight_kg"] * 10, conf["lot"]["volume_l"])
    here = [day.goods[number, c] for c in members if (number, c) in day.goods]
    if not here:
        return []
    down = tuple(sum(g.down[d] for g in here) for d in (0, 1))
    up = tuple(sum(g.up[d] for g in here) for d in (0, 1))
    count = sum(g.down_pieces + g.up_pieces for g in here)
    lots = max(1, *(math.ceil(load[d] / lot[d]) for load in (down, up) for d in (0, 1)))
    ready = clock(conf["windows"]["ready"])
    tasks = []
    for part in range(lots):
        share = _part(count, lots, part)
        tasks.append(
            Task(
                f"{stop.key}/{part + 1}" if lots > 1 else stop.key,
                number + 1,
                tuple(_part(amount, lots, part) for amount in down),
                tuple(_part(amount, lots, part) for amount in up),
                conf["service_s"][stop.kind] + conf["service_s"]["a_piece"] * share,
                stop.window,
                allowed=light if stop.narrow else None,
                pieces=share,
                release=ready,
            )
        )
    return tasks


def _part(amount: int, lots: int, part: int) -> int:
    return amount * (part + 1) // lots - amount * part // lots
