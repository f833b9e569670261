"""The house's rules that an import graph can't see, as plain functions over a folder or a list, so that each can be
held against the real project and against a planted violation of itself."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("config", "demo", "reports", "settlement", "vehicles", "tracking", "orders", "stations", "accounts", "common")
APPS = LAYERS[2:]
# the one foreign key that may point up, and Django's own apps, which stand below everything
MAY_POINT_UP = {("common", "accounts")}

# table.column → the files that may write it (as a Python keyword or in SQL)
STATE_OWNERS: dict[str, tuple[str, ...]] = {
    "orders_parcel registers": ("tracking/services/", "tracking/sql/"),
    "stations_station.state": ("stations/services/stations.py", "stations/sql/"),
    "common_job.state": ("common/services.py", "common/moves.py"),
    "vehicles.state": ("vehicles/services", "vehicles/sql/"),
    "settlement.state": ("settlement/services", "settlement/sql/"),
    "reports.state": ("reports/services", "reports/sql/"),
}
REGISTERS = ("s_k", "s_state", "c_k", "c_kind", "h_k", "h_node", "p_k", "pickup_code", "t_k", "t_state", "x_k", "f_k")


def python_files(root: Path, folders: Iterable[str] = APPS) -> Iterator[Path]:
    """Source files of the apps, migrations left out."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def keys_that_point_up(models: Iterable[type]) -> list[str]:
    """Foreign keys from a lower app to a higher one."""
    found = []
    for model in models:
        source = model._meta.app_label
        for field in model._meta.get_fields():
            if not (field.is_relation and field.concrete and field.related_model):
                continue
            target = field.related_model._meta.app_label
            ours = source in LAYERS and target in LAYERS and (source, target) not in MAY_POINT_UP
            if ours and LAYERS.index(target) < LAYERS.index(source):
                found.append(f"{model._meta.label}.{field.name} → {target}")
    return found


def state_writes_outside_the_owner(root: Path) -> list[str]:
    """A state or register written in Python or SQL by a file that is not its owner's."""
    found = []
    for path in python_files(root):
        where = path.relative_to(root).as_posix()
        for call in (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            written: set[str] = set()
            if name == "update":
                written = {k.arg for k in call.keywords if k.arg}
            elif name in ("save", "bulk_update"):
                written = {c.value for c in ast.walk(call) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
            if written & {"state", *REGISTERS} and not _owned(where, written):
                found.append(f"{where}:{call.lineno} writes {sorted(written & {'state', *REGISTERS})}")
    for path in sorted(root.glob("*/sql/*.sql")):
        where = path.relative_to(root).as_posix()
        text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
        for table, body in re.findall(
            r"UPDATE\s+(\w+)(?:\s+(?:AS\s+)?\w+)?\s+SET\s+(.*?)(?:\bFROM\b|\bWHERE\b|\Z)", text, re.S | re.I
        ):
            columns = set(re.findall(r"(?:^|,)\s*(\w+)\s*=", body))
            if table == "orders_parcel" and columns & set(REGISTERS) and not _in(where, "orders_parcel registers"):
                found.append(f"{where} writes registers of {table}")
            if "state" in columns and table.split("_")[0] != where.split("/")[0]:
                found.append(f"{where} writes {table}.state")
    return found


def _in(where: str, owner: str) -> bool:
    return where.startswith(STATE_OWNERS[owner])


def _owned(where: str, written: set[str]) -> bool:
    if written & set(REGISTERS):
        return _in(where, "orders_parcel registers")
    app = where.split("/")[0]
    owners = {"stations": "stations_station.state", "common": "common_job.state"}
    if app in owners:
        return _in(where, owners[app])
    return app in ("settlement", "reports", "tracking", "vehicles") and "/services" in where


def unscoped_reads_in_edges(root: Path) -> list[str]:
    """`Model.objects…` in a view, API or form module that doesn't go through `visible_to` (or is not marked why)."""
    found = []
    for path in python_files(root, APPS[:-1]):
        where = path.relative_to(root).as_posix()
        if not re.search(r"/(views|api|forms)(/|\.py)", where):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        tree = ast.parse("\n".join(lines))
        scoped = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "visible_to":
                scoped |= {id(part) for part in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "objects" and id(node) not in scoped:
                marked = any(
                    "unscoped:" in lines[n - 1] for n in range(max(1, node.lineno - 1), (node.end_lineno or 0) + 1)
                )
                if not marked:
                    found.append(f"{where}:{node.lineno}")
    return found


def settings_read(root: Path) -> set[str]:
    """Names of environment variables that config/ reads."""
    names: set[str] = set()
    for path in (root / "config").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        names |= set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', text))
        names |= set(re.findall(r'os\.environ(?:\.get\(|\[)\s*"([A-Z_]+)"', text))
    own = {name for name in names if not name.startswith("PYTHON")}  # those are the interpreter's
    return own - {"DJANGO_SETTINGS_MODULE", "CI", "PATH", "HOME"}


def settings_documented(root: Path) -> set[str]:
    """Names in .env.example, commented out or not."""
    return set(re.findall(r"^#?\s*([A-Z_]+)=", (root / ".env.example").read_text(encoding="utf-8"), re.M))


def layers_drawn(root: Path) -> list[str]:
    """The layers of the picture in ARCHITECTURE.md, top first."""
    text = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = re.search(r"```layers\n(.*?)```", text, re.S)
    return re.findall(r"^(\w+)/", block.group(1), re.M) if block else []


def layers_linted(root: Path) -> list[str]:
    """The layers import-linter checks, top first, those without a folder left out."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    first = next(c for c in contracts if c["type"] == "layers" and "containers" not in c)
    names = [n.strip(" ()") for layer in first["layers"] for n in layer.split("|")]
    return [n for n in names if (root / n).is_dir()]


BANNED = {
    r"\b(?:eta|countdown)\s*=": "a task that waits in the broker is lost with it: use a row and beat",
    r"pg_(?:try_)?advisory_lock\(": "session locks leak under a pooler: pg_advisory_xact_lock",
    r"\bxml\.etree|\blxml\b": "defusedxml only",
    r"\bpickle\b|yaml\.load\(": "no code in data",
    r"@receiver\(|post_save|pre_save": "facts are pulled up by rows, no signals",
    r"fields\s*=\s*[\"']__all__[\"']": "serializers and forms list their fields by hand",
    r"\bfloat\(.*(?:yuan|amount|rate)": "money is Decimal",
}


def banned_words(root: Path) -> list[str]:
    """Lines that hold a pattern the house has ruled out, with the reason."""
    found = []
    for path in python_files(root, LAYERS):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for pattern, why in BANNED.items():
                if re.search(pattern, line):
                    found.append(f"{path.relative_to(root).as_posix()}:{number} {why}")
    return found


def as_prepared(sql: str) -> str:
    """psycopg2's `%(name)s` as PREPARE's `$n`, `%%` as `%`; one number a name."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match.group(1), len(names) + 1)}"

    return re.sub(r"%\((\w+)\)s", number, sql).replace("%%", "%")
