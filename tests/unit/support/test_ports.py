"""Blocks of ports: what one run holds no other gets, and a stranger's port is left alone."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from anju_onebox.layout import SERVICES, Layout

from tests.support import ports
from tests.support.ports import _HOLDER, _OFFSETS, free_block


def test_blocks_have_no_port_in_common(tmp_path: Path) -> None:
    largest = dict.fromkeys(SERVICES, 9)
    every = [
        port
        for offset in _OFFSETS
        for port in (_HOLDER + offset, *Layout(tmp_path, offset, 8080 + offset, largest, split=True).ports.values())
    ]
    assert len(set(every)) == len(every)
    # From there on the system picks ports for outgoing connections as it likes.
    assert max(every) < 32_768


def test_a_held_block_is_given_to_nobody_else(tmp_path: Path) -> None:
    with free_block(tmp_path) as one, free_block(tmp_path) as two:
        assert one.ports_offset != two.ports_offset
        # Another process, of another run, finds the same.
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", _HOLDER + one.ports_offset))


def test_a_block_with_a_stranger_in_it_is_passed_over(tmp_path: Path) -> None:
    with free_block(tmp_path) as block:
        assert ports._nobody_on(block)
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", block.service_port("housing", 1)))
            stranger.listen()
            assert not ports._nobody_on(block)
