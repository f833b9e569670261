"""How our own PostgreSQL is set up; docker-compose.yml says the same to its own (docs/adr/0009 says why)."""

import os
from pathlib import Path

from config.embedded import PORT, socket_dir


def postgres_settings(profile: str) -> str:
    """The text of `rural-logistics.conf`, by the machine's memory; the test profile trades safety for speed."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    buffers_mb = min(4096 if profile == "dev" else 256, max(64, memory_mb // 6))
    shm = os.statvfs("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108 only measured
    lines = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": f"'{socket_dir(profile)}'",
        "unix_socket_permissions": "0700",
        "max_connections": 200,
        "shared_buffers": f"{buffers_mb}MB",
        "effective_cache_size": f"{memory_mb // 2}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        # A container's /dev/shm is often 64 MB: parallel queries then fail in the middle.
        "dynamic_shared_memory_type": "posix" if shm and shm.f_frsize * shm.f_blocks >= 2**28 else "mmap",
        "fsync": "off" if profile == "test" else "on",
        "full_page_writes": "off" if profile == "test" else "on",
        "synchronous_commit": "on",
        "wal_compression": "off",  # pglz costs more than the disk it saves (docs/adr/0009)
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "deadlock_timeout": "1s",
        "log_lock_waits": "on",  # says who waits, never for which value: terse, and without the statement
        "log_autovacuum_min_duration": "5s",
        "track_io_timing": "on",
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_cost_limit": 2000,
        "jit": "off",  # costs more than it gives on queries of a few milliseconds
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_checkpoints": "off",
        # A failed statement and its key values carry names and phones: they don't belong into a log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    text = "\n".join(f"{key} = {value if value != '' else chr(39) * 2}" for key, value in lines.items())
    return f"# Written anew at every start by config/servers.py\n{text}\n"
