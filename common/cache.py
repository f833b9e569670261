"""The cache holds nothing we would miss: where Redis is away, a read is a miss and a write is forgotten."""

from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache

_AWAY = (redis.exceptions.RedisError, OSError)


class ForgivingRedisCache(RedisCache):
    """RedisCache that turns a broker outage into misses instead of 500s."""

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        try:
            return super().get(key, default, version)
        except _AWAY:
            return default

    def set(self, key: Any, value: Any, timeout: Any = 300, version: Any = None) -> None:
        try:
            super().set(key, value, timeout, version)
        except _AWAY:
            return

    def add(self, key: Any, value: Any, timeout: Any = 300, version: Any = None) -> bool:
        try:
            return super().add(key, value, timeout, version)
        except _AWAY:
            return True

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        try:
            return super().incr(key, delta, version)
        except _AWAY:
            return delta

    def delete(self, key: Any, version: Any = None) -> bool:
        try:
            return super().delete(key, version)
        except _AWAY:
            return False
