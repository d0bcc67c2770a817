"""``check_derivatives``: the laws of derivatives, on a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import DerivativeError, GradtapeError, message, nearest
from ..record import sites
from ..record.segment import Pause
from . import elsewhere, laws
from .problem import Problem
from .report import Report, Result
from .study import Study

#: Every law, in the order in which they are tried; those of one order are added for each.
LAWS: dict[str, Callable[[Study], laws.Seen]] = {
    "value": laws.value,
    "tangent": laws.tangent,
    "duality": laws.duality,
    "taylor": laws.taylor,
    "order 2": laws.higher(2),
    "symmetry": laws.symmetry,
    "nestings": laws.nestings,
    "jet": laws.jet,
    "batch": elsewhere.batch,
    "low precision": elsewhere.low_precision,
}
HIGHEST = 6


def check_derivatives(
    f: Callable[..., Any],
    *primals: Any,
    order: int = 2,
    seed: int = 0,
    skip: Iterable[str] = (),
    verbose: bool = True,
) -> Report:
    """Check all derivatives of ``f`` at ``primals`` against each other and against differences of its values.

    The laws, in the order in which they are tried; the first one that does not hold raises:

    ============= ================================================================================================
    value         f gives the same, finite, value each time, on a tape or not
    tangent       <ct, J v> is the derivative of <ct, f(x + t v)>, by extrapolated central differences in float64
                  (Ridders 1982), or by a complex step where f is analytic
    duality       <ct, J v> = <J' ct, v>: reverse mode is the transpose of forward mode
    taylor        Taylor's polynomial of order K leaves a remainder of order h^(K+1), K = 1 .. ``order``
    order n       reverse mode of reverse mode ..., n = 2 .. ``order``, against differences of the order below
    symmetry      u' H v = v' H u
    nestings      forward and reverse mode, in each other in every way, give one number
    jet           Taylor mode gives what nested forward mode gives
    batch         vmap of f and of its gradient is a loop
    low precision float32 gradients are those of float64, to rounding
    ============= ================================================================================================

    Parameters
    ----------
    f
        A function of arrays, or trees of them, to arrays or a tree of them, in gradtape's or NumPy's functions.
    primals
        Its arguments: arrays, floats, lists of floats, Tensors, Variables (which get other values while ``f`` runs, and
        their own back), or trees of these.  Derivatives are taken by all floating-point leaves; integers are held.
        The point must be inside the domain, and off any kink.
    order
        Up to which order derivatives are checked, 1 to 6.
    seed
        Of the random directions and weights: the same in every run.
    skip
        Names of laws to leave out: ``skip=["batch"]`` for a function that decides by values.
    verbose
        Print the report, as a table.

    Returns
    -------
    Report
        A line for each law; ``report.ok``, ``report.orders``, ``report["tangent"].worst``.

    Raises
    ------
    DerivativeError
        The first law that does not hold: which one, at which point, for which input, what was found and expected, and
        the likely cause: a sign, a factor, a value that left the record, a kink.  It is an AssertionError.
    DtypeError
        Where no input is a float.

    >>> import gradtape as gt
    >>> report = gt.check_derivatives(lambda x: gt.sin(x) * x, [0.3, 1.2], verbose=False)
    >>> report.ok, [round(k) for k in report.orders]
    (True, [2, 3])
    """
    if not 1 <= order <= HIGHEST:
        raise ValueError(message(f"check_derivatives: order is {order}", remedy=f"Give an order from 1 to {HIGHEST}."))
    chosen = chosen_laws(order, skip)
    with Pause():
        problem = Problem(f, primals)
        return run(problem, chosen, order, seed, verbose)


def chosen_laws(order: int, skip: Iterable[str]) -> dict[str, Callable[[Study], laws.Seen]]:
    """The laws to try, by name."""
    chosen: dict[str, Callable[[Study], laws.Seen]] = {}
    for name, law in LAWS.items():
        if order == 1 and name in ("order 2", "symmetry", "nestings"):
            continue
        chosen[name] = law
        if name == "order 2":
            chosen.update({f"order {n}": laws.higher(n) for n in range(3, order + 1)})
    for name in [skip] if isinstance(skip, str) else skip:
        if name not in LAWS and not name.startswith("order "):
            raise ValueError(
                message(
                    f"check_derivatives: there is no law {name!r}.{nearest(name, LAWS)}",
                    f"laws: {', '.join(LAWS)}",
                    str(sites.user_line()),
                )
            )
        chosen.pop(name, None)
    return chosen


def run(
    problem: Problem, chosen: dict[str, Callable[[Study], laws.Seen]], order: int, seed: int, verbose: bool
) -> Report:
    """Try the laws in order; the first one that does not hold raises."""
    report = Report(problem.name, point_of(problem))
    study: Study | None = None
    broken: DerivativeError | None = None
    for name, law in chosen.items():
        try:
            with np.errstate(all="ignore"):
                study = study or Study(problem, order, seed)
                worst, detail = law(study)
            report.results.append(Result(name, "holds", worst, detail))
        except laws.NotTriedError as why:
            report.results.append(Result(name, "not tried", None, str(why)))
        except laws.BrokenError as b:
            report.results.append(Result(name, "broken", None, f"{b.what}: {b.cause}"))
            broken = _error(name, b, report)
            break
        except Exception as error:
            if study is None:  # the function itself does not run: that is its own error, told as it is
                raise
            report.results.append(Result(name, "broken", None, f"{type(error).__name__} was raised"))
            broken = _raised(name, error, report)
            if verbose:
                report.show()
            raise broken from error
    if study is not None:
        report.orders = study.observed
    if verbose:
        report.show()
    if broken is not None:
        raise broken
    return report


def point_of(problem: Problem) -> str:
    """The point in short."""
    return ", ".join(f"{name} = {short(x)}" for name, x in zip(problem.names, problem.given, strict=True))


def short(x: Any) -> str:
    """A value on one line."""
    x = np.asarray(x)
    if x.size > 6:
        return f"{x.dtype} array of shape {x.shape}"
    return np.array2string(x, precision=4, separator=", ").replace("\n", "")


def _number(x: Any) -> str:
    return f"{x!r}" if isinstance(x, str) else f"{float(x):.15g}" if isinstance(x, float | np.floating) else short_of(x)


def short_of(x: Any) -> str:
    """Something that was found, in short."""
    return short(x) if isinstance(x, np.ndarray | np.generic) else str(x)


def _error(law: str, b: laws.BrokenError, report: Report) -> DerivativeError:
    seen = [f"expected  {_number(b.expected)}", f"found     {_number(b.found)}"] if b.found is not None else []
    text = message(
        f"check_derivatives: the law {law!r} does not hold for {report.name}: {b.what}",
        [f"input     {b.input}", *seen, f"point     {report.point}", f"cause     {b.cause}"],
        str(sites.user_line()),
    )
    return _filled(DerivativeError(text), law, b.input, b.found, b.expected, b.cause, report)


def _raised(law: str, error: Exception, report: Report) -> DerivativeError:
    own = isinstance(error, GradtapeError)
    first = str(error).split("\n")[0]
    cause = first if own else f"{type(error).__name__}: {first}"
    if "is not recorded code" in cause:
        cause = f"not closed: {cause}; write the rule in gradtape's functions"
    text = message(
        f"check_derivatives: the law {law!r} could not be tried on {report.name}: {type(error).__name__} was raised",
        [f"point     {report.point}", f"cause     {cause}"],
        str(sites.user_line()),
    )
    return _filled(DerivativeError(text), law, "", None, None, cause, report)


def _filled(
    error: DerivativeError, law: str, input: str, found: Any, expected: Any, cause: str, report: Report
) -> DerivativeError:
    error.law, error.input, error.cause, error.report = law, input, cause, report
    error.found = float(found) if isinstance(found, float | np.floating) else None
    error.expected = float(expected) if isinstance(expected, float | np.floating) else None
    return error
