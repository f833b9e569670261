from django.urls import path

from tracking.views import (
    aside,
    attention,
    close_station,
    counter,
    parcels,
    photos,
    queue,
    track,
    undelivered,
    worklist,
)

app_name = "tracking"
urlpatterns = [
    path("attention/", attention.page, name="attention"),
    path("attention/again/", attention.replay_code, name="attention-replay"),
    path("attention/let-stand/<int:pk>/back/", attention.restore, name="attention-restore"),
    path("attention/scan/<uuid:event_id>/take-back/", attention.correct, name="attention-correct"),
    path("attention/scan/<uuid:event_id>/count-again/", attention.undo_correction, name="attention-undo"),
    path("attention/aside/<int:pk>/", aside.page, name="set-aside"),
    path("attention/aside/<int:pk>/again/", aside.replay, name="set-aside-replay"),
    path("attention/aside/<int:pk>/let-stand/", aside.close, name="set-aside-close"),
    path("attention/aside/<int:pk>/back/", aside.reopen, name="set-aside-reopen"),
    path("attention/aside/<int:pk>/raw/", aside.raw, name="set-aside-raw"),
    path("attention/<slug:kind>/<uuid:event_id>/", attention.item, name="attention-item"),
    path("attention/<slug:kind>/<uuid:event_id>/let-stand/", attention.dismiss, name="attention-dismiss"),
    path("counter/", counter.page, name="counter"),
    path("counter/undo/", counter.undo, name="counter-undo"),
    path("counter/search/", counter.search, name="counter-search"),
    path("counter/station/", counter.switch_station, name="counter-station"),
    path("worklist/", worklist.page, name="worklist"),
    path("queue/", queue.page, name="queue"),
    path("parcels/<int:pk>/", parcels.page, name="parcel"),
    path("parcels/<int:pk>/pickup-code/", counter.pickup_slip, name="pickup-slip"),
    path("parcels/<int:pk>/photos/<str:digest>/", photos.photo, name="photo"),
    path("devices/undelivered/", undelivered.page, name="undelivered"),
    path("stations/<int:pk>/close/", close_station.page, name="close-station"),
    path("track/", track.page, name="track"),
]
