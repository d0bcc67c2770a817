"""A record as a picture: operations in layers, values in the boxes, local slopes on the edges.

Long records are folded: neighbouring operations of one source line become one box, and if that is not enough,
neighbouring lines do.  The layout is Sugiyama's: layers by longest path, dummies on long edges, barycentres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..record.segment import Segment
from ..record.tensor import Tensor
from . import svg
from .listing import Names, number, summary
from .places import called
from .reading import Reading, outputs_of, tensors_of
from .slopes import local_slopes

#: More operations than this are folded by source line; more boxes than this are merged.
MOST_NODES = 40

_ROW = 84.0
_HEIGHT = 40.0
_GAP = 26.0


@dataclass(eq=False)
class Node:
    """A box, or (without lines of text) a place where a long edge passes a layer."""

    lines: list[str] = field(default_factory=list[str])
    colour: str = svg.SOFT
    layer: int = 0
    x: float = 0.0

    @property
    def width(self) -> float:
        """How wide the box is."""
        return max([8.0 * len(self.lines[0]), *(6.4 * len(t) for t in self.lines[1:])]) + 22 if self.lines else 10.0


Edge = tuple[Node, Node, str]


def draw(segments: Sequence[Segment], target: Tensor | None = None, title: str = "gradtape record") -> str:
    """The record (or the part of it that ``target`` was computed from) as SVG text."""
    reading = Reading(segments)
    numbers = [n for n, e in enumerate(reading.entries) if e[0].kind != "event"]
    if target is not None:
        needed = reading.ancestors([target])
        numbers = [n for n in numbers if any(o in needed for o in outputs_of(reading.entries[n]))]
    nodes, edges = _boxes(reading, numbers)
    layers, pieces = _layers(nodes, edges)
    _order(layers, pieces)
    width = _place(layers)
    height = len(layers) * _ROW + 40
    parts = _shapes(pieces, nodes)
    parts.append(svg.label(16, height - 12, summary(segments), size=11.5, fill=svg.SOFT))
    return svg.document(width, height, parts, title)


def _boxes(reading: Reading, numbers: list[int]) -> tuple[list[Node], list[Edge]]:
    """One box per operation, or per group of them, and one per value that nothing computed."""
    names = Names(reading)
    groups = _groups(reading, numbers)
    folded = len(groups) < len(numbers)
    nodes: list[Node] = []
    edges: list[Edge] = []
    owner: dict[Tensor, Node] = {}
    for group in groups:
        node = Node(_title(reading, group), svg.BLUE)
        for n in group:
            entry = reading.entries[n]
            if len(group) == 1 and not entry[0].carries:
                node.colour = svg.AMBER
            slopes: dict[Tensor, Any] = {} if folded else local_slopes(entry)
            for x in dict.fromkeys(tensors_of(entry)):
                if x not in owner:
                    if folded:
                        continue
                    owner[x] = _source(x, names, x in reading.variables)
                    nodes.append(owner[x])
                slope = slopes.get(x)
                text = number(slope) if slope is not None and np.size(slope) == 1 else ""
                if owner[x] is not node and not any(a is owner[x] and b is node for a, b, _ in edges):
                    edges.append((owner[x], node, text))
            for o in outputs_of(entry):
                owner[o] = node
        if folded:
            source = _sources(reading, names, group)
            if source is not None:
                nodes.append(source)
                edges.append((source, node, ""))
        nodes.append(node)
    used = {id(a) for a, _, _ in edges}
    for node in nodes:
        if id(node) not in used and node.colour == svg.BLUE:
            node.colour = svg.VIOLET
    return nodes, edges


def _groups(reading: Reading, numbers: list[int]) -> list[list[int]]:
    groups = [[n] for n in numbers]
    if len(groups) <= MOST_NODES:
        return groups
    folded: list[list[int]] = []
    last: Any = None
    for n in numbers:
        place = reading.place(n)
        at = (place.file, place.line) if place else None
        if folded and at == last:
            folded[-1].append(n)
        else:
            folded.append([n])
        last = at
    if len(folded) <= MOST_NODES:
        return folded
    return _merged(_loops(reading, folded))


def _loops(reading: Reading, groups: list[list[int]]) -> list[list[int]]:
    """Lines that come again and again in the same order, as in a loop, become one group."""
    keys = [str(reading.place(g[0])) for g in groups]
    found: list[list[int]] = []
    i = 0
    while i < len(groups):
        taken = 1
        for period in range(1, min(30, (len(keys) - i) // 2) + 1):
            end = i + period
            while end < len(keys) and keys[end] == keys[end - period]:
                end += 1
            if end - i >= 3 * period:
                taken = end - i
                break
        found.append([n for group in groups[i : i + taken] for n in group])
        i += taken
    return found


def _merged(groups: list[list[int]]) -> list[list[int]]:
    """Neighbours put together until there are few enough."""
    if len(groups) <= MOST_NODES:
        return groups
    ends = [len(groups) * (i + 1) // MOST_NODES for i in range(MOST_NODES)]
    return [[n for group in groups[a:b] for n in group] for a, b in zip([0, *ends], ends, strict=False)]


def _title(reading: Reading, group: list[int]) -> list[str]:
    first = reading.place(group[0])
    where = first.name if first else ""
    if len(group) == 1:
        entry = reading.entries[group[0]]
        out = outputs_of(entry)[0]
        name = called(*entry[4:])
        value = number(out.data) if out.size == 1 else str(out.shape)
        return [entry[0].name, f"{name} = {value}" if name else value]
    lines = {p.line for p in (reading.place(n) for n in group) if p and first and p.file == first.file}
    if len(lines) > 1:
        where = f"{where.rpartition(':')[0]}:{min(lines)}-{max(lines)}"
    return [f"{len(group)} operations", where]


def _source(x: Tensor, names: Names, variable: bool) -> Node:
    value = number(x.data) if x.size == 1 else str(x.shape)
    return Node([names[x] if variable else "constant", value], svg.GREEN if variable else svg.SOFT)


def _sources(reading: Reading, names: Names, group: list[int]) -> Node | None:
    """The Variables that a folded group uses, in one box."""
    used = dict.fromkeys(
        x for n in group for x in tensors_of(reading.entries[n]) if x in reading.variables and x not in reading.made
    )
    if not used:
        return None
    told = [names[x] for x in used]
    return Node(
        [", ".join(told[:4]) + (" ..." if len(told) > 4 else ""), "Variable" + "s" * (len(told) > 1)], svg.GREEN
    )


def _layers(nodes: list[Node], edges: list[Edge]) -> tuple[list[list[Node]], list[Edge]]:
    """Each node below all that it uses, sources just above their first use; long edges cut at every layer."""
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for a, b, _ in edges:
        above.setdefault(b, []).append(a)
        below.setdefault(a, []).append(b)
    for node in nodes:  # in the order of the record: what a node uses comes before it
        node.layer = max((a.layer + 1 for a in above.get(node, [])), default=0)
    for node in nodes:
        if node not in above and node in below:
            node.layer = min(b.layer for b in below[node]) - 1
    depth = max((n.layer for n in nodes), default=0)
    layers: list[list[Node]] = [[] for _ in range(depth + 1)]
    for node in nodes:
        layers[node.layer].append(node)
    pieces: list[Edge] = []
    for a, b, text in edges:
        at = a
        for layer in range(a.layer + 1, b.layer):
            step = Node(layer=layer)
            layers[layer].append(step)
            pieces.append((at, step, ""))
            at = step
        pieces.append((at, b, text))
    return layers, pieces


def _order(layers: list[list[Node]], pieces: list[Edge]) -> None:
    """Barycentre sweeps, down and up: each layer sorted by the mean position of its neighbours."""
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for a, b, _ in pieces:
        above.setdefault(b, []).append(a)
        below.setdefault(a, []).append(b)
    for sweep in range(8):
        neighbours = below if sweep % 2 else above
        for layer in reversed(layers) if sweep % 2 else layers:
            for i, node in enumerate(layer):
                near = neighbours.get(node)
                node.x = sum(n.x for n in near) / len(near) if near else float(i)
            layer.sort(key=lambda n: n.x)
            for i, node in enumerate(layer):
                node.x = float(i) - len(layer) / 2


def _place(layers: list[list[Node]]) -> float:
    """Coordinates: the boxes of a layer side by side, every layer in the middle."""
    widths = [sum(n.width for n in layer) + _GAP * (len(layer) - 1) for layer in layers]
    width = max([*widths, 260.0]) + 40
    for layer, own in zip(layers, widths, strict=True):
        x = (width - own) / 2
        for node in layer:
            node.x = x + node.width / 2
            x += node.width + _GAP
    return width


def _shapes(pieces: list[Edge], nodes: list[Node]) -> list[str]:
    parts: list[str] = []
    labels: list[str] = []
    for a, b, text in pieces:
        y0 = 16 + a.layer * _ROW + (_HEIGHT if a.lines else _HEIGHT / 2)
        y1 = 16 + b.layer * _ROW + (0 if b.lines else _HEIGHT / 2)
        parts.append(svg.curve(a.x, y0, b.x, y1))
        if text:
            x, y = a.x + 0.62 * (b.x - a.x), y0 + 0.62 * (y1 - y0)
            wide = 6.2 * len(text) + 6
            labels.append(svg.box(x - wide / 2, y - 8, wide, 15, fill=svg.PAPER, radius=3))
            labels.append(svg.label(x, y + 3.5, text, size=10.5, fill=svg.SOFT, anchor="middle", mono=True))
    for node in nodes:
        y = 16 + node.layer * _ROW
        parts.append(svg.box(node.x - node.width / 2, y, node.width, _HEIGHT, fill=svg.PAPER, stroke=node.colour))
        parts.append(svg.label(node.x, y + 17, node.lines[0], size=13, fill=node.colour, anchor="middle", weight=600))
        parts.append(svg.label(node.x, y + 32, node.lines[1], size=10.5, anchor="middle", mono=True))
    return parts + labels
