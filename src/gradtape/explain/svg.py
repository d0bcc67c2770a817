"""The few shapes that pictures are made of, as SVG text.  No dependency, no style sheet of anybody else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

INK = "#22303c"
SOFT = "#6b7a88"
RULE = "#d5dde4"
PAPER = "#ffffff"
BLUE, GREEN, AMBER, RED, VIOLET = "#2f6fde", "#1d9a6c", "#c98312", "#cf3f4f", "#7a52c7"
SANS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def document(width: float, height: float, parts: Iterable[str], title: str) -> str:
    """A whole SVG file."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{SANS}" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )


def label(
    x: float, y: float, text: str, *, size: float = 13, fill: str = INK, anchor: str = "start", mono: bool = False,
    weight: int = 400,
) -> str:  # fmt: skip
    """A line of text."""
    family = f' font-family="{MONO}"' if mono else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}" '
        f'font-weight="{weight}"{family} xml:space="preserve">{escape(text)}</text>'
    )


def box(x: float, y: float, w: float, h: float, *, fill: str, stroke: str = "none", radius: float = 6) -> str:
    """A rectangle with round corners."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius:g}"'
    return f'<rect {place} fill="{fill}" stroke="{stroke}"/>'


def line(points: Iterable[tuple[float, float]], *, stroke: str = RULE, width: float = 1, dash: str = "") -> str:
    """A line through points."""
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    look = f'fill="none" stroke="{stroke}" stroke-width="{width:g}" stroke-linejoin="round"{dashed}'
    return f'<polyline points="{path}" {look}/>'


def dot(x: float, y: float, radius: float, fill: str) -> str:
    """A filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}"/>'


def curve(x0: float, y0: float, x1: float, y1: float, *, stroke: str = SOFT) -> str:
    """A curve from one point down to another."""
    bend = (y1 - y0) / 2
    return (
        f'<path d="M{x0:.1f},{y0:.1f} C{x0:.1f},{y0 + bend:.1f} {x1:.1f},{y1 - bend:.1f} {x1:.1f},{y1:.1f}" '
        f'fill="none" stroke="{stroke}" stroke-width="1.3"/>'
    )
