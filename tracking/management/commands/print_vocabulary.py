from collections.abc import Iterable, Sequence

from django.core.management.base import BaseCommand
from django.utils.translation import override

from tracking.states import Node
from tracking.vocabulary import CHOSEN, PARTY_TYPE, VOCABULARY, effect, rows

HEAD = """# The vocabulary: every node in the words of others

Printed from `tracking/vocabulary.py` by `manage.py print_vocabulary > docs/vocabulary.md`; a test fails when the two
differ. Programs read the same table at `GET /api/v1/vocabulary/`, open to all. The EPCIS words are of GS1's Core
Business Vocabulary 2.0 (41 business steps, 33 dispositions); which of them a node gets, and every other cell, is our
own mapping. No platform promises an order of its words, and none is assumed of what comes in.
"""
NODES = """## Nodes

What each does to a parcel; the rules are in `docs/fold.md`. A dash leaves the parcel as it was.
"""
EPCIS = f"""## EPCIS 2.0

`source` and `destination` are of type `{PARTY_TYPE}`: custody moves, ownership doesn't. An AggregationEvent puts the
parcel into its parent or takes it out; a scan that names no parent goes out as an ObjectEvent with OBSERVE, since the
standard asks for one. CBV has no word for "signed for by the recipient": it is `accepting` with the recipient as
destination and no disposition.
"""
OTHERS = """## Other systems

The first of several codes is the one that is sent; all of them are understood. A dash: the system has no word for it.
"""
SHARED = """## Words that several nodes share

Coming in, such a word is read as the node that claims least: it gives no station of ours custody, and a parcel no
end, if it can also mean less.
"""
SYSTEMS = {
    "wechat_action": "WeChat 物流助手 action_type",
    "wechat_shop": "WeChat 小店 status",
    "kuaidi100": "Kuaidi100 快递100",
    "kdniao": "KDNiao 快递鸟 StateEx",
    "sf": "SF 顺丰 opcode",
    "aftership": "AfterShip subtag",
}


class Command(BaseCommand):
    help = "Print docs/vocabulary.md: each node's words in EPCIS, WeChat, Kuaidi100, KDNiao, SF and AfterShip."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(as_markdown(), ending="")


def as_markdown() -> str:
    """The whole page."""
    table = list(rows())
    parts = [
        HEAD,
        NODES,
        _table(
            ("Node", "中文", "English", "Rank", "State", "Custodian", "On hold", "Ends"),
            ((row["node"], row["label"]["zh"], row["label"]["en"], *_effect(row["node"])) for row in table),
        ),
        EPCIS,
        _table(
            ("Node", "Event", "bizStep", "disposition", "action", "Parent", "Source", "Destination"),
            (_epcis(node) for node in VOCABULARY),
        ),
        OTHERS,
        _table(
            ("Node", *list(SYSTEMS.values())[:-1], "AfterShip", "Unified"),
            (
                (
                    row["node"],
                    row["wechat"]["action_type"],
                    row["wechat"]["shop_status"],
                    *(", ".join(map(str, row[system])) for system in ("kuaidi100", "kdniao", "sf")),
                    row["aftership"]["subtag"],
                    " / ".join(filter(None, row["unified"].values())),
                )
                for row in table
            ),
        ),
        SHARED,
        _table(
            ("System", "Word", "Read as"),
            ((SYSTEMS[system], code, node.value) for system, codes in CHOSEN.items() for code, node in codes.items()),
        ),
    ]
    return "\n".join(parts)


def _effect(name: str) -> tuple[object, ...]:
    does = effect(Node(name))
    custodian = does["custodian"] and does["custodian"] + (" (side take)" if does["only_side"] else "")
    return does["rank"], does["state"], custodian, does["hold"], "cancelled" if does["cancels"] else does["ends_as"]


def _epcis(node: Node) -> tuple[object, ...]:
    word = VOCABULARY[node].epcis
    if word.error_reason:
        return (node.value, "errorDeclaration of the scan it takes back", "", "", word.error_reason, "", "", "")
    return (
        node.value, word.event_type, word.biz_step, word.disposition, word.action, word.parent, word.source,
        word.destination,
    )  # fmt: skip


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    with override("en"):
        cells = [[str("–" if cell in (None, "") else cell) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in (list(head), ["---"] * len(head), *cells))
