"""Plans for reversing chains: against the recursion that defines the best one, and carried out step by step."""

from __future__ import annotations

from functools import cache

import pytest

from gradtape.errors import TapeError
from gradtape.memory.binomial import Growing, extra_steps, pieces, reach, repetitions, schedule


@cache
def least(length: int, states: int) -> int:
    """The fewest extra steps, by trying every place for the next kept state."""
    if length <= 1:
        return 0
    if states == 0:
        return 10**9
    return min(k + least(length - k, states - 1) + least(k, states) for k in range(1, length))


@pytest.mark.parametrize("states", range(1, 8))
def test_schedules_are_possible_and_the_best(states: int) -> None:
    for length in range(1, 50):
        kept, at, left, taken, most = {0}, 0, length, 0, 1
        for what, i, j in schedule(length, states):
            if what == "advance":
                assert at == i < j
                at, taken = j, taken + j - i
            elif what == "keep":
                assert at == i
                kept.add(i)
                most = max(most, len(kept))
            elif what == "restore":
                assert i in kept
                at = i
            elif what == "drop":
                kept.remove(i)
            else:
                assert at == i
                assert j == left
                left = i
        assert left == 0
        assert most <= states
        assert taken == extra_steps(length, states) == least(length, states)
        assert sum(pieces(length, states)) == length


def test_known_counts() -> None:
    """Griewank & Walther's examples."""
    assert [extra_steps(100, 5), extra_steps(1000, 10), extra_steps(10**6, 20)] == [316, 3636, 6815960]
    assert repetitions(10**6, 100) == 4
    assert pieces(1, 0) == [1]
    assert pieces(0, 3) == []
    assert list(schedule(0, 3)) == []
    with pytest.raises(TapeError, match="cannot be reversed without a kept state"):
        extra_steps(2, 0)


@pytest.mark.parametrize("states", range(1, 8))
def test_chains_that_grow_nest_no_deeper_than_they_must(states: int) -> None:
    chain = Growing(states)
    for length in range(1, 2000):
        before = list(chain.sizes)
        merged = chain.grown()
        after = [*before, 1]
        assert chain.sizes == (after if not merged else [*after[:-merged], sum(after[-merged:])])
        assert len(chain.sizes) <= states
        assert max(chain.ranks) <= repetitions(length, states)
        for i, (rank, size) in enumerate(zip(chain.ranks, chain.sizes, strict=True)):
            assert size == reach(states - i, rank)
