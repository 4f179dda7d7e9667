"""Blocks of ports for boxes: two runs of the suite on one machine never take the same one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from anju_onebox.engine.process import is_free
from anju_onebox.layout import SERVICES, Layout

# A box reaches from Temporal's 7233 to the Temporal UI's 8233, so blocks this far apart have no port in common.
_SPAN: Final = 1_020
# Above the ports of a developer's own boxes (README: none, or 2000), below the range from which the system picks ports for connections.
_OFFSETS: Final = range(4_000, 24_400, _SPAN)
# A port of the block which no part of a box uses. Whoever holds it holds the block, until its process ends, however it ends.
_HOLDER: Final = 7300


@contextmanager
def free_block(data_dir: Path) -> Iterator[Layout]:
    """The layout of a box in ``data_dir`` on a free block of ports, held for the length of the block. Raises RuntimeError when none is left."""
    for offset in _OFFSETS:
        layout = Layout(data_dir.resolve(), offset, 8080 + offset)
        with socket.socket() as holder:
            try:
                holder.bind(("127.0.0.1", _HOLDER + offset))
            except OSError:
                continue
            if _nobody_on(layout):
                yield layout
                return
    raise RuntimeError(f"every block of ports from {_OFFSETS.start} to {_OFFSETS.stop} is taken")


def _nobody_on(layout: Layout) -> bool:
    """Whether no stranger, who knows nothing of blocks, listens on one of the ports."""
    largest = Layout(layout.data_dir, layout.ports_offset, layout.web_port, dict.fromkeys(SERVICES, 2))
    return all(is_free(port) for port in largest.ports.values())
