from django.urls import path

from vehicles.api import views

urlpatterns = [
    path("trips/mine/", views.MyTrips.as_view(), name="api-trips-mine"),
    path("trips/<str:code>/", views.OneTrip.as_view(), name="api-trip"),
    path("positions/", views.Positions.as_view(), name="api-positions"),
]
