"""tf.linalg: TensorFlow's names for gradtape's linear algebra."""

from __future__ import annotations

from typing import Any

from ...state import functional
from . import factorizations
from .arrays import eye
from .convert import axes, operands, tensor
from .factorizations import *  # noqa: F403
from .names import fallback, gt
from .options import refuse

_gradtape_composes = True

__all__ = [
    "adjoint",
    "band_part",
    "cross",
    "diag",
    "diag_part",
    "einsum",
    "eye",
    "global_norm",
    "l2_normalize",
    "matmul",
    "matrix_transpose",
    "matvec",
    "norm",
    "normalize",
    "tensordot",
    "trace",
]
__all__ += factorizations.__all__


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    name: Any = None,
    **_: Any,
) -> Any:
    """The matrix product."""
    a, b = operands(a, b)
    a = adjoint(a) if adjoint_a else matrix_transpose(a) if transpose_a else a
    b = adjoint(b) if adjoint_b else matrix_transpose(b) if transpose_b else b
    return gt.matmul(a, b)


def matvec(a: Any, b: Any, transpose_a: bool = False, adjoint_a: bool = False, name: Any = None, **_: Any) -> Any:
    """The product of a matrix and a vector."""
    a, b = operands(a, b)
    a = adjoint(a) if adjoint_a else matrix_transpose(a) if transpose_a else a
    return gt.matmul(a, tensor(b)[..., None])[..., 0]


def matrix_transpose(a: Any, conjugate: bool = False, name: Any = None) -> Any:
    """The last two axes exchanged."""
    y = gt.matrix_transpose(tensor(a))
    return gt.conj(y) if conjugate else y


def adjoint(matrix: Any, name: Any = None) -> Any:
    """The conjugate transpose."""
    return gt.conj(gt.matrix_transpose(tensor(matrix)))


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool | None = None, name: Any = None) -> Any:
    """A norm: of all entries unless an axis (vectors) or two (matrices) are named."""
    x, along = _tensor(tensor), axes(axis)
    if ord in ("euclidean", 2) and not (ord == 2 and isinstance(along, tuple) and len(along) == 2):
        return functional.euclidean_norm(x, along, bool(keepdims))
    if along is None:
        x, along = gt.reshape(x, (-1,)), 0
    return gt.linalg.norm(x, ord=ord, axis=along, keepdims=bool(keepdims))


_tensor = tensor


def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: Any = None) -> tuple[Any, Any]:
    """``tensor`` divided by its norm; and the norm."""
    x = _tensor(tensor)
    length = norm(x, ord, axis, keepdims=True)
    return x / length, length


def global_norm(t_list: Any, name: Any = None) -> Any:
    """The Euclidean norm of all entries of all Tensors."""
    return functional.global_norm([None if t is None else tensor(t) for t in t_list])


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: Any = None) -> Any:
    """x / sqrt(max(sum(x**2), epsilon))."""
    return functional.l2_normalize(tensor(x), axes(axis), epsilon)


def einsum(equation: str, *inputs: Any, **_: Any) -> Any:
    """Einstein summation."""
    return gt.einsum(equation, *[tensor(x) for x in inputs])


def tensordot(a: Any, b: Any, axes: Any, name: Any = None) -> Any:
    """Contraction over the axes given."""
    a, b = operands(a, b)
    return gt.tensordot(a, b, axes=axes)


def cross(a: Any, b: Any, name: Any = None) -> Any:
    """The cross product along the last axis."""
    return gt.cross(*operands(a, b))


def trace(x: Any, name: Any = None) -> Any:
    """The sum of the diagonal of each matrix."""
    return gt.sum(gt.diagonal(tensor(x), axis1=-2, axis2=-1), axis=-1)


def diag(diagonal: Any, name: Any = None, k: int = 0, **options: Any) -> Any:
    """Diagonal matrices from the last axis."""
    _one_diagonal("diag", k, options)
    return gt.diag_embed(tensor(diagonal), offset=k)


def diag_part(input: Any, name: Any = None, k: int = 0, **options: Any) -> Any:
    """The diagonal of each matrix."""
    _one_diagonal("diag_part", k, options)
    return gt.diagonal(tensor(input), offset=k, axis1=-2, axis2=-1)


def _one_diagonal(name: str, k: Any, options: Any) -> None:
    """One diagonal of square matrices needs no padding."""
    given = {**options, "k": k} if isinstance(k, tuple | list) else options
    rest = {n: v for n, v in given.items() if not (n in ("num_rows", "num_cols") and v == -1)}
    refuse(f"tf.linalg.{name}", rest, "align", "k num_rows num_cols padding_value", "Take one diagonal at a time.")


def band_part(input: Any, num_lower: Any, num_upper: Any, name: Any = None) -> Any:
    """Each matrix with zeros outside a band; -1 keeps all of that side."""
    x = tensor(input)
    lower, upper = int(num_lower), int(num_upper)
    x = x if lower < 0 else gt.triu(x, k=-lower)
    return x if upper < 0 else gt.tril(x, k=upper)


__getattr__ = fallback(__name__)
