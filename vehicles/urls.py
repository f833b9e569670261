from django.urls import URLPattern, URLResolver

app_name = "vehicles"
urlpatterns: list[URLPattern | URLResolver] = []
