"""Blocks of ports: what one run holds no other gets, and a stranger's port is left alone."""

from __future__ import annotations

import socket
from pathlib import Path

from anju_onebox.layout import SERVICES, Layout

from tests.support.ports import _HOLDER, _OFFSETS, free_block


def test_blocks_have_no_port_in_common(tmp_path: Path) -> None:
    largest = dict.fromkeys(SERVICES, 9)
    ports = [
        port
        for offset in _OFFSETS
        for port in (_HOLDER + offset, *Layout(tmp_path, offset, 8080 + offset, largest, split=True).ports.values())
    ]
    assert len(set(ports)) == len(ports)
    # From there on the system picks ports for outgoing connections as it likes.
    assert max(ports) < 32_768


def test_a_held_block_is_given_to_nobody_else_and_comes_free_again(tmp_path: Path) -> None:
    with free_block(tmp_path) as one, free_block(tmp_path) as two:
        assert one.ports_offset != two.ports_offset
    with free_block(tmp_path) as again:
        assert again.ports_offset <= one.ports_offset


def test_a_block_with_a_stranger_in_it_is_passed_over(tmp_path: Path) -> None:
    with free_block(tmp_path) as block:
        taken = block.service_port("housing", 1)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", taken))
        stranger.listen()
        with free_block(tmp_path) as other:
            assert other.ports_offset != block.ports_offset
