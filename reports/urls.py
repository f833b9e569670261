from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("", views.report_list, name="list"),
    path("compute/", views.report_compute, name="compute"),
    path("<int:pk>/", views.report, name="report"),
    path("<int:pk>/table.csv", views.report_csv, name="report-csv"),
    path("<int:pk>/<slug:code>/<str:region>/<slug:part>/", views.drill, name="drill"),
]
