"""Events: what happened beside the arithmetic.  Sweeps that move derivatives pass over them.

An event is an entry whose first field is one of the objects below; its output is None, except for a
query's, whose outputs are the gradients that the query returned.
"""

from __future__ import annotations


class Event:
    """What kind of event an entry is; it looks like a primitive of kind ``"event"``."""

    __slots__ = ("name",)
    kind = "event"
    carries = False
    broadcasts = False
    vjp = None
    plain = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<event {self.name}>"


#: Python asked for the value and went one way or another: ``bool(t)``, ``int(t)``, ``t`` as an index.
GUARD = Event("guard")
#: The value left the record: ``t.numpy()``, ``float(t)``, ``np.asarray(t)``.
ESCAPE = Event("escape")
#: A Variable was given a value: params["variable"], inputs = (the new value,).
ASSIGN = Event("assign")
#: A derivative was asked for: inputs = (targets, sources), output = the tuple of gradients that it gave.
QUERY = Event("query")
