"""The kinds of what needs attention, and what each means and asks of a person."""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from tracking.queries import FLAGS


class Kind(TextChoices):
    """What may be wrong, in the order of the tabs. The first nine are about stored scans, the next three about scans
    that are not used, the last two what people did about it."""

    SECOND_END = "second_end", _("Signed for twice")
    TWO_PLACES = "two_places", _("At two stations at once")
    AFTER_END = "after_end", _("Scanned after its end")
    CANCELLED = "cancelled_too_late", _("Cancelled too late")
    ONE_SIDED = "one_sided", _("Handover with one side")
    GAP = "gap", _("Steps missing")
    FOUND = "found", _("Lost and found")
    CLOCK = "clock", _("Wrong clock")
    UNANNOUNCED = "unannounced", _("Not announced")
    CONFLICT = "conflict", _("One number, two scans")
    INVALID = "invalid", _("Scans that can't be used")
    FAILED = "fold_failed", _("Scans that could not be applied")
    CORRECTED = "corrected", _("Withdrawn")
    DISMISSED = "dismissed", _("Let stand")


ASIDE = (Kind.CONFLICT, Kind.INVALID, Kind.FAILED)
DONE = (Kind.CORRECTED, Kind.DISMISSED)
ODD = tuple(kind for kind in Kind if kind not in (*ASIDE, *DONE))
EXPLAINED: dict[str, Any] = {
    Kind.SECOND_END: _("The first end counts, for the parcel and for the subsidy. Take back the one that is wrong."),
    Kind.TWO_PLACES: _("Two stations scanned one parcel in the same minute. Ask which has it; take back the other."),
    Kind.AFTER_END: _("The parcel stays ended. If it came back, take the end back; if it was a slip, the later scan."),
    Kind.CANCELLED: _("Somebody already had the parcel, so it goes on. Stop it on its way, or let it stand."),
    Kind.ONE_SIDED: _("One gave and nobody took within two hours, or one took and nobody gave. Ask who has it."),
    Kind.GAP: _("No scan says how it got there. Look for a handheld that has not sent its scans, or let it stand."),
    Kind.FOUND: _("Reported lost, then scanned again. The later scan counts; tell who reported it."),
    Kind.CLOCK: _("Their times are when they reached us. Set the handheld's clock; the scans count all the same."),
    Kind.UNANNOUNCED: _("Known from scans only. Ask the carrier for its list and import it; the parcel moves anyway."),
    Kind.CONFLICT: _("Two different scans came under one number. The first counts, the other is kept here."),
    Kind.INVALID: _("Kept as they came. What was missing may be known by now: try again, or let them stand."),
    Kind.FAILED: _("Stored, but their parcel could not be brought up to date. Try again."),
    Kind.CORRECTED: _("Scans that somebody took back. Undo it where that was wrong: the scan counts again."),
    Kind.DISMISSED: _("What somebody looked at and let stand, and why."),
}
WORDS: dict[str, Any] = {
    Kind.SECOND_END: FLAGS["second_end"],
    Kind.TWO_PLACES: FLAGS["two_places"],
    Kind.AFTER_END: FLAGS["after_end"],
    Kind.CANCELLED: FLAGS["cancelled_too_late"],
    Kind.FOUND: FLAGS["found"],
    Kind.CLOCK: FLAGS["untrusted"],
    Kind.UNANNOUNCED: _("Nobody announced this parcel"),
    Kind.CORRECTED: _("Withdrawn"),
}
