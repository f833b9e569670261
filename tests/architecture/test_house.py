"""The house's rules hold, and each rule would notice if it were broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.db.utils import Error
from django.test.utils import isolate_apps

from tests.architecture import rules
from tests.architecture.rules import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The apps' source in a folder of its own, to plant violations in."""
    for folder in rules.LAYERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "manage.py", ".env.example", "ARCHITECTURE.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    script = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=120
    )


def test_imports_only_point_down():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("stations/queries/__init__.py", "import orders.models"),  # upwards between apps
        ("stations/queries/__init__.py", "import stations.services"),  # upwards inside an app
        ("orders/helpers.py", "X = 1"),  # a file the shelf has no place for
        ("tracking/fold.py", "import django.db"),  # a pure module with Django in it
        ("settlement/services/__init__.py", "import settlement.views"),  # domain code that knows a page
    ],
)
def test_a_planted_import_is_caught(copy: Path, file: str, line: str):
    target = copy / file
    target.write_text((target.read_text(encoding="utf-8") if target.exists() else "") + f"\n{line}\n", encoding="utf-8")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout[-3000:]


def test_foreign_keys_point_down():
    assert rules.keys_that_point_up(apps.get_models()) == []


@isolate_apps("stations", "orders")
def test_a_key_that_points_up_is_caught():
    class Parcel(models.Model):  # noqa: DJ008
        class Meta:
            app_label = "orders"

    class Shelf(models.Model):  # noqa: DJ008
        parcel = models.ForeignKey(Parcel, models.CASCADE)

        class Meta:
            app_label = "stations"

    assert rules.keys_that_point_up([Shelf, Parcel]) == ["stations.Shelf.parcel → orders"]


def test_states_have_one_writer():
    assert rules.state_writes_outside_the_owner(ROOT) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("orders/views.py", "def f(q):\n    q.update(state='delivered')\n"),
        ("orders/queries.py", "def f(p):\n    p.save(update_fields=['t_k'])\n"),
        ("settlement/sql/steal.sql", "UPDATE orders_parcel SET t_k = NULL, weight_g = 1 WHERE id = 1"),
        ("tracking/sql/steal.sql", "UPDATE stations_station s SET state = 'closed' WHERE s.id = 1"),
        ("reports/views.py", "def f(q):\n    q.update(state='closed')\n"),
    ],
)
def test_a_second_writer_is_caught(copy: Path, file: str, text: str):
    target = copy / file
    target.parent.mkdir(exist_ok=True)
    if target.with_suffix("").is_dir():  # views is a package there
        target = target.with_suffix("") / "planted.py"
    target.write_text(text, encoding="utf-8")
    assert rules.state_writes_outside_the_owner(copy)


def test_edges_read_through_the_door():
    assert rules.unscoped_reads_in_edges(ROOT) == []


def test_a_read_past_the_door_is_caught(copy: Path):
    (copy / "orders" / "views").mkdir(exist_ok=True)
    (copy / "orders" / "views" / "planted.py").write_text("def f():\n    return Parcel.objects.filter(pk=1)\n")
    assert rules.unscoped_reads_in_edges(copy) == ["orders/views/planted.py:2"]


def test_settings_are_documented():
    assert rules.settings_read(ROOT) <= rules.settings_documented(ROOT)


def test_an_undocumented_setting_is_caught(copy: Path):
    with (copy / "config" / "settings.py").open("a") as file:
        file.write('\nX = env.str("NOBODY_KNOWS", default="")\n')
    assert rules.settings_read(copy) - rules.settings_documented(copy) == {"NOBODY_KNOWS"}


def test_the_picture_is_what_is_linted():
    assert rules.layers_drawn(ROOT) == rules.layers_linted(ROOT)


def test_an_old_picture_is_caught(copy: Path):
    page = copy / "ARCHITECTURE.md"
    page.write_text(page.read_text(encoding="utf-8").replace("tracking/ ", "tracing/ "), encoding="utf-8")
    assert rules.layers_drawn(copy) != rules.layers_linted(copy)


def test_nothing_ruled_out_is_used():
    assert rules.banned_words(ROOT) == []


@pytest.mark.parametrize("line", ["ring(countdown=60)", "import pickle", "@receiver(x)", 'fields = "__all__"'])
def test_what_is_ruled_out_is_caught(copy: Path, line: str):
    (copy / "orders" / "planted.py").write_text(line + "\n", encoding="utf-8")
    assert rules.banned_words(copy)


STATEMENTS = sorted(path for app in rules.APPS for path in (ROOT / app).glob("sql/*.sql"))


def prepare(sql: str) -> None:
    """PREPARE a statement against the migrated schema; temp tables it names must be declared in `-- staging:` lines."""
    staging = [line.removeprefix("-- staging:").strip() for line in sql.splitlines() if line.startswith("-- staging:")]
    with transaction.atomic(), connection.cursor() as cursor:
        for line in staging:
            cursor.execute(line)
        cursor.execute("PREPARE house_check AS " + rules.as_prepared(sql).rstrip().rstrip(";"))
        cursor.execute("DEALLOCATE house_check")
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("path", STATEMENTS, ids=lambda p: f"{p.parent.parent.name}/{p.stem}")
def test_every_statement_prepares(path: Path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("--"), "a statement opens with what it does and the index it uses"
    prepare(text)


@pytest.mark.django_db
def test_a_statement_on_a_column_that_is_gone_is_caught():
    with pytest.raises(Error):
        prepare("-- x\nSELECT gone FROM orders_parcel WHERE id = %(id)s")
