"""The one table of what each feed of shared/data/gtfs yields, by file and line. `python -m tests.vehicles.gtfs_table`
writes it into docs/gtfs.md; test_gtfs.py keeps the two together."""

from itertools import groupby
from pathlib import Path

from vehicles.gtfs import Finding, read_feed

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "gtfs"
DOC = ROOT / "docs" / "gtfs.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
WORDS = {True: "refused", False: "taken in"}


def feeds() -> dict[str, Path]:
    return {**{path.name: path for path in sorted((DATA / "bad").iterdir())}, "donan": DATA / "donan" / "gtfs"}


def _lines(found: list[Finding]) -> str:
    """2–10, 14: runs of lines drawn together; a dash for the file as a whole."""
    numbers = sorted({one.line for one in found})
    runs = [
        [number for _at, number in group] for _key, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    text = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return "–" if text == "0" else text


def table() -> str:
    rows = ["| feed | outcome | file | line | column | level | what |", "|---|---|---|---|---|---|---|"]
    for name, path in feeds().items():
        feed = read_feed(path)
        outcome = WORDS[feed.refused]
        kinds: dict[tuple[str, str, str, str], list[Finding]] = {}
        for one in feed.findings:
            kinds.setdefault((one.file, one.level, one.code, one.field), []).append(one)
        if not kinds:
            rows.append(f"| {name} | {outcome} | – | – | – | – | nothing to say |")
        for (file, level, code, column), found in kinds.items():
            column = column.replace("�", "?") or "–"
            rows.append(f"| {name} | {outcome} | {file} | {_lines(found)} | {column} | {level} | `{code}` |")
    return "\n".join(rows)


def written() -> str:
    text = DOC.read_text(encoding="utf-8")
    return text.split(BEGIN)[1].split(END)[0].strip()


def main() -> None:
    text = DOC.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    DOC.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
