"""What comes from outside is cleaned, what goes to a spreadsheet is dead text, what is money is rounded half up."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from common import clock, exports, ids, money, text


@pytest.mark.parametrize(
    ("given", "code"),
    [(" yt 5555508965056", "YT5555508965056"), ("ＹＴ５５", "YT55"), ("\u202eJT1\u200b2", "JT12"), ("a-1\n", "A-1")],
)
def test_codes_are_normalised(given, code):
    assert text.normal_code(given) == code


def test_faults_are_named():
    assert text.fault("a\x00") == "nul_character"
    assert text.fault("\ud800") == "bad_unicode"
    assert text.fault("张三") == ""


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        *(("", ""), ("张", "*"), ("李四", "李*"), ("张三丰", "张*丰"), ("欧阳娜娜", "欧**娜")),
        *(("周建国（县级物流中心）", "周*国"), ("李四 (夜班)", "李*"), ("（代收点）", "（***）")),
    ],
)
def test_names_are_masked(name, masked):
    assert text.masked_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"), [("13812341907", "138****1907"), ("131****1907", "131****1907"), ("12345", "12345")]
)
def test_phones_are_masked(phone, masked):
    assert text.masked_phone(phone) == masked


def test_cells_that_look_like_formulas_are_dead():
    lines = list(exports.csv_lines(["=x"], [["=1+1", "+86", "＝A", -5, None, "ok"]]))
    assert lines[0].startswith("\ufeff'=x")
    assert lines[1].strip() == "'=1+1,'+86,'＝A,-5,,ok"


def test_money_rounds_half_up():
    assert money.line_yuan(Decimal("0.41255")) == Decimal("0.4126")
    assert money.statement_yuan(Decimal("164.805")) == Decimal("164.81")


def test_the_business_day_begins_at_midnight_in_shanghai():
    late = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
    assert str(clock.business_date(late)) == "2026-12-01"
    assert str(clock.month_of(late)) == "2026-12-01"
    start, end = clock.month_span(clock.parse_month("2026-11"))
    assert (start, end) == (datetime(2026, 10, 31, 16, tzinfo=UTC), late)
    assert clock.parse_month("2026-13") is None


def test_ids_are_ordered_by_time():
    made = [ids.uuid7() for _ in range(50)]
    assert all(one.version == 7 for one in made)
    assert ids.uuid7(1000) < ids.uuid7(1001)
