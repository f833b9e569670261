"""Photos and signatures by their SHA-256, in pieces: kept apart from the scan that names them, which waits for none.

The row says how many bytes are safely in the file; a piece is written and synced before its row says so. A crash in
between leaves a file that is longer than its row: the next piece cuts it back. A file shorter than its row (a restore
without its files) starts again from nothing. Two senders of one photo take turns at the row's lock. The name of the
file is the digest, never a word of the sender's.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from common import clock
from common.errors import Conflict, Refused
from common.logs import get_logger
from stations.models import Device
from tracking.models import Photo
from tracking.services import photo_files

log = get_logger(__name__)
UNFINISHED_FOR = timedelta(days=7)
ORPHAN_AFTER = timedelta(days=1)  # younger files may belong to a row that isn't committed yet
SHARDS_A_NIGHT = 32  # of 256: every folder of whole photos is looked through in eight nights
_AT_ONCE = 500


@dataclass(frozen=True)
class Progress:
    """How much of a photo is here, in bytes."""

    offset: int
    length: int


class WrongOffset(Conflict):
    """The piece doesn't begin where the photo ends; `progress` says where that is."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(
            "photo_offset", _("This piece doesn't follow the last one. Go on from the byte that is named.")
        )
        self.progress = progress
        self.extra = {"upload_offset": progress.offset, "upload_length": progress.length}


def photo_progress(*, county_code: str, sha256: bytes) -> Progress | None:
    """How far a photo has come; None where nobody began it."""
    row = Photo.objects.filter(county_code=county_code, sha256=sha256).first()
    return None if row is None else Progress(_safe(row), row.size)


def add_piece(*, device: Device, sha256: bytes, offset: int, length: int, piece: bytes, at: datetime) -> Progress:
    """Write one piece and say where the next one begins; the last one again changes nothing.

    1. Lock the row, made where there is none. A first piece of another length starts the photo anew.
    2. WrongOffset unless the piece follows what is here; Refused "photo_piece_too_long" if it reaches beyond the end.
    3. Write, sync, then count it. A photo that is no picture ("photo_type", 415) or, whole, isn't what its digest
       says ("photo_digest", 422) is dropped with its file.
    """
    if not 1 <= length <= settings.PHOTO_MAX_BYTES:
        raise Refused(
            "photo_too_large",
            _("The photo is too large. Make it smaller and send it again."),
            status=413,
            extra={"limits": {"photo_bytes": settings.PHOTO_MAX_BYTES}},
        )
    station, refusal = device.station, None
    with transaction.atomic():
        new = Photo(
            county_code=station.county_code, sha256=sha256, size=length, device=device, station=station, created_at=at
        )
        Photo.objects.bulk_create([new], ignore_conflicts=True)
        row = Photo.objects.select_for_update().filter(county_code=station.county_code, sha256=sha256).first()
        if row is None:  # another sender's bad one, dropped while we waited for its lock
            raise WrongOffset(Progress(0, length))
        row.received = _safe(row)
        if row.received == row.size:
            return Progress(row.size, row.size)
        if offset == 0 and row.size != length:
            row.size, row.received = length, 0
        if offset != row.received or length != row.size:
            raise WrongOffset(Progress(row.received, row.size))
        if offset + len(piece) > row.size:
            raise Refused("photo_piece_too_long", _("The piece reaches beyond the end of the photo."))
        path = photo_files.path_of(row.county_code, sha256)
        try:
            photo_files.write(path, offset, piece)
        except OSError as fault:  # a full disk: the client keeps what it has
            log.warning("photo_not_written", errno=fault.errno)
            message = _("The photo can't be stored right now. Send it again later.")
            raise Refused("try_later", message, status=503, extra={"retry_after_s": 60}) from None
        row.received += len(piece)
        refusal = _judge(row, path)
        if refusal is not None:
            path.unlink(missing_ok=True)  # under the lock: nobody else writes it meanwhile
            row.delete()
        else:
            row.completed_at = at if row.received == row.size else None
            row.save(update_fields=["size", "received", "media_type", "completed_at"])
    if refusal is not None:
        raise refusal  # after the commit, which dropped it
    return Progress(row.received, row.size)


def forget_photos(*, at: datetime) -> tuple[int, int]:
    """Drop photos that stayed unfinished for seven days, and files of tonight's folders that no row knows.

    Whole photos are evidence and stay. Returns how many rows and how many lone files went.
    """
    rows = 0
    due = Photo.objects.filter(completed_at=None, created_at__lt=at - UNFINISHED_FOR).order_by("pk")
    for pk in list(due.values_list("pk", flat=True)[:10_000]):
        with transaction.atomic():
            row = Photo.objects.select_for_update(skip_locked=True).filter(pk=pk, completed_at=None).first()
            if row is not None:
                photo_files.path_of(row.county_code, bytes(row.sha256)).unlink(missing_ok=True)
                row.delete()
                rows += 1
    files = 0
    night = clock.business_date(at).toordinal() * SHARDS_A_NIGHT
    shards = {f"{(night + n) % 256:02x}" for n in range(SHARDS_A_NIGHT)}
    for county_code, found in photo_files.older_than(at - ORPHAN_AFTER, shards):
        for start in range(0, len(found), _AT_ONCE):
            files += _forget_files(county_code, found[start : start + _AT_ONCE])
    return rows, files


def _forget_files(county_code: str, paths: list[Path]) -> int:
    by_digest = {bytes.fromhex(path.name): path for path in paths}
    lone = _without_row(county_code, by_digest)
    if not lone:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        # no photo begins while they go: else a sender could write into a file that is unlinked the moment after
        cursor.execute("LOCK TABLE tracking_photo IN SHARE ROW EXCLUSIVE MODE")
        gone = _without_row(county_code, {digest: by_digest[digest] for digest in lone})
        for digest in gone:
            by_digest[digest].unlink(missing_ok=True)
    return len(gone)


def _without_row(county_code: str, by_digest: dict[bytes, Path]) -> list[bytes]:
    rows = Photo.objects.filter(county_code=county_code, sha256__in=list(by_digest)).values_list("sha256", flat=True)
    known = {bytes(digest) for digest in rows}
    return [digest for digest in by_digest if digest not in known]


def _safe(row: Photo) -> int:
    """The bytes that are both counted and there."""
    have = photo_files.size_of(photo_files.path_of(row.county_code, bytes(row.sha256)))
    return row.received if have >= row.received else 0


def _judge(row: Photo, path: Path) -> Refused | None:
    """Why the photo can't be kept; notes its type by its first bytes as soon as they are here."""
    if row.received >= photo_files.HEAD_BYTES or row.received == row.size:
        kind = photo_files.media_type(photo_files.head(path))
        if kind is None:
            return Refused("photo_type", _("Only photos in JPEG, PNG or WebP are kept."), status=415)
        row.media_type = kind
    if row.received == row.size and _digest(path) != bytes(row.sha256):
        return Refused("photo_digest", _("The photo isn't what its name says. Send it again from the start."))
    return None


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
