"""Connections that the server takes send at once, also those of a socket that was bound without naming a protocol."""

import socket

import pytest

from viewer import sockets


@pytest.mark.skipif(not sockets.DESCRIPTORS.is_dir(), reason="this system does not tell a process its descriptors")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_taken_by_a_listening_socket_sends_at_once(family, host):
    with socket.socket(family) as listener:  # as Streamlit binds it
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        listener.listen()
        for at_once in (False, True):
            assert not at_once or sockets.send_at_once() >= 1
            with socket.create_connection(listener.getsockname()[:2]), listener.accept()[0] as taken:
                assert bool(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) == at_once


def test_where_descriptors_are_not_told_nothing_is_done(monkeypatch, tmp_path):
    monkeypatch.setattr(sockets, "DESCRIPTORS", tmp_path / "none")
    assert sockets.send_at_once() == 0
