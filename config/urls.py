"""Every address of the platform; each app's own urls.py has the rest."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from accounts.middleware import public
from config import views

handler400 = "common.views.bad_request"
handler403 = "common.views.forbidden"
handler404 = "common.views.not_found"
handler500 = "common.views.server_error"

schema = public("the API's description holds no data")(SpectacularAPIView.as_view())

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("common.urls")),
    path("accounts/", include("accounts.urls")),
    path("", include("stations.urls")),
    path("", include("orders.urls")),
    path("", include("tracking.urls")),
    path("vehicles/", include("vehicles.urls")),
    path("settlement/", include("settlement.urls")),
    path("reports/", include("reports.urls")),
    path("metrics", views.metrics, name="metrics"),
    path("api/v1/", include("tracking.api.urls")),
    path("api/v1/", include("vehicles.api.urls")),
    path("api/schema/", schema, name="api-schema"),
    path("api/docs/", views.api_docs, name="api-docs"),
]
