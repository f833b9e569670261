"""What a page's request is once the middleware has passed it: Django's type knows neither our user nor htmx."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from accounts.models import User


class PageRequest(HttpRequest):
    """Names for the type checker, never made: accounts.middleware lets only signed-in people reach a page."""

    user: "User"
    htmx: HtmxDetails
