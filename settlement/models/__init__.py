"""What the subsidy stores, by theme: where the money comes from and by which rule (funds), what depends on the outlet
(outlets), what each parcel earned (lines), what is granted beside (grants), each month's way to the bank (statements,
payments), the books (ledger), and what is doubted (fraud)."""

from settlement.models.fraud import CallBack, CaseLine, FraudCase, FraudRule
from settlement.models.funds import Appropriation, Fund, Policy, PolicyFactor
from settlement.models.grants import AwardRound, AwardScore, GrantClaim, GrantInstalment, GrantProof, GrantScheme
from settlement.models.ledger import BookCheck, JournalEntry, Posting
from settlement.models.lines import Cursor, Hold, Line
from settlement.models.outlets import OutletAccount, OutletFact, OutletMonth
from settlement.models.payments import BankFileForm, Payment, PaymentBatch, PaymentItem
from settlement.models.statements import Adjustment, Appeal, Clawback, Period, Statement, Transition

__all__ = [
    "Adjustment",
    "Appeal",
    "Appropriation",
    "AwardRound",
    "AwardScore",
    "BankFileForm",
    "BookCheck",
    "CallBack",
    "CaseLine",
    "Clawback",
    "Cursor",
    "FraudCase",
    "FraudRule",
    "Fund",
    "GrantClaim",
    "GrantInstalment",
    "GrantProof",
    "GrantScheme",
    "Hold",
    "JournalEntry",
    "Line",
    "OutletAccount",
    "OutletFact",
    "OutletMonth",
    "Payment",
    "PaymentBatch",
    "PaymentItem",
    "Period",
    "Policy",
    "PolicyFactor",
    "Posting",
    "Statement",
    "Transition",
]
