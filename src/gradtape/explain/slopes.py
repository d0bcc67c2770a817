"""What a connected gradient is like: which operation made it zero, where it stopped being finite, how long the path is.

One reverse sweep gives the cotangent of every value between source and target; an entry is then looked at by
itself, with its own cotangent, wherever what arrives at its input looks wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..record.segment import Entry, Pause, Segment
from ..record.tensor import Tensor
from ..sweeps.reverse import reverse
from .reading import Reading, carries, outputs_of, tensors_of

Finding = tuple[str, str, list[str], str]


def finding(reading: Reading, targets: list[Tensor], sources: list[Tensor], t: str, s: str) -> Finding:
    """(code, headline, findings, remedy) about the gradient of ``targets`` with respect to ``sources``."""
    path = reading.between(targets, sources)
    on_path = set(sources) | set(targets)
    for n in path:
        on_path.update(x for x in (*tensors_of(reading.entries[n]), *outputs_of(reading.entries[n])))
    on_path &= reading.reached(sources)
    seeds = [(x, np.ones_like(x.data)[()]) for x in targets]
    with Pause():
        cts = reverse(reading.segments, seeds, on_path)
    arrived = [np.asarray(cts[x]) for x in sources if x in cts]
    if any(not np.all(np.isfinite(ct)) for ct in arrived):
        return _not_finite(reading, path, cts, t, s)
    if not arrived or not any(np.any(ct) for ct in arrived):
        return _zero(reading, path, cts, sources, t, s)
    return _path(reading, path, arrived, t, s)


def _path(reading: Reading, path: list[int], arrived: list[Any], t: str, s: str) -> Finding:
    work = [n for n in path if reading.entries[n][0].kind != "event"]
    size = sum(ct.size for ct in arrived)
    zeros = size - sum(int(np.count_nonzero(ct)) for ct in arrived)
    findings = [f"{reading.entries[n][0].name:<14} {reading.place(n) or ''}".rstrip() for n in work[:8]]
    if len(work) > 8:
        findings.append(f"... and {len(work) - 8} more")
    if zeros:
        findings.append(f"{zeros} of the {size} elements of the gradient are zero")
    operations = f"{len(work)} operation" + ("" if len(work) == 1 else "s")
    return "GT-Path", f"{t} depends on {s} through {operations}", findings, ""


def _zero(reading: Reading, path: list[int], cts: dict[Tensor, Any], sources: list[Tensor], t: str, s: str) -> Finding:
    """The entries whose cotangent is not zero, and which hand on nothing."""
    reached = reading.reached(sources)
    findings: list[str] = []
    codes: list[str] = []
    for n in reversed(path):
        entry = reading.entries[n]
        alive = [o for o in outputs_of(entry) if o in cts and np.any(cts[o])]
        if entry[0].kind == "event" or not alive:
            continue
        dead = [x for x in tensors_of(entry) if _is_zero(cts.get(x)) and x in reached]
        if not dead:
            continue
        local = _alone(entry, cts)
        code, why = _why_zero(entry, dead[0], local)
        place = reading.place(n)
        codes.append(code)
        findings.append(f"{entry[0].name}: {why}")
        findings += [f"  {line}" for line in (place.marked() if place else [])]
        if len(codes) == 4:
            break
    if not codes:
        return (
            "GT-Zero-5",
            f"the gradient of {t} with respect to {s} is zero: {t} is a derivative, and its value does not change "
            f"with {s} (the function is linear in it)",
            [],
            "",
        )
    remedy = {
        "GT-Zero-1": "Where learning should go on: round straight through, x + gt.stop_gradient(gt.round(x) - x).",
        "GT-Zero-2": "Where the branch that was not taken should learn: a smooth one (softplus for relu).",
        "GT-Zero-3": "",
        "GT-Zero-4": "",
    }[codes[0]]
    return codes[0], f"the gradient of {t} with respect to {s} is zero", findings, remedy


def _why_zero(entry: Entry, x: Tensor, local: dict[Tensor, Any]) -> tuple[str, str]:
    row, params, inputs = entry[0], entry[1] or {}, entry[2]
    if row.kind == "constant":
        return "GT-Zero-1", "its output is constant between jumps, so its slope is zero"
    if not _is_zero(local.get(x)):
        return "GT-Zero-4", "what it hands on is cancelled by other paths: the contributions sum to zero"
    slot = next((i for i, y in enumerate(inputs) if y is x), 0)
    rule = row.alive[slot] if row.alive else None
    raw = [y.data if isinstance(y, Tensor) else y for y in inputs]
    if rule is not None and not np.any(rule(*raw, **params)):
        return "GT-Zero-2", "at these values the branch of the source is not taken, so nothing flows to it"
    if row.kind == "multilinear":
        others = [i for i, y in enumerate(inputs) if y is not x and not np.any(raw[i])]
        if others:
            return "GT-Zero-3", f"it multiplies by argument {others[0]}, which is zero here"
    value = f" {x.data}" if x.size == 1 else "s of its input"
    return "GT-Zero-3", f"its slope is zero at the value{value}"


def _not_finite(reading: Reading, path: list[int], cts: dict[Tensor, Any], t: str, s: str) -> Finding:
    """The first entry of the reverse sweep that turned a finite cotangent into one that is not."""
    for n in reversed(path):
        entry = reading.entries[n]
        given = [cts[o] for o in outputs_of(entry) if o in cts]
        if entry[0].kind == "event" or not given or not all(np.all(np.isfinite(c)) for c in given):
            continue
        bad = [x for x in tensors_of(entry) if x in cts and not np.all(np.isfinite(cts[x]))]
        local = _alone(entry, cts) if bad else {}
        bad = [x for x in bad if not np.all(np.isfinite(local.get(x, 0.0)))]
        if not bad:
            continue
        place = reading.place(n)
        findings = [
            f"{entry[0].name}:  {line}" if i == 0 else " " * (len(entry[0].name) + 3) + line
            for i, line in enumerate(place.marked() if place else [])
        ]
        findings.append(f"its slope is {_worst(local[bad[0]])} at the input {_at_worst(local[bad[0]], bad[0])}")
        wrong = _first_bad_value(reading, path)
        if wrong is not None and wrong <= n:
            at = reading.place(wrong)
            findings.append(
                f"the values were not finite from {reading.entries[wrong][0].name} on" + (f", {at}" if at else "")
            )
        return (
            "GT-NaN-1",
            f"the gradient of {t} with respect to {s} is not finite: that begins at {entry[0].name}"
            + (f" ({place.name})" if place else ""),
            findings,
            "Keep the input away from that point, or choose the other branch there with gt.where: the branch that is "
            "not taken has no influence.",
        )
    wrong = _first_bad_value(reading, path)
    findings = []
    if wrong is not None:
        at = reading.place(wrong)
        findings = [f"first value that is not finite: {reading.entries[wrong][0].name}" + (f", {at}" if at else "")]
    return "GT-NaN-2", f"the gradient of {t} with respect to {s} is not finite", findings, ""


def _first_bad_value(reading: Reading, path: list[int]) -> int | None:
    for n in path:
        entry = reading.entries[n]
        if entry[0].kind != "event" and any(not np.all(np.isfinite(o.data)) for o in outputs_of(entry)):
            return n
    return None


def _worst(ct: Any) -> str:
    values = np.asarray(ct).ravel()
    return str(values[~np.isfinite(values)][0])


def _at_worst(ct: Any, x: Tensor) -> str:
    bad = ~np.isfinite(np.asarray(ct)).ravel()
    return str(np.asarray(x.data).ravel()[bad][0])


def _alone(entry: Entry, cts: dict[Tensor, Any]) -> dict[Tensor, Any]:
    """What one entry by itself hands to its inputs, given the cotangents of its outputs."""
    if not carries(entry):
        return {}
    segment = Segment()
    segment.append(entry)
    seeds = [(o, cts[o]) for o in outputs_of(entry) if o in cts]
    with Pause():
        return reverse([segment], seeds, tensors_of(entry))


def local_slopes(entry: Entry) -> dict[Tensor, Any]:
    """The slope of one operation by itself: the derivative of the sum of its outputs with respect to each input."""
    return _alone(entry, {o: np.ones_like(o.data)[()] for o in outputs_of(entry)})


def _is_zero(ct: Any) -> bool:
    return ct is None or not np.any(ct)
