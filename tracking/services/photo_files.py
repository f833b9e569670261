"""The files behind photos: MEDIA_ROOT/photos/<county>/<first two digits>/<digest>, readable by the server alone."""

import os
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings

HEAD_BYTES = 12  # enough to tell the types apart
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600


def path_of(county_code: str, sha256: bytes) -> Path:
    name = sha256.hex()
    return Path(settings.MEDIA_ROOT) / "photos" / county_code / name[:2] / name


def size_of(path: Path) -> int:
    """Its bytes; 0 where there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def media_type(first: bytes) -> str | None:
    """JPEG, PNG or WebP by the first 12 bytes; None for anything else, whatever its sender calls it."""
    if first.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if first.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "image/webp"
    return None


def write(path: Path, offset: int, piece: bytes) -> None:
    """Cut the file back to `offset`, add the piece, and have it on the disk before this returns."""
    new = not path.exists()
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, _FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(piece)
        file.flush()
        os.fsync(handle)
    if new:  # a file is only there after a power cut if its folder was written too
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            _sync(folder)


def older_than(before: datetime, shards: Collection[str]) -> Iterator[tuple[str, list[Path]]]:
    """(county, files last written before that time) of these folders."""
    root = Path(settings.MEDIA_ROOT) / "photos"
    for county in sorted(root.iterdir()) if root.is_dir() else ():
        for shard in sorted(shards):
            folder = county / shard
            if folder.is_dir():
                yield county.name, [path for path in folder.iterdir() if _old(path, before)]


def _old(path: Path, before: datetime) -> bool:
    try:
        return len(path.name) == 64 and path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:  # dropped meanwhile
        return False


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
