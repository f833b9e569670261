from django.urls import path

from tracking.api import views, vocabulary

urlpatterns = [
    path("scan-batches/", views.ScanBatches.as_view(), name="api-scan-batches"),
    path("parcels/", views.Parcels.as_view(), name="api-parcels"),
    path("parcels/<int:pk>/", views.OneParcel.as_view(), name="api-parcel"),
    path("parcels/<int:pk>/events/", views.ParcelEvents.as_view(), name="api-parcel-events"),
    path("vocabulary/", vocabulary.Vocabulary.as_view(), name="api-vocabulary"),
]
