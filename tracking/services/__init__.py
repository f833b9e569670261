"""Every write on the scan stream and on the parcels' registers, one module a use case."""

from tracking.services.close_station import close_station
from tracking.services.drain import fold_upload, fold_waiting, refold_older, refold_parcels, replay_set_aside
from tracking.services.partitions import Detached, detach_partition, make_partitions
from tracking.services.photos import WrongOffset, add_piece, forget_photos, photo_progress
from tracking.services.record import Receipt, ScanException, record_scans
from tracking.services.senders import Sender, sender_for_device, sender_for_user
from tracking.services.set_aside import keep_unreadable

__all__ = [
    "Detached",
    "Receipt",
    "ScanException",
    "Sender",
    "WrongOffset",
    "add_piece",
    "close_station",
    "detach_partition",
    "fold_upload",
    "fold_waiting",
    "forget_photos",
    "keep_unreadable",
    "make_partitions",
    "photo_progress",
    "record_scans",
    "refold_older",
    "refold_parcels",
    "replay_set_aside",
    "sender_for_device",
    "sender_for_user",
]
