"""The record: one entry per operation, windows, release, threads, exceptions."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref

import numpy as np
import pytest

import gradtape as gt
from gradtape.record import segment


def chain(x, n=10):
    for _ in range(n):
        x = gt.sin(x) * 1.01 + 0.1
    return x


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_one_entry_per_operation_however_many_tapes_are_open(depth):
    x = gt.asarray(0.5)
    tapes = [gt.GradientTape() for _ in range(depth)]
    for tape in tapes:
        tape.__enter__()
    y = chain(x)
    for tape in reversed(tapes):
        tape.__exit__(None, None, None)
    assert [tape.stats()["entries"] for tape in tapes] == [30] * depth
    assert len({id(e) for tape in tapes for e in tape._window.entries()}) == 30  # the very same entries
    assert all(float(tape.gradient(y, x)) == float(tapes[0].gradient(y, x)) for tape in tapes)


def test_nothing_is_recorded_without_a_tape_or_without_a_tensor():
    gt.sin(gt.asarray(1.0))
    assert segment.current.get() is None
    with gt.GradientTape() as tape:
        np.sin(1.0)
        from gradtape.primitives.transcendental import sin

        assert type(sin(np.float64(1.0))) is np.float64  # an internal operation on raw values stays raw
    assert tape.stats()["entries"] == 0


def test_a_tape_can_be_entered_again_and_goes_on():
    x = gt.asarray(2.0)
    tape = gt.GradientTape()
    with tape:
        y = x * x
    z = y * 5.0  # not recorded
    with tape:
        w = y * x
    assert float(tape.gradient(w, x)) == 12.0
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(z, x) is None


def test_entering_an_open_tape_raises_and_changes_nothing():
    with gt.GradientTape() as tape:
        with pytest.raises(gt.TapeError, match="already recording"):
            tape.__enter__()
        x = gt.asarray(1.0)
        y = x * 3.0
    assert float(tape.gradient(y, x)) == 3.0


def test_stop_recording_stops_that_tape_alone():
    x = gt.asarray(2.0)
    with gt.GradientTape() as outer, gt.GradientTape() as inner:
        y = x * x
        with inner.stop_recording():
            z = y * y
        w = y * 3.0
    assert float(outer.gradient(z, x)) == 32.0
    assert float(inner.gradient(w, x)) == 12.0
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert inner.gradient(z, x) is None


def test_stop_recording_outside_the_block_raises():
    tape = gt.GradientTape()
    with pytest.raises(gt.TapeError, match="not recording"):
        tape.stop_recording()


def test_reset_in_the_block_and_after_it():
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        x * x
        tape.reset()
        y = x * 3.0
    assert tape.stats()["entries"] == 1
    assert float(tape.gradient(y, x)) == 3.0
    tape.reset()
    assert tape.stats()["entries"] == 0


def test_an_exception_in_the_block_leaves_the_record_clean():
    x = gt.asarray(2.0)
    with pytest.raises(ZeroDivisionError), gt.GradientTape(), gt.GradientTape():
        1 / 0  # noqa: B018
    assert segment.current.get() is None
    with gt.GradientTape() as tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 4.0


def test_memory_goes_when_the_last_tape_that_covers_an_entry_goes():
    gc.disable()
    try:
        with gt.GradientTape() as outer:
            with gt.GradientTape() as inner:
                x = gt.Variable(np.ones(3))
                middle = weakref.ref(gt.sin(x) * 1.0)
                assert middle() is not None
                y = gt.sum(x * x)
            g = inner.gradient(y, x)
            h = outer.gradient(g, x)
            inner.jacobian(g, x)
        first = weakref.ref(inner)
        del inner
        assert first() is None
        assert middle() is not None  # the outer tape covers it too
        second = weakref.ref(outer)
        del outer
        assert second() is None
        assert middle() is None
        assert h is not None
    finally:
        gc.enable()


def test_no_cycles_in_a_training_loop_nor_in_nested_tapes():
    v = gt.Variable(np.ones(4))
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            with gt.GradientTape() as outer:
                with gt.GradientTape() as tape:
                    loss = gt.sum(gt.sin(v) ** 2)
                g = tape.gradient(loss, v)
            outer.jacobian(g, v)
            tape.hessian(loss, v)
            tape.gradient(tape.gradient(loss, v), v)
            v.assign_sub(0.1 * g)
        del outer, tape, loss, g
        assert gc.collect() < 20  # none of ours: the loop above made thousands of objects
    finally:
        gc.enable()


def test_each_thread_has_its_own_recorder():
    x = gt.asarray(2.0)
    seen = {}

    def work():
        seen["recording"] = segment.is_recording()
        with gt.GradientTape() as tape:
            y = x * x * x
        seen["gradient"] = float(tape.gradient(y, x))

    with gt.GradientTape() as tape:
        y = x * x
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == {"recording": False, "gradient": 12.0}
    assert tape.stats()["entries"] == 1
    assert float(tape.gradient(y, x)) == 4.0


@pytest.mark.parametrize("use", [lambda t, x: t.gradient(x, x), lambda t, x: t.watch(x), lambda t, x: t.__enter__()])
def test_a_tape_used_from_another_thread_while_it_records_raises(use):
    x = gt.asarray(2.0)
    caught = []

    def work():
        try:
            use(tape, x)
        except gt.TapeError as error:
            caught.append(str(error))

    with gt.GradientTape() as tape:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(caught) == 1
    assert "another thread" in caught[0]


def test_a_context_copied_while_a_tape_is_open_may_outlive_it():
    with gt.GradientTape() as tape:
        context = contextvars.copy_context()
        x = gt.asarray(1.0)
        y = x * 2.0
    context.run(lambda: gt.sin(x))
    assert float(tape.gradient(y, x)) == 2.0


def test_guards_and_escapes_are_noted():
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        if x > 1.0:
            y = x * x
        float(y), y.numpy(), np.asarray(y), [1, 2, 3][gt.asarray(1)]
    names = [e[0].name for e in tape._window.entries() if e[0].kind == "event"]
    assert names == ["guard", "escape", "escape", "escape", "guard"]


def test_entries_keep_the_users_line():
    from gradtape.record.sites import decode

    x = gt.asarray([2.0, 3.0])
    with gt.GradientTape() as tape:
        gt.sin(x)
        gt.mean(x * 2.0)
        np.sum(x)
    sites = {(decode(e[4], e[5]).file, decode(e[4], e[5]).text) for e in tape._window.entries()}
    assert {file for file, _ in sites} == {__file__}
    assert {text for _, text in sites} == {"gt.sin(x)", "gt.mean(x * 2.0)", "np.sum(x)"}


def test_arrays_used_as_operands_are_copied_when_recorded():
    a = np.array([1.0, 2.0])
    x = gt.asarray([3.0, 4.0])
    with gt.GradientTape() as tape:
        y = gt.sum(x * a)
    a[:] = 100.0
    assert tape.gradient(y, x).tolist() == [1.0, 2.0]


@pytest.mark.slow
def test_memory_is_flat_over_ten_thousand_steps():
    import resource

    v = gt.Variable(np.ones(1000))

    def step():
        with gt.GradientTape() as outer:
            with gt.GradientTape() as tape:
                loss = gt.sum(gt.sin(v) ** 2)
            g = tape.gradient(loss, v)
        outer.gradient(gt.sum(g), v, unconnected_gradients="zero")
        v.assign_sub(0.001 * g)

    for _ in range(500):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(10_000):
        step()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000  # kilobytes


# -- asyncio: tasks start with the windows of the task that made them ------------------------------------
async def _square(x):
    with gt.GradientTape():
        return x * x


@pytest.mark.parametrize("empty", [True, False])
def test_what_another_task_computed_is_on_the_tape(empty):
    x = gt.Variable(3.0)

    async def main():
        with gt.GradientTape() as tape:
            y = 0.0 if empty else x * 1.0
            y = y + 3.0 * await asyncio.create_task(_square(x))
        return tape.gradient(y, x)

    assert float(asyncio.run(main())) == (18.0 if empty else 19.0)


def test_tasks_that_take_turns():
    x = gt.Variable(3.0)

    async def slope(k):
        with gt.GradientTape() as inner:
            y = x**k
            await asyncio.sleep(0)
            y = y * x
        return inner.gradient(y, x)

    async def main():
        with gt.GradientTape() as outer:
            total = sum(await asyncio.gather(*[slope(k) for k in (1, 2, 3)]))
        return total, outer.gradient(total, x), outer.hessian(total, x)

    total, first, second = asyncio.run(main())  # 2x + 3x^2 + 4x^3
    assert (float(total), float(first), float(second)) == (141.0, 128.0, 78.0)


def test_a_task_that_outlives_the_block_records_for_nobody_from_its_next_cut_on():
    x = gt.Variable(3.0)

    async def late(go):
        await go.wait()
        return await _square(x)

    async def main():
        go = asyncio.Event()
        with gt.GradientTape() as tape:
            task = asyncio.create_task(late(go))
            await asyncio.sleep(0)
        go.set()
        await task
        return tape.stats()

    assert asyncio.run(main())["entries"] == 0


def test_idle_cuts_do_not_grow_the_record():
    kept = []
    with gt.GradientTape() as outer:
        for _ in range(100):
            with gt.GradientTape() as inner, inner.stop_recording():
                pass
            kept.append(inner)
        with gt.GradientTape() as inner:
            for _ in range(100):
                with inner.stop_recording():
                    pass
        assert outer.stats()["segments"] <= 2
        assert inner.stats()["segments"] <= 2


def test_an_array_that_was_passed_stays_the_callers():
    for f in (gt.real, gt.stop_gradient, gt.matrix_transpose, lambda a: gt.einsum("ij->ji", a)):
        a = np.ones((2, 2))
        t = f(a)
        a[:] = 9.0
        assert np.array_equal(t.numpy(), np.ones((2, 2)))
