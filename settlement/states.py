"""Words of the subsidy: a policy's life, a month's, a statement's, a payment's, and what is paid for."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PolicyState(TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("In force")


class PaidService(TextChoices):
    OUTLET_DELIVERY = "outlet_delivery", _("Delivery at a village outlet")
    OUTLET_COLLECTION = "outlet_collection", _("Collection at a village outlet")


class ServiceModel(TextChoices):
    """How the outlet served the person: what a policy may pay differently."""

    PICKUP = "pickup", _("Picked up at the outlet")  # SIGNED_PICKUP
    TO_DOOR = "to_door", _("Taken to the door")  # SIGNED_SELF, SIGNED_AGENT
    COLLECTION = "collection", _("Collected from the sender")  # COLLECTED at the outlet


class FactorKind(TextChoices):
    """What a policy multiplies its base rate by. Tier, distance and density are bands from a value on."""

    TIER = "tier", _("Volume of the outlet")  # parcels in its last closed month
    TERRAIN = "terrain", _("Terrain")
    DISTANCE = "distance", _("Distance to the township")  # km by road
    DENSITY = "density", _("Population density")  # persons a km²
    MODEL = "model", _("Way of serving")
    GRADE = "grade", _("Quality grade")


BANDS = (FactorKind.TIER, FactorKind.DISTANCE, FactorKind.DENSITY)
WORDS = (FactorKind.TERRAIN, FactorKind.MODEL, FactorKind.GRADE)


class Grade(TextChoices):
    A = "A", "A"
    B = "B", "B"
    C = "C", "C"
    D = "D", "D"


class FactKind(TextChoices):
    """What a township enters about an outlet, from a day on."""

    GRADE = "grade", _("Quality grade")
    DISTANCE = "distance", _("Distance to the township, km by road")
    DENSITY = "density", _("Population density, persons a km²")


class EvidenceClass(TextChoices):
    """How well a claim is proved: A whole, B one link weaker or one scan typed, C held until a person decides."""

    A = "A", _("A: complete")
    B = "B", _("B: one link weaker")
    C = "C", _("C: not enough")


class Cause(TextChoices):
    """Who made a line: the scans, or a person's decision that the scans alone don't undo."""

    SCANS = "scans", _("By the scans")
    DECISION = "decision", _("Decision")


class HoldReason(TextChoices):
    ALL_TYPED = "all_typed", _("Every scan was typed in")
    NO_ARRIVAL = "no_arrival", _("No scan of the arrival at the outlet")
    NOT_PASSED_ON = "not_passed_on", _("Not yet passed on by the outlet")
    FRAUD = "fraud", _("A check found something odd")


class HoldOutcome(TextChoices):
    RELEASED = "released", _("Will be paid")
    REFUSED = "refused", _("Payment refused")
    REVERSED = "reversed", _("Taken back by later scans")


class PeriodState(TextChoices):
    OPEN = "open", _("Still open")
    FROZEN = "frozen", _("Frozen")
    COMPUTED = "computed", _("Calculated")
    REVIEWED = "reviewed", _("Reviewed")
    PUBLICISED = "publicised", _("On public notice")
    APPROVED = "approved", _("Approved")
    PAYING = "paying", _("Being paid")
    CLOSED = "closed", _("Settled and paid")


class StatementState(TextChoices):
    DRAFT = "draft", _("Waiting for the outlet")
    CONFIRMED = "confirmed", _("Confirmed by the outlet")
    DISPUTED = "disputed", _("Disputed by the outlet")
    REVIEWED = "reviewed", _("Checked by the township")
    APPROVED = "approved", _("Approved by the county")
    IN_BATCH = "in_batch", _("In a payment batch")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Payment failed")  # goes with the next batch


APPROVED_STATEMENTS = (StatementState.APPROVED, StatementState.IN_BATCH, StatementState.PAID, StatementState.FAILED)


class AdjustmentKind(TextChoices):
    CAP = "cap", _("Above the monthly cap")
    SHORTFALL = "shortfall", _("The fund is short: shared out")
    APPEAL = "appeal", _("Appeal upheld")
    CORRECTION = "correction", _("Correction")
    AWARD = "award", _("Yearly performance award")
    GRANT = "grant", _("Construction grant")


class ShortfallRule(TextChoices):
    QUEUE = "queue", _("First come, first paid; the rest wait for the next appropriation")
    PRO_RATA = "pro_rata", _("Everybody gets the same share")


class Account(TextChoices):
    """Accounts of the ledger: debit is positive, credit negative."""

    APPROPRIATION = "appropriation", _("Appropriations received")
    TREASURY = "treasury", _("Money in the fund")
    SUBSIDY = "subsidy", _("Subsidy granted")
    ACCRUED = "accrued", _("Accrued for outlets")
    PAYABLE = "payable", _("Approved for outlets")
    SENT = "sent", _("Sent to the bank")
    ROUNDING = "rounding", _("Rounding")


class BatchState(TextChoices):
    ISSUED = "issued", _("Issued")
    SENT = "sent", _("Sent to the bank")
    RECONCILED = "reconciled", _("Reconciled")
    CANCELLED = "cancelled", _("Cancelled")


class PaymentState(TextChoices):
    ISSUED = "issued", _("Issued")
    SENT = "sent", _("Sent to the bank")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class ClawbackCause(TextChoices):
    RETURN = "return", _("Returned after delivery")
    LOSS = "loss", _("Lost after delivery")
    FALSE_SIGNATURE = "false_signature", _("False signature")
    COMPLAINT = "complaint", _("Complaint upheld")
    FRAUD = "fraud", _("Found by a check after payment")


class ClawbackState(TextChoices):
    PROPOSED = "proposed", _("Suggested")
    NOTIFIED = "notified", _("Outlet notified")
    ACCEPTED = "accepted", _("Accepted by the outlet")
    APPEALED = "appealed", _("Appealed")
    NETTED = "netted", _("Set off against the next statement")
    WAIVED = "waived", _("Waived")


class AppealState(TextChoices):
    OPEN = "open", _("Waiting for an answer")
    UPHELD = "upheld", _("Upheld")
    REJECTED = "rejected", _("Not upheld")


class CaseState(TextChoices):
    RAISED = "raised", _("Waiting for the station")
    ANSWERED = "answered", _("Answered by the station")
    PROPOSED = "proposed", _("Waiting for a second person")
    PAY = "pay", _("Paid: explained")
    REFUSE = "refuse", _("Payment refused")


OPEN_CASES = (CaseState.RAISED, CaseState.ANSWERED, CaseState.PROPOSED)


class RuleKind(TextChoices):
    HARD = "hard", _("Arithmetic: stops by itself")
    SOFT = "soft", _("Doubt: a person decides")


class RuleState(TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("In force")
    RETIRED = "retired", _("Retired")


class GrantKind(TextChoices):
    HUB_NEW = "hub_new", _("County hub, new")
    HUB_RENOVATION = "hub_renovation", _("County hub, renovated")
    CENTRE_WHOLE = "centre_whole_township", _("Township centre for the whole township")
    CENTRE_TOWN = "centre_town_only", _("Township centre for the town only")
    OUTLET = "outlet", _("Village outlet")
    EQUIPMENT = "equipment", _("Equipment")


class GrantState(TextChoices):
    APPLIED = "applied", _("Applied for")
    SAMPLED = "sampled", _("Drawn for inspection")
    RECTIFYING = "rectifying", _("To be put right")
    ACCEPTED = "accepted", _("Acceptance passed")
    AUDITED = "audited", _("Amount audited")
    APPROVED = "approved", _("Grant approved")
    PAYING = "paying", _("Paid by instalments")
    PAID = "paid", _("Paid")
    REJECTED = "rejected", _("Rejected")


class ProofKind(TextChoices):
    INVOICE = "invoice", _("Invoice")
    SERIAL = "serial", _("Serial number")


class Finding(TextChoices):
    """What an inspection found of one invoice or machine."""

    FOUND = "found", _("In order")
    FAULTY = "faulty", _("To be put right")
    MISSING = "missing", _("Not there: not paid for")


class AwardState(TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    CHECKED = "checked", _("Checked")
    APPROVED = "approved", _("Approved")


class Indicator(TextChoices):
    """What a year's award is scored by; each a numerator over a denominator."""

    VOLUME = "volume", _("Parcels served, to the 90th percentile of all")
    EVIDENCE = "evidence", _("Parcels with complete scans")
    DAYS = "days", _("Days with parcels")
    CLEAN = "clean", _("Parcels neither held nor taken back")
    SPEED = "speed", _("Delivered within 48 h of arrival")


class CallAnswer(TextChoices):
    """What the recipient said when called back about a parcel."""

    CONFIRMED = "confirmed", _("Got the parcel")
    DENIED = "denied", _("Knows of no such parcel")
    UNREACHED = "unreached", _("Not reached")
