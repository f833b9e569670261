"""Where a request came from. X-Forwarded-For counts only for as many hops as are ours."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """The address of the caller; a forged X-Forwarded-For is ignored."""
    remote = request.META.get("REMOTE_ADDR") or "127.0.0.1"  # "" on a unix socket
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    candidate = hops[-settings.TRUSTED_PROXIES] if 0 < settings.TRUSTED_PROXIES <= len(hops) else remote
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return remote


def is_loopback(request: HttpRequest) -> bool:
    """Whether the caller sits at this very machine, with no proxy in between."""
    try:
        address = ipaddress.ip_address(client_ip(request))
    except ValueError:
        return False
    return address.is_loopback and not (request.META.get("HTTP_X_FORWARDED_FOR") and not settings.TRUSTED_PROXIES)
