"""The NumPy engine: what it prints runs without gradtape and gives what the interpreter gives, to the last bit."""

from __future__ import annotations

import builtins
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.engines.literals import literal
from gradtape.engines.numpy import OtherPath
from gradtape.engines.numpy import compile as compiled
from gradtape.engines.printing import Text, source
from gradtape.program.program import Guard, Program, Step, Value
from gradtape.rules.primitive import Primitive, registry
from tests.cases import cases, complex_cases, half_float32_cases, to_float32

MOST = 3  # cases of a row by default; the others are slow

#: Rows that have no text without gradtape, and why.
WITHOUT_TEXT: dict[str, str] = {
    "spectral_function": "its parameter f is an object with methods, a scalar function that knows its derivatives",
}


def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
    if name.partition(".")[0] == "gradtape":
        raise ImportError(name)
    return builtins.__import__(name, *args, **kwargs)


def run_alone(text: Text) -> Any:
    """The function of a text, loaded where gradtape cannot be imported."""
    space: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": refusing}, "__name__": "alone"}
    exec(text.source, space)
    return space["make"](text.externals) if text.externals else space[text.name]


def assert_same(found: Any, expected: Any) -> None:
    """The same dtype, shape and bits; 0-d values are NumPy scalars."""
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    # Of several NaNs one is as good as another.
    assert np.array_equal(np.isnan(found), np.isnan(expected)) if found.dtype.kind in "fc" else True
    same = np.where(np.isnan(found), 0, found) if found.dtype.kind in "fc" else found
    other = np.where(np.isnan(expected), 0, expected) if found.dtype.kind in "fc" else expected
    assert np.ascontiguousarray(same).tobytes() == np.ascontiguousarray(other).tobytes()


def one_step(row: Any, inputs: Any, params: Any) -> tuple[Program, list[Any], list[Any]]:
    """A program of one step, its inputs and its outputs by the row's own implementation."""
    with np.errstate(all="ignore"):
        try:
            made = row.run(*inputs, **params)
        except (AttributeError, TypeError):  # a sample's 0-d input
            inputs = tuple([np.float64(x) if type(x) is float else x for x in inputs])
            made = row.run(*inputs, **params)
    outputs = made if isinstance(made, tuple) else (made,)
    values = [Value.like(x) if hasattr(x, "dtype") else x for x in inputs]
    given = [x for x in inputs if hasattr(x, "dtype")]
    places = [v for v in values if isinstance(v, Value)]
    step = Step(row, params or None, tuple(values), tuple(map(Value.like, outputs)), isinstance(made, tuple))
    return Program(places, [step], step.outputs, name=row.name), given, list(outputs)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")  # the samples of some rows
@pytest.mark.parametrize("name", [n for n in registry if n not in WITHOUT_TEXT])
def test_every_row_runs_without_gradtape(name: str) -> None:
    points = [*cases(name)[:MOST], *[c for c in (to_float32(case) for case in cases(name)[:1]) if c.slots]]
    check_text(points)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", [n for n in registry if n not in WITHOUT_TEXT])
def test_every_row_runs_without_gradtape_everywhere(name: str) -> None:
    check_text([*cases(name)[MOST:], *complex_cases(name), *half_float32_cases(name)])


def check_text(points: Any) -> None:
    for case in points:
        program, given, expected = one_step(case.row, case.inputs, case.params)
        text = Text(program)
        assert not any(callable(x) for x in text.externals.values()), f"{case.row} needs an object that has no text"
        with np.errstate(all="ignore"):
            found = run_alone(text)(*given)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)


@pytest.mark.parametrize("name", WITHOUT_TEXT)
def test_rows_without_text_are_compiled_all_the_same(name: str) -> None:
    needs = 0
    for case in cases(name)[:MOST]:
        program, given, expected = one_step(case.row, case.inputs, case.params)
        needs += any(not isinstance(x, np.ndarray) for x in Text(program).externals.values())
        for a, b in zip(compiled(program)(given), expected, strict=True):
            assert_same(a, b)
    assert needs, "take it off WITHOUT_TEXT"


# -- programs --------------------------------------------------------------------------------------------------


def recorded(f: Any, *arrays: Any, order: int = 0) -> Program:
    """The program of f, or of the gradient of the sum of its results, order times."""
    xs = [gt.asarray(a) for a in arrays]

    def at(k: int) -> Any:
        if k == 0:
            return f(*xs)
        with gt.GradientTape() as tape:
            y = at(k - 1)
            total = sum(gt.sum(gt.real(v) * gt.real(v)) for v in (y if isinstance(y, tuple | list) else [y]))
        return tape.gradient(total, xs)

    with np.errstate(all="ignore"), gt.GradientTape() as tape:
        y = at(order)
    return tape.program(xs, list(y) if isinstance(y, tuple | list) else [y])


def check(program: Program, *arrays: Any) -> str:
    """Compiled as interpreted, bit for bit; nothing that the caller or the program keeps is written or handed out."""
    kept = [np.copy(a) for a in arrays]
    constants = [np.copy(c) for c in program.constants.values()]
    run = compiled(program)
    given = [a[()] if np.ndim(a) == 0 else a for a in arrays]
    expected = program.interpret(given)
    for _ in range(2):
        found = run(given)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    held = [x for x in (*given, *program.constants.values()) if isinstance(x, np.ndarray)]
    for i, y in enumerate(found):
        others = [*held, *found[:i]]
        assert not any(np.may_share_memory(y, x) for x in others if isinstance(y, np.ndarray) and y.flags.writeable)
    for x, before in zip((*arrays, *program.constants.values()), (*kept, *constants), strict=True):
        assert_same(np.asarray(x), np.asarray(before))
    return source(program)


BIG = 5000  # elements: beyond the size from which memory is used again


def unary(rng: Any) -> Any:
    return rng.choice(
        np.array(
            [gt.sin, gt.tanh, gt.exp, gt.negative, gt.abs, lambda x: x * 0.5, lambda x: 1 - x, lambda x: x**2,
             lambda x: x[::-1], lambda x: gt.reshape(x, (-1,)), lambda x: gt.flip(x), gt.sigmoid, gt.sqrt,
             gt.stop_gradient, lambda x: gt.astype(x, "float32"), lambda x: gt.astype(x, "float64"), lambda x: x + x[0],
             lambda x: gt.where(x > 0.5, x, 0.1), lambda x: gt.cumulative_sum(x), lambda x: x / gt.sum(x)],
            dtype=object,
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = [(BIG,), (60, 90), (90, 60), (7,), (), (0,)][seed % 6]
    x, y = rng.normal(size=shape), rng.normal(size=shape)
    if seed % 4 == 1:
        x = x.T.copy().T  # columns first
    table = np.random.default_rng(seed)

    def f(a: Any, b: Any) -> Any:
        rng, made = table, [a, b]
        for _ in range(25):
            u = made[rng.integers(max(0, len(made) - 4), len(made))]
            v = made[rng.integers(0, len(made))]
            kind = rng.integers(3)
            if kind == 0 and u.shape == v.shape:
                made.append([u + v, u * v, u - v, gt.maximum(u, v), gt.hypot(u, v)][rng.integers(5)])
            else:
                made.append(unary(rng)(u) if u.ndim else gt.sin(u))
        return [made[i] for i in (0, -1, -1, -2, int(rng.integers(len(made))))]

    if not shape or not x.size:
        f_used: Any = lambda a, b: [gt.sin(a) * b, a, gt.exp(b) - a]  # noqa: E731
    else:
        f_used = f
    check(recorded(f_used, x, y), x, y)


def mlp(w: Any, b: Any, x: Any) -> Any:
    h = gt.tanh(x @ w + b)
    return gt.sum(gt.sigmoid(h @ gt.matrix_transpose(w)) ** 2, axis=0)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_derivative_programs(order: int) -> None:
    rng = np.random.default_rng(3)
    arrays = rng.normal(size=(50, 80)), rng.normal(size=80), rng.normal(size=(100, 50))
    text = check(recorded(mlp, *arrays, order=order), *arrays)
    assert order == 0 or "out=" in text or "*=" in text
    # the same at other inputs, columns first
    program = recorded(mlp, *arrays, order=order)
    others = [np.asfortranarray(rng.normal(size=a.shape)) for a in arrays]
    check(program, *others)


TRAPS: dict[str, tuple[Any, int]] = {
    # name -> (program, how many steps write over an input)
    "a chain in place": (lambda x: gt.sin(x * 2.0) + 1.0, 2),
    "a view is alive": (lambda x: (lambda t: gt.sum(t[1:]) + gt.sum(gt.exp(t)))(x * 2.0), 1),
    "a view of a view, used later": (lambda x: (lambda t: [gt.exp(t), gt.reshape(t, (-1, 2))[2]])(x * 2.0), 0),
    "a reversed view of itself": (lambda x: (lambda t: t + gt.flip(t))(x * 2.0), 0),
    "the same buffer twice": (lambda x: (lambda t: t * t)(x * 2.0), 1),
    "an input": (lambda x: x * 2.0, 0),
    "an output": (lambda x: (lambda t: [t, t + 1.0])(x * 2.0), 0),
    "an output twice": (lambda x: (lambda t: [t, t])(x * 2.0), 0),
    "an input as output": (lambda x: [x, x * 2.0, gt.reshape(x, (-1, 2))], 0),
    "a constant as output": (lambda x: [x * 2.0, gt.asarray(np.arange(9.0)) + gt.sum(x) * 0.0], 0),
    "it grows by broadcasting": (lambda x: (lambda t: t + gt.asarray(np.ones((3, 1))))(x * 2.0), 0),
    "another operand is broadcast": (lambda x: (lambda t: gt.asarray(np.ones(1)) - t)(x * 2.0), 1),
    "another dtype": (lambda x: (lambda t: gt.astype(t, "float32") * gt.astype(t + 1.0, "float32"))(x * 2.0), 1),
    "booleans": (lambda x: (lambda t: gt.where((t > 0.5) & (t < 0.7), 1.0, 0.0))(x * 2.0), 0),
    "many booleans": (lambda x: (lambda t: gt.where((t > 0.5) & (t < 0.7), 1.0, t))(gt.tile(x, 8)), 1),
    "an integer power": (lambda x: (x * 2.0) ** 2, 0),
    "a broadcast view": (lambda x: gt.broadcast_to(gt.sum(x), x.shape) * 2.0 + x, 1),
    "read again after": (lambda x: (lambda t: (t + 1.0) * t)(x * 2.0), 1),
}


def writes(text: str) -> int:
    """How many lines write over what they read."""
    symbols = (" += ", " -= ", " *= ", " /= ", " &= ", " |= ", ", out=")
    return sum(any(s in line.partition("#")[0] for s in symbols) for line in text.splitlines())


@pytest.mark.parametrize("name", TRAPS)
def test_memory_is_used_again_only_where_nobody_looks(name: str) -> None:
    f, count = TRAPS[name]
    x = np.random.default_rng(0).uniform(0.1, 1.0, BIG)
    text = check(recorded(f, x), x)
    assert writes(text) == count, text
    small = x[:6]
    assert writes(check(recorded(f, small), small)) == 0


def test_complex_numbers_in_place() -> None:
    x = np.random.default_rng(0).normal(size=BIG) + 1j
    text = check(recorded(lambda x: gt.abs(gt.exp(x * 2.0) * 1j - x), x), x)
    assert writes(text) == 3, text  # the absolute value is real


def test_layout_decides_where_a_sum_rounds() -> None:
    """A product of arrays in different orders is not written over one of them: its sum would round otherwise."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 90)), np.asfortranarray(rng.normal(size=(150, 90)))

    def f(a: Any, b: Any) -> Any:
        return gt.sum(gt.sin(a) * gt.cos(b), axis=0), gt.sum(gt.sin(b) * gt.cos(a)), gt.exp(gt.sin(b) * 2.0)

    program = recorded(f, x, y)
    assert writes(check(program, x, y)) == 2  # the chain of b alone
    check(program, y, x)
    check(program, y, y)


def test_rows_first_wins_over_another_order() -> None:
    """A product of matrices has rows first, so it may be written over whatever the order of the other operand is."""
    a, x = np.ones((80, 80)), np.asfortranarray(np.random.default_rng(0).normal(size=(80, 80)))
    text = check(recorded(lambda a, x: gt.sum(gt.sin(x) * (a @ x), axis=1), a, x), a, x)
    assert writes(text) == 1


def test_peak_memory_is_that_of_what_is_alive() -> None:
    x = np.linspace(0.0, 1.0, 1 << 17)  # a megabyte

    def f(x: Any) -> Any:
        for _ in range(30):
            x = gt.where(x > 0.5, gt.sin(x), x * 1.5) + gt.reshape(gt.reshape(x, (2, -1)), (-1,))
        return x

    run = compiled(recorded(f, x))
    run([x])
    tracemalloc.start()
    run([x])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5.5 * x.nbytes


def test_threads_do_not_meet() -> None:
    x = np.random.default_rng(0).normal(size=BIG)
    run = compiled(recorded(lambda x: gt.exp(gt.sin(x * 2.0) + 1.0) * 0.5, x))
    inputs = [x + k for k in range(8)]
    expected = [run([a])[0] for a in inputs]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for a, b in zip(pool.map(lambda a: run([a])[0], inputs), expected, strict=True):
                assert_same(a, b)


def test_no_warnings_and_none_lost() -> None:
    x = np.zeros(3)
    run = compiled(recorded(lambda x: gt.log(x) / x, x + 1))
    assert np.isneginf(run([x])[0]).all()  # pytest makes warnings errors
    with pytest.warns(RuntimeWarning):
        np.log(x)


# -- guards ------------------------------------------------------------------------------------------------------


def branching(x: Any) -> Any:
    y = x * 2.0
    if y[0] > 0.0:
        y = y + 1.0
    for _ in range(int(y[1])):
        y = y * y
    if y[2] > 100.0:
        y = -y
    return y


def test_guards_say_which_disagreed() -> None:
    x = np.array([1.0, 1.0, 1.0])
    program = recorded(branching, x)
    assert [g.expected for _, g in program.guards] == [True, 3, True]
    text = check(program, x)
    assert "if y[0] > 0.0:" in text  # the user's line
    run = compiled(program)
    for other, index, seen in (([-1.0, 1.0, 1.0], 0, False), ([1.0, 2.0, 1.0], 1, 5), ([1.0, 1.0, 0.0], 2, False)):
        with pytest.raises(OtherPath) as caught:
            run([np.array(other)])
        assert caught.value.index == index
        assert caught.value.seen == seen
        assert "test_engine_numpy.py:" in caught.value.args[0]
    # A guard stands before the steps after it.
    assert text.index("raise OtherPath") < text.index("v0 + 1.0" if "v0 + 1.0" in text else "+ 1.0")
    assert_same(run([x])[0], program.interpret([x])[0])


@pytest.mark.parametrize(
    "value", [np.float64(0.1), np.float64(np.nan), np.arange(3.0), np.arange(40.0), np.array([np.nan, 1])]
)
def test_values_that_left_the_record(value: Any) -> None:
    place = Value.like(value)
    step = Step(registry["negative"], None, (place,), (Value.like(value),))
    program = Program([place], [step], step.outputs, guards=[(0, Guard(place, value, "it left the record"))])
    run = compiled(program)
    assert_same(run([value])[0], -value)
    with pytest.raises(OtherPath):
        run([np.where(np.isnan(value), 0.0, value + 1.0)[()]])
    assert_same(run_alone(Text(program))(value)[0], -value)


# -- the text ----------------------------------------------------------------------------------------------------


def test_the_text_is_as_a_person_would_write_it() -> None:
    def f(x: Any, w: Any) -> Any:
        return gt.mean((x @ w) ** 2)  # the loss

    x, w = np.ones((4, 3)), np.ones(3)
    program = recorded(lambda x, w: f(x, w), x, w)
    assert source(program) == (
        "import numpy as np\n\n\n"
        "def program(x0, x1):\n"
        '    """(x0: float64[4, 3], x1: float64[3]) -> float64[]"""\n'
        f"    # test_engine_numpy.py:{f.__code__.co_firstlineno + 1}  return gt.mean((x @ w) ** 2)  # the loss\n"
        "    v0 = x0 @ x1  # float64[4]\n"
        "    v1 = v0 ** 2  # float64[4]\n"
        "    v2 = v1.sum() / 4\n"
        "    return (v2,)\n"
    )


def test_constants_are_exact_or_handed_in() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=3).astype(np.float32), rng.normal(size=50)
    program = recorded(lambda x: (x * small, x[0] * large, x[0] * np.float64(0.1), x * np.inf), np.ones(3))
    text = Text(program)
    assert [x.shape for x in text.externals.values()] == [(50,)]
    assert "def make(constants):" in text.source
    for a, b in zip(run_alone(text)(np.ones(3)), program.interpret([np.ones(3)]), strict=True):
        assert_same(a, b)


@pytest.mark.parametrize(
    "value",
    [1, -1, 0.1, -0.0, 1e-320, float("inf"), -float("inf"), complex(-0.0, float("inf")), complex(-0.0, 1.0), 0.5j,
     complex(0.0, -0.0), (1,), (1, (2.5, None)), ..., True, slice(1, None, 2), np.float32(0.1), np.float16(0.1),
     np.int8(-3), np.bool_(True), np.complex64(0.1 + 2j),
     np.dtype("float32"), np.array([0.1, -0.0, np.inf]), np.zeros((0, 3)), np.array([True]), "a'b", frozenset([2, 1]),
     {"a": (1, 2)}, np.float64, float, np.array([[1, 2]], dtype=np.uint8)],
    ids=repr,
)  # fmt: skip
def test_literals_are_exact(value: Any) -> None:
    found = eval(literal(value), {"np": np})
    assert type(found) is type(value)
    if isinstance(value, np.ndarray | np.generic):
        assert found.dtype == value.dtype
        assert found.shape == value.shape
        assert found.tobytes() == value.tobytes()
    else:
        assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "edited", ["xp.sin(x) + 2", "xp.sin(x) - 1", "xp.cos(x) + 1", "xp.sin(x) +", "[xp for xp in x]"]
)
def test_a_source_that_has_changed_is_not_believed(tmp_path: Any, edited: str) -> None:
    """A file edited after its import: the function object is handed in instead of the text that is not its own."""
    file = tmp_path / "edited.py"
    file.write_text("def run(xp, x):\n    return xp.sin(x) + 1\n")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    row = Primitive("edited", "constant", space["run"], 1)
    file.write_text(f"def run(xp, x):\n    return {edited}\n")
    place = Value((), "float64")
    program = Program([place], [Step(row, None, (place,), (Value((), "float64"),))], [])
    program.outputs = program.steps[0].outputs
    assert "sin" not in source(program)
    assert compiled(program)([np.float64(0.0)]) == [1.0]


def test_a_traceback_shows_the_line() -> None:
    program = recorded(gt.linalg.inv, np.eye(2))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        compiled(program)([np.zeros((2, 2))])
    assert any("np.linalg.inv(x0)" in str(entry.statement) for entry in caught.traceback)


def test_a_kind_of_tuple_is_written_as_a_tuple() -> None:
    class Shape(tuple[int, ...]):
        pass

    assert literal(Shape((2, 3))) == "(2, 3)"
