"""The numbers of planning and driving: units, buffers, defaults and where they come from."""

import re
from datetime import timedelta

# The units of a county's problem (problem.py).
DISTANCE_M = 10  # metres a unit of distance
WEIGHT_G = 100
VOLUME_ML = 1000
YUAN_UNITS = 10_000  # units of money a yuan

BUFFER = timedelta(minutes=15)  # between two trips of a vehicle or a driver
POSITION_DAYS = 30  # kept that long
CHANGE_YUAN = 1  # what it must save at least to give a stop to another vehicle while the day runs
# Of an estimate: road metres to straight metres, the median over an OpenStreetMap extract of mountain valleys
# (reference/routing.md 5); stated wherever an estimate is shown.
DETOUR = 1.82

# Domain reference 3.3: what a parcel weighs and takes where the carrier didn't say.
PARCEL_G = 1200
PARCEL_ML = 6000
FARM_BOX_G = 5000
FARM_BOX_ML = 20_000

# Dwell, seconds: a village stop by van, a township centre, a bus stop (3.3); and a little for each piece.
OUTLET_STOP_S = 240
CENTRE_STOP_S = 900
BUS_STOP_S = 120
PIECE_S = 2
LOADING_S = 1200  # at the hub before a trip

# What a vehicle of a kind is, where nothing else is known (3.3): payload kg, litres, pieces.
TYPICAL = {
    "van": (800, 4000, 250),
    "truck": (1800, 13_500, 900),
    "trike": (300, 1800, 100),
    "ugv": (700, 4500, 280),
    "drone": (8, 40, 4),
    "cableway": (200, 1500, 60),
}

# Papers that must be there and valid; any other paper that was entered and has run out bars just the same.
VEHICLE_PAPERS = {
    "van": ("licence", "inspection", "insurance"),
    "truck": ("licence", "inspection", "insurance"),
    "trike": ("insurance",),
    "ugv": ("permit", "insurance"),
    "drone": ("licence", "insurance"),
    "cableway": ("inspection",),
}
HEAVY_PAYLOAD_KG = 2000  # above it a truck is no light truck: a B2 licence, a transport permit, a qualification
WALKING_TRIKE_KMH = 25  # up to it an express tricycle needs no driving licence
UNMANNED = ("ugv",)  # goes without a driver
PAPER_WARNING_DAYS = 30

# Licence classes that may drive a kind, by the Ministry of Public Security's table.
LIGHT_LICENCES = ("A1", "A2", "A3", "B1", "B2", "C1", "C2")
HEAVY_LICENCES = ("A1", "A2", "B2")
TRIKE_LICENCES = ("D",)

# A hub's waves, seconds after midnight: from the first departure to the last return; and when the carriers' trucks are
# unloaded (3.3: they arrive at about 06:00): what is announced is ready then.
WAVES = {"day": (0, 86_400), "morning": (0, 46_800), "noon": (41_400, 86_400)}
TRUCKS_S = (23_400, 45_000)  # 06:30, 12:30
ANNOUNCED_DAYS = 3  # a parcel announced longer ago that never came is not waited for
LEAD_S = 900  # between asking for a plan and the first loading
MOST_TRIPS = 3  # of a vehicle in one plan
MOST_SOLVE_S = 600

# The day.
LATE_MIN = 15  # minutes behind the plan: an alert
SILENT_MIN = 20  # minutes on the road without a position or a scan: an alert
UNLOADING_MIN = 20  # after the last arrival, then a trip is over though something on it was never scanned off
POSITIONS_AT_ONCE = 200

_SPAN = re.compile(r"(\d{1,2})[:：](\d{2})\s*[-–—~～至到]\s*(\d{1,2})[:：](\d{2})")
_CLOSED = re.compile(r"(?:周|星期)([一二三四五六日天])\s*(?:休|关|不营业|闭)")
_WEEKDAYS = {name: number for number, name in enumerate("一二三四五六日")} | {"天": 6}


def opening_window(hours: str, weekday: int) -> tuple[int, int] | None:
    """When a station takes goods on a weekday (0 is Monday), in seconds after midnight, by its opening hours as people
    write them: the longest span of several; the whole day where nothing can be read; None on a day of rest."""
    if weekday in {_WEEKDAYS[name] for name in _CLOSED.findall(hours)}:
        return None
    spans = []
    for from_hour, from_minute, to_hour, to_minute in _SPAN.findall(hours):
        start, end = int(from_hour) * 3600 + int(from_minute) * 60, int(to_hour) * 3600 + int(to_minute) * 60
        if start < 86_400:
            spans.append((start, end if end > start else end + 86_400))
    return max(spans, key=lambda span: span[1] - span[0], default=(0, 2 * 86_400))
