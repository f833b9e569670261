from django.urls import path

from tracking.views import close_station, counter, parcels, track, worklist

app_name = "tracking"
urlpatterns = [
    path("counter/", counter.page, name="counter"),
    path("counter/undo/", counter.undo, name="counter-undo"),
    path("counter/search/", counter.search, name="counter-search"),
    path("counter/station/", counter.switch_station, name="counter-station"),
    path("worklist/", worklist.page, name="worklist"),
    path("parcels/<int:pk>/", parcels.page, name="parcel"),
    path("parcels/<int:pk>/pickup-code/", counter.pickup_slip, name="pickup-slip"),
    path("stations/<int:pk>/close/", close_station.page, name="close-station"),
    path("track/", track.page, name="track"),
]
