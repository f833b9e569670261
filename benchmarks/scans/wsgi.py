"""The project's own application with the benchmark's two addresses more."""

from django.conf import settings

from config.wsgi import application

settings.ROOT_URLCONF = "benchmarks.scans.urls"
__all__ = ["application"]
