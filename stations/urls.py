from django.urls import path

from stations.views import map, stations, tree

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
]
