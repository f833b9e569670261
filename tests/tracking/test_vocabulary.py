"""The node table: every word is one of its system's, every cell agrees with the fold, and the page is the table."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from tracking import vocabulary
from tracking.states import RULES, Node
from tracking.vocabulary import CHOSEN, VOCABULARY, codes_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "vocabulary.md"

# The platforms' word lists as far as they are published, typed here a second time: a slip in the table shows.
WECHAT_ACTIONS = {100001, 100002, 100003, 200001, 300002, 300003, 300004, 400001, 400002}
KUAIDI100 = {
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 14, 101, 102, 103, 1001, 1002, 1003),
    *(201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 301, 302, 303, 304, 401, 501),
}
KDNIAO = {
    *(0, 1, 2, 201, 202, 204, 205, 206, 211, 3, 301, 302, 304, 311, 4, *range(401, 408), *range(412, 424), 5, 6, 10),
}
AFTERSHIP = {
    "InfoReceived": 1, "InTransit": 10, "OutForDelivery": 4, "AttemptFail": 3, "Delivered": 5, "AvailableForPickup": 1,
    "Exception": 18,
}  # fmt: skip
UNIFIED = {
    *("pending", "picked_up", "in_transit", "out_for_delivery", "ready_for_pickup", "delivered", "delivery_failed"),
    *("on_hold", "return_to_sender", "cancelled", "unknown"),
}


def test_every_node_has_one_row():
    assert set(VOCABULARY) == set(Node)
    assert len(VOCABULARY) == 30


def test_the_lists_are_whole():
    assert (len(vocabulary.BIZ_STEPS), len(vocabulary.DISPOSITIONS)) == (41, 33)


@pytest.mark.parametrize("node", Node)
def test_each_epcis_word_stands_in_the_standard(node: Node):
    word = VOCABULARY[node].epcis
    if node == Node.CORRECTION:
        assert word.error_reason in vocabulary.ERROR_REASONS
        assert not (word.event_type)
        assert not (word.biz_step)
        assert not (word.action)
        return
    assert word.biz_step in vocabulary.BIZ_STEPS
    assert word.disposition in vocabulary.DISPOSITIONS or (not word.disposition and (RULES[node].t or node == "SENSOR"))
    assert word.action in vocabulary.ACTIONS
    assert word.event_type in vocabulary.EVENT_TYPES
    assert {word.source, word.destination} <= vocabulary.PARTIES | {""}
    assert bool(word.source) == bool(word.destination)
    # what the standard asks: a parent where something is put into or taken out of one, and only there
    assert bool(word.parent) == (word.event_type == "AggregationEvent")
    assert word.parent in ("", "bag", "trip")
    assert word.event_type == "ObjectEvent" or word.action in ("ADD", "DELETE")


@pytest.mark.parametrize("node", Node)
def test_custody_moves_where_the_fold_moves_it(node: Node):
    rule, word = RULES[node], VOCABULARY[node].epcis
    expected = rule.c or {"delivered": "recipient", "returned": "sender", None: ""}[rule.t]
    assert word.destination == expected


@pytest.mark.parametrize("node", Node)
def test_each_foreign_word_is_one_of_its_system(node: Node):
    words = VOCABULARY[node]
    assert words.wechat_action is None or words.wechat_action in WECHAT_ACTIONS
    assert words.wechat_shop is None or 0 <= words.wechat_shop <= 9
    assert set(words.kuaidi100) <= KUAIDI100
    assert set(words.kdniao) <= KDNIAO
    assert all(10 <= code <= 999 for code in words.sf)
    if words.aftership:
        tag, subtag = words.aftership
        stem, _sep, number = subtag.partition("_")
        assert tag == stem
        assert len(number) == 3
        assert 1 <= int(number) <= AFTERSHIP[tag]
    assert (words.unified in UNIFIED) == (node not in (Node.SENSOR, Node.CORRECTION))


@pytest.mark.parametrize("system", CHOSEN)
def test_a_shared_word_has_exactly_one_reading(system: str):
    users: dict[object, set[Node]] = {}
    for node, words in VOCABULARY.items():
        codes = codes_of(system, words)
        assert len(set(codes)) == len(codes)
        for code in codes:
            users.setdefault(code, set()).add(node)
    shared = {code: nodes for code, nodes in users.items() if len(nodes) > 1}
    assert set(CHOSEN[system]) == set(shared)
    for code, nodes in shared.items():
        chosen = CHOSEN[system][code]
        assert chosen in nodes
        if any(RULES[node].c is None for node in nodes):
            assert RULES[chosen].c is None, "a foreign word gives no custody if it can mean less"
        if any(RULES[node].t is None for node in nodes):
            assert RULES[chosen].t is None, "nor an end"


def test_words_are_read_back():
    assert vocabulary.node_of_kuaidi100(501) == Node.OUTLET_IN
    assert vocabulary.node_of_kuaidi100(1001) == Node.ARRIVED
    assert vocabulary.node_of_kdniao(412) == Node.OVERDUE_PICKUP
    assert vocabulary.node_of_sf(80) == Node.SIGNED_SELF
    assert vocabulary.node_of_wechat(200001) == Node.DEPARTED
    assert vocabulary.node_of_wechat_shop(9) == Node.SIGNED_PICKUP
    assert vocabulary.node_of_aftership("Delivered_005") == Node.SIGNED_AGENT
    assert vocabulary.node_of_kuaidi100(999) is None
    for node, words in VOCABULARY.items():  # a word of one node alone leads back to it
        for code in words.kuaidi100:
            assert code in CHOSEN["kuaidi100"] or vocabulary.node_of_kuaidi100(code) == node


def test_the_page_is_the_table(capsys):
    call_command("print_vocabulary")
    printed = capsys.readouterr().out
    assert printed == PAGE.read_text(encoding="utf-8"), "manage.py print_vocabulary > docs/vocabulary.md"


def test_anybody_reads_it_and_caches_it():
    answer = Client().get("/api/v1/vocabulary/", headers={"accept-language": "en"})
    assert answer.status_code == 200
    assert "public" in answer["Cache-Control"]
    assert "max-age=3600" in answer["Cache-Control"]
    found = {row["node"]: row for row in answer.json()["results"]}
    assert list(found) == [node.value for node in VOCABULARY]
    assert found["OUTLET_IN"]["label"] == {"zh": "已上架，待取件", "en": "Shelved, ready for pick-up"}
    assert found["OUTLET_IN"]["effect"] == {
        "rank": 70, "state": "at_station", "custodian": "station", "hold": "clear", "ends_as": None, "cancels": False,
        "only_side": None,
    }  # fmt: skip
    assert found["HANDOVER"]["effect"]["only_side"] == "take"
    assert found["SIGNED_AGENT"]["epcis"]["destination"] == {"type": "possessing_party", "party": "recipient"}
    assert found["CORRECTION"]["epcis"]["error_reason"] == "did_not_occur"
    assert answer.json()["read_as"]["kuaidi100"]["1001"] == "ARRIVED"
    again = Client().get("/api/v1/vocabulary/", headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().post("/api/v1/vocabulary/").status_code == 405
