from django.urls import URLPattern, URLResolver, path

from vehicles.views import drivers, feeds, fleet, lines, proof, tabs, timetables

app_name = "vehicles"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", tabs.home, name="home"),
    # fleet and people
    path("fleet/", fleet.fleet, name="fleet"),
    path("fleet/new/", fleet.vehicle_new, name="vehicle-new"),
    path("fleet/<int:pk>/", fleet.vehicle, name="vehicle"),
    path("fleet/<int:pk>/edit/", fleet.vehicle_edit, name="vehicle-edit"),
    path("fleet/<int:pk>/paper/", fleet.vehicle_paper, name="vehicle-paper"),
    path("fleet/<int:pk>/state/", fleet.vehicle_state, name="vehicle-state"),
    path("drivers/", drivers.drivers, name="drivers"),
    path("drivers/new/", drivers.driver_new, name="driver-new"),
    path("drivers/<int:pk>/", drivers.driver, name="driver"),
    path("drivers/<int:pk>/edit/", drivers.driver_edit, name="driver-edit"),
    path("drivers/<int:pk>/paper/", drivers.driver_paper, name="driver-paper"),
    path("drivers/<int:pk>/shifts/", drivers.driver_shifts, name="driver-shifts"),
    path("drivers/<int:pk>/absence/", drivers.driver_absence, name="driver-absence"),
    path("drivers/<int:pk>/absence/<int:absence_id>/remove/", drivers.absence_remove, name="absence-remove"),
    path("drivers/<int:pk>/end/", drivers.driver_end, name="driver-end"),
    path("members/", drivers.members, name="members"),
    path("members/<int:pk>/leave/", drivers.member_leave, name="member-leave"),
    # lines and timetables
    path("lines/", lines.lines, name="lines"),
    path("lines/new/", lines.line_new, name="line-new"),
    path("lines/import/", feeds.lines_import, name="lines-import"),
    path("lines/import/<int:pk>/", feeds.lines_import_job, name="lines-import-job"),
    path("lines/export.zip", feeds.lines_export, name="lines-export"),
    path("lines/<int:pk>/", lines.line, name="line"),
    path("lines/<int:pk>/edit/", lines.line_edit, name="line-edit"),
    path("lines/<int:pk>/hold/", lines.line_hold, name="line-hold"),
    path("lines/<int:pk>/departures/", timetables.departure_new, name="departure-new"),
    path("departures/<int:pk>/", timetables.departure_edit, name="departure-edit"),
    path("departures/<int:pk>/remove/", timetables.departure_remove, name="departure-remove"),
    path("calendars/", timetables.calendars, name="calendars"),
    path("calendars/new/", timetables.calendar_new, name="calendar-new"),
    path("calendars/<int:pk>/", timetables.calendar_edit, name="calendar-edit"),
    path("calendars/<int:pk>/exception/", timetables.calendar_exception, name="calendar-exception"),
    path("stops/", timetables.transit_stops, name="transit-stops"),
    path("stops/<int:pk>/", timetables.transit_stop, name="transit-stop"),
    # the proof
    path("figures/", proof.figures, name="figures"),
    path("figures/before/", proof.baseline_freeze, name="baseline-freeze"),
    path("figures/whatif/", proof.whatifs, name="whatifs"),
    path("figures/whatif/new/", proof.whatif_new, name="whatif-new"),
    path("figures/whatif/<int:pk>/", proof.whatif, name="whatif"),
    path("figures/whatif/<int:pk>/freeze/", proof.whatif_freeze, name="whatif-freeze"),
    path("figures/duplicates/", proof.duplicates, name="duplicates"),
]
