"""States on disk: arrays in temporary files, mapped into memory, which are removed when the tape dies."""

from __future__ import annotations

import weakref
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..record.segment import Entry

#: Arrays of fewer bytes stay where they are.
SMALLEST = 1 << 14


class Disk:
    """A folder of its own for the states of one tape."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="gradtape_", ignore_cleanup_errors=True)
        self._numbers = count()
        #: How much is there.
        self.bytes = 0
        weakref.finalize(self, self._folder.cleanup)

    def take(self, entries: list[Entry], again: Any) -> None:
        """Put what the entries of the row ``again`` gave into files; the Tensors stay, with the same values."""
        for row, _, _, output, _, _ in entries:
            if row is again:
                for x in output:
                    if x.nbytes >= SMALLEST and isinstance(x.data, np.ndarray) and not _mapped(x.data):
                        x.data = self._stored(x.data)

    def _stored(self, data: Any) -> Any:
        file = Path(self._folder.name) / f"{next(self._numbers)}.raw"
        np.ascontiguousarray(data).tofile(file)
        self.bytes += data.nbytes
        return np.memmap(file, data.dtype, "r", shape=data.shape).view(np.ndarray)


def _mapped(data: Any) -> bool:
    while isinstance(data, np.ndarray):
        if isinstance(data, np.memmap):
            return True
        data = data.base
    return False
