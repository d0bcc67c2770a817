"""The fifteen seed programs: what TensorFlow 2.21 makes of each, and what each must do on gradtape as it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its name, what TensorFlow 2.21 prints, and what it must do here.

    ``numbers`` are the numbers that it must print (or that its lines starting with ``only`` must); ``reason`` the code
    of the warning that it must give, with ``words`` in it; ``error`` the exception that is the program's own mistake.
    ``amended`` are replacements in its text, for the question that its author meant to ask.
    """

    name: str
    about: str
    tensorflow: str
    numbers: tuple[float, ...] = ()
    only: tuple[str, ...] = ()
    error: str = ""
    reason: str = ""
    words: tuple[str, ...] = ()
    amended: tuple[tuple[str, str], ...] = ()
    #: For the picture: the function in x, and the point.
    curve: str = ""
    at: float = 0.0

    @property
    def file(self) -> str:
        """The file that it lies in."""
        return self.name.removesuffix("+") + ".py"

    @property
    def tensorflow_fails(self) -> bool:
        """Whether TensorFlow fails, or prints nothing."""
        return "Error" in self.tensorflow or self.tensorflow == "nothing"


_HESSIANS = """
for i in range(2):
    for row in range(2):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = vector_function(x)[row, i]
            g = inner.gradient(y, x)
        print("Hessian:", outer.jacobian(g, x).numpy().tolist())
"""
_SIN = (-0.8414709848, -0.9092974268)

PROGRAMS: list[Program] = [
    Program("000_1", "second derivative of x^2", "2.0", (2.0,), curve="x**2", at=1.0),
    Program("000_2", "second derivative of sin", "-0.9092974", (-0.9092974,), curve="sin(x)", at=2.0),
    Program("000_3", "the same, through a function", "-0.1411200", (-0.14112,), curve="sin(x)", at=3.0),
    Program("001_1", "Hessian-vector product", "TypeError", (12.0,), curve="x**3", at=2.0),
    Program(
        "001_2",
        "by the learning rate, asked too early",
        "ValueError",
        error="AttributeError",
        reason="GT-None-6",
        words=("computed before the step, so it does not depend on", "001_2.py:12", "001_2.py:7"),
        curve="5*(1 - 2*x)**2",
        at=0.1,
    ),
    Program(
        "001_2+",
        "... with the loss evaluated after the step",
        "",
        (-16.0,),
        amended=(("    return loss\n", "    return loss_fn(variables)\n"),),
        curve="5*(1 - 2*x)**2",
        at=0.1,
    ),
    Program("001_3", "through assignment, over re-entry", "ValueError", (4.0, 2.0), curve="(x + 2)**2", at=0.0),
    Program(
        "002_1",
        "first and second derivative of x^3",
        "27.0, 18.0",
        (27.0, 18.0),
        ("First", "Second"),
        curve="x**3",
        at=3.0,
    ),
    Program("002_2", "two sources, asked twice", "RuntimeError", (2.0, 6.0), ("Second",), curve="x**2 + 1", at=2.0),
    Program(
        "002_3",
        "a Keras layer's second derivatives",
        "nothing",
        (4.0, 4.0, 1.0, 1.0),
        only=("Second derivative",),
        curve="(2*x - 3)**2 / 2",
        at=1.0,
    ),
    Program("003_1", "through a Python list", "3.0, 3.0", (3.0, 3.0), curve="x + x**2", at=1.0),
    Program("003_2", "through if and else", "5.0, 2.0", (5.0, 2.0), curve="where(x > 1, x*x, x + 1) + x", at=2.0),
    Program("003_3", "through tf.function in a Module", "3.0", (3.0,), curve="3*x", at=3.0),
    Program("004_1", "of a constant, unwatched", "TypeError", (12.0,), curve="x**3", at=2.0),
    Program(
        "004_2",
        "finite differences, with a mistake",
        "ValueError",
        error="ValueError",
        words=("setting an array element with a sequence",),
        curve="sin(x)",
        at=2.0,
    ),
    Program(
        "004_2+",
        "... with each output's Hessian asked for",
        "",
        (2.0, 0.0, 0.0, 0.0, _SIN[0], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, _SIN[1]),
        amended=(
            ("hessian_approx = approximate_hessian(vector_function, x)\n", _HESSIANS),
            ('print(f"Approximate Hessian:\\n{hessian_approx}")', ""),
        ),
        curve="sin(x)",
        at=2.0,
    ),
    Program(
        "004_3",
        "a gradient's gradient, asked afterwards",
        "AttributeError",
        (9.3333333, 2.0),
        curve="((x - 2)**2 + (2*x - 4)**2 + (3*x - 5)**2) / 3",
        at=1.0,
    ),
]
