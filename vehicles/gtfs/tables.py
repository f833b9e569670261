"""What the standard knows: files and their columns (GTFS Schedule reference, gtfs.org).

`required` columns must stand in the header; what is required only under a condition is checked in rows.py and read.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.required + self.optional)


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# The files we take rows from.
READ: dict[str, Table] = {
    "agency.txt": Table(
        ("agency_name", "agency_url", "agency_timezone"),
        ("agency_id", "agency_lang", "agency_phone", "agency_fare_url", "agency_email", "cemv_support"),
    ),
    "stops.txt": Table(
        ("stop_id",),
        (
            "stop_code",
            "stop_name",
            "tts_stop_name",
            "stop_desc",
            "stop_lat",
            "stop_lon",
            "zone_id",
            "stop_url",
            "location_type",
            "parent_station",
            "stop_timezone",
            "wheelchair_boarding",
            "level_id",
            "platform_code",
            "stop_access",
        ),
    ),
    "routes.txt": Table(
        ("route_id", "route_type"),
        (
            "agency_id",
            "route_short_name",
            "route_long_name",
            "route_desc",
            "route_url",
            "route_color",
            "route_text_color",
            "route_sort_order",
            "continuous_pickup",
            "continuous_drop_off",
            "network_id",
            "cemv_support",
        ),
    ),
    "calendar.txt": Table(("service_id", *DAYS, "start_date", "end_date"), ("service_name",)),
    "calendar_dates.txt": Table(("service_id", "date", "exception_type"), ("holiday_name",)),
    "trips.txt": Table(
        ("route_id", "service_id", "trip_id"),
        (
            "trip_headsign",
            "trip_short_name",
            "direction_id",
            "block_id",
            "shape_id",
            "wheelchair_accessible",
            "bikes_allowed",
            "cars_allowed",
        ),
    ),
    "stop_times.txt": Table(
        ("trip_id", "stop_sequence"),
        (
            "arrival_time",
            "departure_time",
            "stop_id",
            "location_group_id",
            "location_id",
            "stop_headsign",
            "start_pickup_drop_off_window",
            "end_pickup_drop_off_window",
            "pickup_type",
            "drop_off_type",
            "continuous_pickup",
            "continuous_drop_off",
            "shape_dist_traveled",
            "timepoint",
            "pickup_booking_rule_id",
            "drop_off_booking_rule_id",
        ),
    ),
    "frequencies.txt": Table(("trip_id", "start_time", "end_time", "headway_secs"), ("exact_times",)),
    "feed_info.txt": Table(
        ("feed_publisher_name", "feed_publisher_url", "feed_lang"),
        ("default_lang", "feed_start_date", "feed_end_date", "feed_version", "feed_contact_email", "feed_contact_url"),
    ),
}

# The standard knows them, a line with its timetable doesn't need them: only their header is looked at.
UNREAD: dict[str, Table | None] = {
    "fare_attributes.txt": Table(
        ("fare_id", "price", "currency_type", "payment_method", "transfers"), ("agency_id", "transfer_duration")
    ),
    "fare_rules.txt": Table(("fare_id",), ("route_id", "origin_id", "destination_id", "contains_id")),
    "shapes.txt": Table(("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"), ("shape_dist_traveled",)),
    "transfers.txt": Table(
        ("transfer_type",),
        (
            "from_stop_id",
            "to_stop_id",
            "from_route_id",
            "to_route_id",
            "from_trip_id",
            "to_trip_id",
            "min_transfer_time",
        ),
    ),
    **dict.fromkeys(
        (
            "timeframes.txt",
            "rider_categories.txt",
            "fare_media.txt",
            "fare_products.txt",
            "fare_leg_rules.txt",
            "fare_leg_join_rules.txt",
            "fare_transfer_rules.txt",
            "areas.txt",
            "stop_areas.txt",
            "networks.txt",
            "route_networks.txt",
            "pathways.txt",
            "levels.txt",
            "location_groups.txt",
            "location_group_stops.txt",
            "locations.geojson",
            "booking_rules.txt",
            "translations.txt",
            "attributions.txt",
        )
    ),
}

# Without them there is no timetable. stops.txt may be absent where locations.geojson gives zones instead; calendar.txt
# where calendar_dates.txt names every day.
NEEDED = ("agency.txt", "routes.txt", "trips.txt", "stop_times.txt")
