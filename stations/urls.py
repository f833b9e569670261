from django.urls import path, re_path

from stations.views import audit, devices, map, people, regions, stations, tree

app_name = "stations"
urlpatterns = [
    path("stations/", stations.station_list, name="list"),
    path("stations/export.csv", stations.station_csv, name="list-csv"),
    path("stations/tree/", tree.tree, name="tree"),
    path("stations/tree/<int:pk>/", tree.branch, name="tree-branch"),
    path("stations/map/", map.station_map, name="map"),
    path("stations/map.json", map.map_points, name="map-points"),
    path("stations/new/", stations.station_new, name="station-new"),
    path("stations/places/", stations.station_places, name="station-places"),
    path("stations/<int:pk>/", stations.station, name="station"),
    path("stations/<int:pk>/edit/", stations.station_edit, name="station-edit"),
    path("stations/<int:pk>/places/", stations.station_places, name="station-places"),
    path("stations/<int:pk>/move/", stations.station_move, name="station-move"),
    path("stations/<int:pk>/history/", stations.station_history, name="station-history"),
    path("stations/<int:pk>/equipment/", stations.equipment_add, name="equipment-add"),
    path("stations/<int:pk>/equipment/<int:equipment_id>/", stations.equipment_state, name="equipment-state"),
    path("regions/", regions.regions, name="regions"),
    path("regions/import/", regions.region_import, name="region-import"),
    path("regions/import/<int:pk>/apply/", regions.region_import_apply, name="region-import-apply"),
    re_path(r"^regions/(?P<code>[0-9]{12}[0-9A-Z]{0,4})/$", regions.region, name="region"),
    path("people/", people.people, name="people"),
    path("people/new/", people.person_new, name="person-new"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/role/", people.person_role, name="person-role"),
    path("people/<int:pk>/password/", people.person_password, name="person-password"),
    path("people/<int:pk>/active/", people.person_active, name="person-active"),
    path("people/roles/<int:pk>/end/", people.membership_end, name="membership-end"),
    path("devices/", devices.devices, name="devices"),
    path("devices/new/", devices.device_new, name="device-new"),
    path("devices/<int:pk>/revoke/", devices.device_revoke, name="device-revoke"),
    path("audit/", audit.audit, name="audit"),
]
