"""The numbers of planning and driving: units, buffers, defaults and where they come from."""

from datetime import timedelta

# The units of a county's problem (problem.py).
DISTANCE_M = 10  # metres a unit of distance
WEIGHT_G = 100
VOLUME_ML = 1000
YUAN_UNITS = 10_000  # units of money a yuan

BUFFER = timedelta(minutes=15)  # between two trips of a vehicle or a driver
POSITION_DAYS = 30  # kept that long
DETOUR = 1.4  # of an estimate: road km ÷ straight km; stated wherever an estimate is shown

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
