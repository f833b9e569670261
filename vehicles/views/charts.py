"""A line chart as plain SVG: nothing to load, prints as it stands. The same numbers stand in the table beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 16, 34
STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Mark:
    """A point: where, what it says."""

    x: str
    y: str
    label_y: str
    words: str


@dataclass(frozen=True)
class Series:
    """`look`: a class of proof.css; a gap in the numbers breaks the line."""

    label: str
    look: str
    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    legend_x: int


@dataclass(frozen=True)
class Chart:
    title: str
    unit: str
    series: tuple[Series, ...]
    x_labels: tuple[tuple[str, str], ...]  # x, words
    y_lines: tuple[tuple[str, str], ...]  # y, words
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def chart(
    title: str,
    unit: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    percent: bool = False,
) -> Chart | None:
    """`series`: label, look, a number or None for each of `labels`. None where there is nothing to draw."""
    numbers = [number for _label, _look, values in series for number in values if number is not None]
    if not numbers or len(labels) < 2:
        return None
    step = _step(1.0 if percent else max(numbers))
    top = 1.0 if percent else step * max(1, -(-max(numbers) // step))

    def x(at: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (at + 0.5) / len(labels)

    def y(number: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(number, top) / top

    every = max(1, -(-len(labels) // 8))
    drawn = []
    for number, (label, look, values) in enumerate(series):
        runs: list[list[str]] = [[]]
        marks = []
        for at, value in enumerate(values):
            if value is None:
                runs.append([])
                continue
            runs[-1].append(f"{x(at):.1f},{y(value):.1f}")
            words = f"{value:.0%}" if percent else f"{value:g}" if value < 1000 else f"{value:.0f}"
            above = y(value) - 9 if number == 0 else y(value) + 18
            shown = words if at % every == 0 or len(labels) <= 10 else ""
            marks.append(Mark(f"{x(at):.1f}", f"{y(value):.1f}", f"{above:.1f}", shown))
        drawn.append(
            Series(label, look, tuple(" ".join(run) for run in runs if run), tuple(marks), LEFT + 150 * number)
        )
    return Chart(
        title,
        unit,
        tuple(drawn),
        tuple((f"{x(at):.1f}", label) for at, label in enumerate(labels) if at % every == 0),
        tuple(
            (f"{y(step * n):.1f}", f"{step * n:.0%}" if percent else f"{step * n:g}")
            for n in range(round(top / step) + 1)
        ),
    )


def _step(top: float) -> float:
    """Between four and ten lines."""
    if top <= 0:
        return 1.0
    size = 1.0
    while size * 10 > top:
        size /= 10
    while size * 10 <= top:
        size *= 10
    return next((size * step for step in STEPS if top / (size * step) <= 6), size * 10)
