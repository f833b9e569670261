"""The catalogue: complete, with the placeholders of its sources; and the tool that keeps it so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext, ngettext

from config import messages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def po(tmp_path: Path) -> Path:
    return tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def test_every_used_string_is_translated_and_nothing_else_is_kept() -> None:
    assert messages.faults() == []


def test_the_compiled_catalogue_is_what_pages_show() -> None:
    messages.compile_all()
    with translation.override("zh-hans"):
        assert gettext("Sign in") == "登录"
        assert ngettext("%(count)d minute ago", "%(count)d minutes ago", 3) == "%(count)d 分钟前"
    with translation.override("en"):
        assert gettext("Sign in") == "Sign in"
        assert ngettext("%(count)d minute ago", "%(count)d minutes ago", 3) == "%(count)d minutes ago"


def test_strings_are_found_in_code_and_templates(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "views.py").write_text(
        "from django.utils.translation import gettext as _, ngettext, pgettext\n"
        'A = _("One sentence "\n      "in two parts")\n'
        'B = ngettext("%(n)s bag", "%(n)s bags", 2)\nC = pgettext("month", "May")\n'
    )
    (tmp_path / "page.html").write_text(
        '{% if a %}{# a comment #}{% translate "After a comment" %}{% endif %}\n'
        "  {% blocktranslate trimmed with name=user.name %}\n    Hello\n    {{ name }}\n  {% endblocktranslate %}\n"
        "{% blocktranslate trimmed count count=n %}{{ count }} row{% plural %}{{ count }} rows{% endblocktranslate %}\n"
        '{% include "x.html" with title=_("In an argument") %}{{ _("In a variable") }} 100%\n'
    )
    used = messages.used_messages(tmp_path)
    assert {key: plural for key, (plural, _place) in used.items()} == {
        ("", "One sentence in two parts"): "",
        ("", "%(n)s bag"): "%(n)s bags",
        ("month", "May"): "",
        ("", "After a comment"): "",
        ("", "Hello %(name)s"): "",
        ("", "%(count)s row"): "%(count)s rows",
        ("", "In an argument"): "",
        ("", "In a variable"): "",
    }


def test_adding_takes_template_variables_plurals_and_contexts(po: Path) -> None:
    messages.add(
        {
            "Hello {{ name }}": "{{ name }}，您好",
            "%(n)s bag": {"plural": "%(n)s bags", "zh": "%(n)s 袋"},
            "May": {"context": "month", "zh": "五月"},
        },
        po,
    )
    used = {
        ("", "Hello %(name)s"): ("", "a:1"),
        ("", "%(n)s bag"): ("%(n)s bags", "a:2"),
        ("month", "May"): ("", "a:3"),
    }
    assert messages.faults(used, po) == []
    assert po.with_suffix(".mo").exists()
    before = po.read_bytes()
    messages.add({"Hello {{ name }}": "{{ name }}，您好"}, po)
    assert po.read_bytes() == before, "adding again changes nothing"


def test_what_is_wrong_is_named(po: Path) -> None:
    messages.add({"Left over": "没人用", "Hello %(name)s": "您好"}, po)
    used = {("", "Hello %(name)s"): ("", "a.py:1"), ("", "New"): ("", "a.py:2")}
    found = "\n".join(messages.faults(used, po))
    assert "untranslated: 'New' (a.py:2)" in found
    assert "unused: 'Left over'" in found
    assert "placeholders differ: 'Hello %(name)s'" in found


def test_fuzzy_entries_are_named(po: Path) -> None:
    messages.add({"Hello": "您好"}, po)
    po.write_text(po.read_text("utf-8").replace('msgid "Hello"', '#, fuzzy\nmsgid "Hello"'), "utf-8")
    assert messages.faults({("", "Hello"): ("", "a.py:1")}, po) == ["fuzzy: 'Hello'"]


def test_an_empty_translation_is_refused(po: Path) -> None:
    with pytest.raises(SystemExit, match="Hello"):
        messages.add({"Hello": " "}, po)


def test_several_people_may_add_at_once(po: Path) -> None:
    program = "import json, sys, pathlib\nfrom config import messages\n"
    program += "messages.add(json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    people = [
        subprocess.Popen(
            [sys.executable, "-c", program, json.dumps({f"Word {n} {i}": f"词 {n} {i}" for i in range(20)}), str(po)],
            cwd=ROOT,
        )
        for n in range(4)
    ]
    assert [person.wait() for person in people] == [0, 0, 0, 0]
    text = po.read_text("utf-8")
    ids = [line for line in text.splitlines() if line.startswith('msgid "Word')]
    assert len(ids) == 80
    assert ids == sorted(ids)
