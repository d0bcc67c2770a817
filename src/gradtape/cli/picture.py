"""The result of ``gradtape seeds`` as a picture: one row a program, with the function, its slope and its curvature."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..explain import svg
from ..record.tensor import Tensor
from ..tape import GradientTape
from .expression import Expression
from .outcome import Outcome

ROW, TOP, WIDTH = 58.0, 118.0, 1060.0
_COLUMNS = {"program": 28.0, "plot": 386.0, "tensorflow": 604.0, "gradtape": 770.0, "verdict": 1010.0}
_CURVES = [("f", svg.INK, 2.0), ("f'", svg.BLUE, 1.6), ("f''", svg.AMBER, 1.6)]


def picture(outcomes: list[Outcome]) -> str:
    """The whole picture, as SVG text."""
    good = sum(not o.wrong for o in outcomes)
    height = TOP + ROW * len(outcomes) + 62
    colour = svg.GREEN if good == len(outcomes) else svg.RED
    about = "Fifteen TensorFlow programs about nested gradient tapes, run on gradtape as they stand"
    right = WIDTH - 28
    parts = [
        svg.label(28, 44, "The seed programs", size=24, weight=650),
        svg.label(28, 68, about, fill=svg.SOFT),
        svg.label(right, 44, f"{good} of {len(outcomes)}", size=24, weight=650, anchor="end", fill=colour),
        svg.label(right, 68, "as they must be", fill=svg.SOFT, anchor="end"),
        *_heads(),
    ]
    for i, outcome in enumerate(outcomes):
        parts += _row(outcome, TOP + ROW * i, i)
    note = "Curves: taken by nested tapes.  + the same program, asking what its author meant to ask."
    parts.append(svg.label(28, height - 26, note, size=12, fill=svg.SOFT))
    return svg.document(WIDTH, height, parts, "The seed programs on gradtape")


def _heads() -> list[str]:
    y = TOP - 16
    heads = [("program", "program"), ("tensorflow", "TensorFlow 2.21"), ("gradtape", "gradtape")]
    parts = [svg.label(_COLUMNS[key], y, text, size=12, fill=svg.SOFT, weight=600) for key, text in heads]
    x = _COLUMNS["plot"]
    for name, colour, width in _CURVES:
        parts.append(svg.line([(x, y - 4), (x + 16, y - 4)], stroke=colour, width=width))
        parts.append(svg.label(x + 21, y, name, size=12, fill=svg.SOFT))
        x += 52
    parts.append(svg.line([(28, TOP - 6), (WIDTH - 28, TOP - 6)]))
    return parts


def _row(outcome: Outcome, y: float, i: int) -> list[str]:
    program = outcome.program
    middle = y + ROW / 2
    parts: list[str] = []
    if i % 2:
        parts.append(svg.box(16, y, WIDTH - 32, ROW, fill="#f6f8fa", radius=4))
    parts.append(svg.label(_COLUMNS["program"], middle + 5, program.name, mono=True, weight=600))
    parts.append(svg.label(_COLUMNS["program"] + 68, middle + 5, program.about, size=13))
    parts += _plot(program.curve, program.at, _COLUMNS["plot"], y + 7, 170, ROW - 14)
    told = program.tensorflow or "-"
    colour = svg.RED if program.tensorflow_fails else svg.INK if program.tensorflow else svg.SOFT
    parts.append(svg.label(_COLUMNS["tensorflow"], middle + 5, told, mono=True, size=12.5, fill=colour))
    note = "the loss comes before the step" if program.reason else "NumPy's, as it should be" if program.error else ""
    if outcome.wrong:
        note = outcome.wrong[0][:40]
    x = _COLUMNS["gradtape"]
    parts.append(svg.label(x, middle + (-2 if note else 5), outcome.shown, mono=True, size=12.5, weight=600))
    if note:
        parts.append(svg.label(x, middle + 14, note, size=11, fill=svg.RED if outcome.wrong else svg.SOFT))
    return parts + _verdict(_COLUMNS["verdict"], middle, not outcome.wrong)


def _verdict(x: float, y: float, good: bool) -> list[str]:
    if good:
        mark = [(x - 5, y), (x - 1.5, y + 4), (x + 5.5, y - 4.5)]
        return [svg.dot(x, y, 11, svg.GREEN), svg.line(mark, stroke=svg.PAPER, width=2.2)]
    return [
        svg.dot(x, y, 11, svg.RED),
        svg.line([(x - 4, y - 4), (x + 4, y + 4)], stroke=svg.PAPER, width=2.2),
        svg.line([(x - 4, y + 4), (x + 4, y - 4)], stroke=svg.PAPER, width=2.2),
    ]


def _plot(curve: str, at: float, x: float, y: float, width: float, height: float) -> list[str]:
    """f, f' and f'' around a point, each scaled to the height by itself around a common zero line."""
    span = max(1.6, abs(at) + 0.8)
    grid = np.linspace(at - span, at + span, 81)
    values = derivatives(curve, grid)
    zero = y + height / 2
    parts = [svg.line([(x, zero), (x + width, zero)], dash="2 3")]
    px = x + width * (grid - grid[0]) / (grid[-1] - grid[0])
    dots: list[str] = []
    for (_, colour, stroke), v in zip(_CURVES, values, strict=True):
        size = float(np.max(np.abs(v))) or 1.0
        py = zero - 0.96 * height / 2 * v / size
        parts.append(svg.line(list(zip(px.tolist(), py.tolist(), strict=True)), stroke=colour, width=stroke))
        dots.append(svg.dot(float(px[40]), float(py[40]), 2.8, colour))
    return parts + dots


def derivatives(curve: str, grid: Any) -> list[Any]:
    """f, f' and f'' of an expression in x on a grid, by two nested tapes: element by element, so sums do no harm."""
    f = Expression(curve, ["x"])
    x = Tensor(grid)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = f(x=x)
        slope = inner.gradient(y, x, unconnected_gradients="zero")
    bend = outer.gradient(slope, x, unconnected_gradients="zero")
    return [np.asarray(t.data) * np.ones_like(grid) for t in (y, slope, bend)]
