"""Waybill numbers: who may have printed them, and what is odd about one."""

import pytest

from orders import codes


@pytest.mark.parametrize(
    ("waybill", "best"),
    [
        ("73190553102532", "ZTO"),
        ("YT5555508965056", "YTO"),
        ("YT6247854916511", "YTO"),
        ("462598779470531", "YUNDA"),
        ("777012345678901", "STO"),  # 77… is STO's, 73 to 76 and 78 are ZTO's
        ("JT5123456789012", "JT"),
        ("9812345678901", "EMS"),
        ("SF1123456789012", "SF"),
        ("JDVA12345678901", "JD"),
        ("DPK202411223344", "DEPPON"),
        ("621123456789012", "CAINIAO"),
        ("RR123456785CN", "EMS"),
    ],
)
def test_a_number_names_its_carrier(waybill: str, best: str):
    assert codes.recognise(waybill)[0] == best
    assert codes.waybill_fault(best, waybill) == ""


@pytest.mark.parametrize("waybill", ["", "12345", "运单12345678", "A" * 41, "73190553102532 ", "abc1234567"])
def test_what_is_no_number_belongs_to_nobody(waybill: str):
    assert codes.recognise(waybill) == []
    assert codes.waybill_fault("ZTO", waybill) == "waybill_form"


def test_a_number_of_another_carrier_is_odd_not_impossible():
    assert codes.waybill_fault("JT", "73190553102532") == "waybill_pattern"
    assert codes.waybill_fault("NEWCOMER", "73190553102532") == ""  # no patterns known


def test_the_postal_check_digit():
    assert codes.s10_digit("47312482") == 9  # the UPU's own example: RF473124829
    assert codes.s10_ok("RF473124829CN")
    assert not codes.s10_ok("RF473124820CN")
    assert codes.waybill_fault("EMS", "RF473124820CN") == "waybill_check_digit"
