from django.urls import path

from orders.views import imports, parcels

app_name = "orders"
urlpatterns = [
    path("parcels/", parcels.parcels, name="parcels"),
    path("parcels/export.csv", parcels.parcels_export, name="parcels-export"),
    path("parcels/<int:pk>/reveal/", parcels.reveal, name="reveal"),
    path("imports/", imports.import_page, name="import"),
    path("imports/template.csv", imports.import_template, name="import-template"),
    path("imports/<int:pk>/", imports.import_job, name="import-job"),
    path("imports/<int:pk>/confirm/", imports.import_confirm, name="import-confirm"),
]
