"""Who may do what: ten roles of people and partners, one table. `manage.py print_rights` prints it.

A cell is a scope letter: O own user's, S own station and what hangs below it, W own station alone (nobody above answers
in its name), T own township and below, C own county, P own parcels (a carrier's), * everywhere, "" not at all. Marks
behind it: m personal fields masked, R reveal with a reason (logged, limited), 2 second factor, 4 a second person; 2 and
4 are recorded here and enforced by the issues that bring them. Anonymous and handheld are callers, not roles
(tests/rights.yaml has them).
"""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    COURIER = "courier", _("Courier")
    STATION_OPERATOR = "station_operator", _("Station operator")
    TOWNSHIP_MANAGER = "township_manager", _("Township manager")
    COUNTY_OFFICER = "county_officer", _("County officer")
    SETTLEMENT_CLERK = "settlement_clerk", _("Settlement clerk")
    SETTLEMENT_APPROVER = "settlement_approver", _("Settlement approver")
    AUDITOR = "auditor", _("Auditor")
    CARRIER = "carrier", _("Carrier")
    SUPPORT = "support", _("Support")
    PLATFORM_ADMIN = "platform_admin", _("Platform administrator")


# What a role is tied to: a station, a township, a county, a county and an organisation, or nothing.
AT_STATION = (Role.COURIER, Role.STATION_OPERATOR)
AT_TOWNSHIP = (Role.TOWNSHIP_MANAGER,)
AT_COUNTY = (Role.COUNTY_OFFICER, Role.SETTLEMENT_CLERK, Role.SETTLEMENT_APPROVER, Role.AUDITOR, Role.SUPPORT)
AT_ORGANISATION = (Role.CARRIER,)
EVERYWHERE = (Role.PLATFORM_ADMIN,)

_COLUMNS = tuple(Role)
# fmt: off
_TABLE: dict[str, tuple[str, ...]] = {
    #                      courier  operator  township  county  clerk  approver  auditor  carrier  support  admin
    "parcel.read":        ("Sm",    "Sm",     "Tm",     "Cm",   "Cm",  "Cm",     "Cm",    "P",     "Cm",    ""),
    "parcel.reveal":      ("SR",    "SR",     "TR",     "",     "",    "",       "CR2",   "P",     "",      ""),
    "parcel.export":      ("",      "Sm",     "Tm",     "Cm2",  "Cm2", "Cm2",    "Cm2",   "P",     "",      ""),
    "order.import":       ("",      "S",      "T",      "",     "",    "",       "",      "P",     "",      ""),
    "scan.send":          ("O",     "S",      "",       "",     "",    "",       "",      "",      "",      ""),
    "scan.results":       ("O",     "S",      "T",      "",     "",    "",       "C",     "",      "Cm",    ""),
    "worklist.read":      ("",      "S",      "T",      "C",    "",    "",       "C",     "",      "C",     ""),
    "dead.read":          ("",      "Sm",     "Tm",     "",     "",    "",       "C",     "",      "Cm",    ""),
    # The station and the hub (an operator there: S is the county) put right what their scans say, and try again what
    # was kept aside; support tries again for them. The bytes themselves may name people: the auditor, with a reason.
    "dead.raw":           ("",      "",       "",       "",     "",    "",       "CR",    "",      "",      ""),
    "dead.replay":        ("",      "S",      "T",      "",     "",    "",       "",      "",      "C",     ""),
    "attention.read":     ("",      "Sm",     "Tm",     "Cm",   "",    "",       "Cm",    "",      "Cm",    ""),
    "attention.act":      ("",      "S",      "T",      "",     "",    "",       "",      "",      "",      ""),
    "queue.read":         ("",      "S",      "T",      "C",    "",    "",       "C",     "",      "C",     "*"),
    "region.read":        ("*",     "*",      "*",      "*",    "*",   "*",      "*",     "*",     "*",     "*"),
    "region.import":      ("",      "",       "",       "",     "",    "",       "",      "",      "",      "*2"),
    "station.read":       ("S",     "S",      "T",      "C",    "C",   "C",      "C",     "C",     "C",     "*"),
    "station.contact":    ("",      "S",      "T",      "C",    "",    "",       "",      "",      "",      "*2"),
    "station.change":     ("",      "",       "T",      "C2",   "",    "",       "",      "",      "",      "*2"),
    "station.life":       ("",      "",       "T",      "C2",   "",    "",       "",      "",      "",      "*2"),
    "device.read":        ("",      "S",      "T",      "C",    "",    "",       "C",     "",      "C",     "*"),
    "device.enrol":       ("",      "",       "T",      "C2",   "",    "",       "",      "",      "",      "*2"),
    "device.revoke":      ("",      "S",      "T",      "C2",   "",    "",       "",      "",      "C",     "*2"),
    "user.read":          ("",      "S",      "T",      "C",    "",    "",       "C",     "",      "",      "*"),
    "user.manage":        ("",      "",       "T",      "C24",  "",    "",       "",      "",      "",      "*2"),
    "report.read":        ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "C",     ""),
    "report.compute":     ("",      "",       "",       "C2",   "",    "",       "",      "",      "",      ""),
    "policy.read":        ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "",      ""),
    "policy.draft":       ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "policy.activate":    ("",      "",       "",       "",     "",    "C24",    "",      "",      "",      ""),
    "settlement.read":    ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "",      ""),
    # From line to money: the outlet confirms, the township checks, the clerk prepares, an officer reviews, the
    # approver approves. The clerk makes the payment batch, the approver sends it (models: nobody does both).
    "statement.confirm":  ("",      "W",      "",       "",     "",    "",       "",      "",      "",      ""),
    "statement.check":    ("",      "",       "T",      "",     "",    "",       "",      "",      "",      ""),
    "period.prepare":     ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "period.review":      ("",      "",       "",       "C",    "",    "",       "",      "",      "",      ""),
    "period.approve":     ("",      "",       "",       "",     "",    "C24",    "",      "",      "",      ""),
    "hold.decide":        ("",      "",       "",       "C",    "",    "C",      "",      "",      "",      ""),
    "payment.read":       ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "",      ""),
    "payment.prepare":    ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "payment.send":       ("",      "",       "",       "",     "",    "C24",    "",      "",      "",      ""),
    "account.enter":      ("",      "S",      "T",      "",     "",    "",       "",      "",      "",      ""),
    "account.confirm":    ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "clawback.propose":   ("",      "",       "T",      "C",    "C",   "",       "",      "",      "",      ""),
    "clawback.answer":    ("",      "W",      "",       "",     "",    "",       "",      "",      "",      ""),
    "clawback.decide":    ("",      "",       "",       "",     "",    "C24",    "",      "",      "",      ""),
    "appeal.read":        ("",      "Sm",     "Tm",     "C",    "C",   "C",      "C",     "",      "",      ""),
    "appeal.decide":      ("",      "",       "",       "C",    "",    "",       "",      "",      "",      ""),
    "fund.manage":        ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "fact.enter":         ("",      "",       "T",      "",     "",    "",       "",      "",      "",      ""),
    "fraud.read":         ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "",      ""),
    "fraud.answer":       ("",      "W",      "",       "",     "",    "",       "",      "",      "",      ""),
    "fraud.decide":       ("",      "",       "",       "C",    "",    "C4",     "",      "",      "",      ""),
    "fraud.draft":        ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "fraud.activate":     ("",      "",       "",       "",     "",    "C24",    "",      "",      "",      ""),
    "grant.read":         ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "",      ""),
    "grant.apply":        ("",      "W",      "T",      "",     "",    "",       "",      "",      "",      ""),
    "grant.accept":       ("",      "",       "",       "C",    "",    "",       "",      "",      "",      ""),
    "grant.prepare":      ("",      "",       "",       "",     "C",   "",       "",      "",      "",      ""),
    "grant.approve":      ("",      "",       "",       "",     "",    "C24",    "",      "",      "",      ""),
    # Vehicles. The dispatcher is the operator at the hub (S is the county there; an outlet's has no hub in scope); a
    # courier drives (O: the trips that are theirs). A carrier sees the vehicles it owns and the lines.
    "fleet.read":         ("",      "S",      "",       "C",    "",    "",       "C",     "P",     "C",     ""),
    "fleet.manage":       ("",      "S",      "",       "C",    "",    "",       "",      "",      "",      ""),
    "road.read":          ("S",     "S",      "T",      "C",    "C",   "",       "C",     "",      "C",     ""),
    "road.manage":        ("",      "",       "",       "C2",   "",    "",       "",      "",      "",      ""),
    "incident.report":    ("S",     "S",      "T",      "C",    "",    "",       "",      "",      "C",     ""),
    "incident.decide":    ("",      "",       "T",      "C",    "",    "",       "",      "",      "",      ""),
    "line.read":          ("S",     "S",      "T",      "C",    "C",   "C",      "C",     "P",     "C",     ""),
    "line.manage":        ("",      "",       "",       "C",    "",    "",       "",      "",      "",      ""),
    "plan.read":          ("",      "S",      "",       "C",    "",    "",       "C",     "",      "C",     ""),
    "plan.make":          ("",      "S",      "",       "C",    "",    "",       "",      "",      "",      ""),
    "trip.read":          ("O",     "S",      "T",      "C",    "",    "",       "C",     "",      "C",     ""),
    "trip.run":           ("O",     "S",      "",       "",     "",    "",       "",      "",      "",      ""),
    "proof.read":         ("",      "S",      "T",      "C",    "C",   "C",      "C",     "",      "",      ""),
    "proof.make":         ("",      "",       "",       "C",    "",    "",       "",      "",      "",      ""),
    "audit.read":         ("",      "",       "",       "C",    "",    "",       "C",     "",      "",      ""),
    "county.create":      ("",      "",       "",       "",     "",    "",       "",      "",      "",      "*2"),
}
# fmt: on

ACTIONS = tuple(_TABLE)
CELLS: dict[tuple[str, Role], str] = {
    (action, role): cell for action, cells in _TABLE.items() for role, cell in zip(_COLUMNS, cells, strict=True) if cell
}


def roles_that_may(action: str) -> frozenset[Role]:
    """The roles whose cell for `action` is not empty; KeyError for an action nobody wrote down."""
    if action not in _TABLE:
        raise KeyError(action)
    return frozenset(role for role in Role if (action, role) in CELLS)


def may(role: str, action: str) -> bool:
    """Whether `role` has `action` in any scope."""
    return role in roles_that_may(action)


# Who may give whom which role: nobody hands out a role above their own.
GRANTS: dict[Role, frozenset[Role]] = {
    Role.TOWNSHIP_MANAGER: frozenset({Role.COURIER, Role.STATION_OPERATOR}),
    Role.COUNTY_OFFICER: frozenset(set(Role) - {Role.PLATFORM_ADMIN}),
    Role.PLATFORM_ADMIN: frozenset({Role.COUNTY_OFFICER, Role.SUPPORT, Role.PLATFORM_ADMIN}),
}
