from django.urls import path

from tracking.api import device_views, photos, views, vocabulary

urlpatterns = [
    path("scan-batches/", views.ScanBatches.as_view(), name="api-scan-batches"),
    path("devices/me/acks/", device_views.DeviceAcks.as_view(), name="api-device-acks"),
    path("expected/", device_views.ExpectedParcels.as_view(), name="api-expected"),
    path("parcels/", views.Parcels.as_view(), name="api-parcels"),
    path("parcels/<int:pk>/", views.OneParcel.as_view(), name="api-parcel"),
    path("parcels/<int:pk>/events/", views.ParcelEvents.as_view(), name="api-parcel-events"),
    path("vocabulary/", vocabulary.Vocabulary.as_view(), name="api-vocabulary"),
    path("photos/<str:digest>/", photos.Photos.as_view(), name="api-photo"),
]
