"""The socket: this computer alone, one address with a token, patience that ends."""

import json
import socket
import sys
import time
import urllib.request

import pytest

from melody.cli.guard import guarded
from melody.errors import CallError, MelodyError
from melody.extras import EXTRAS
from melody.studio import limits, serve, server

from .browser import served


@pytest.mark.parametrize("port", [-1, 65_536, "80", 8.0, True])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(CallError, match="port is"):
        serve(port=port)


def test_a_port_that_is_taken_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MelodyError, match=r"port \d+ cannot be used .*; choose another one"):
            serve(port=taken.getsockname()[1])


def test_where_nothing_was_said_the_next_free_port_is_taken(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(server, "PORT", taken.getsockname()[1])
        with server._listen(None) as found:
            assert found.getsockname()[0] == "127.0.0.1" and found.getsockname()[1] > server.PORT


def test_without_its_packages_it_is_one_line(monkeypatch, capsys):
    for module in EXTRAS["studio"].modules:
        monkeypatch.setitem(sys.modules, module, None)
    assert guarded(serve) == 1
    said = "melody: the studio needs starlette, which is not installed; install it with: pip install 'melody-lstm[studio]'\n"
    assert capsys.readouterr().err == said


def test_a_song_in_no_folder_is_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(MelodyError, match="no such folder"):
        serve(song=tmp_path / "nothing" / "song.mid")


@pytest.mark.slow
def test_the_printed_address_answers_and_half_a_request_is_given_up(tmp_path):
    with served(str(tmp_path / "song.mid")) as address:
        place, token = address.split("/#")
        port = int(place.rsplit(":", 1)[1])
        form = urllib.request.Request(f"{place}/api/form", headers={"x-studio-token": token})
        with urllib.request.urlopen(form) as answer:
            assert json.load(answer)["song"] is True and "server" not in answer.headers
        half = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        for one in half:
            one.sendall(b"GET / HTTP/1.1\r\nHost: ")
        with urllib.request.urlopen(f"{place}/") as answer:
            assert answer.status == 200
        until = time.monotonic() + 6 * limits.HEADER_SECONDS
        for one in half:
            one.settimeout(max(0.1, until - time.monotonic()))
            assert one.recv(1) == b""  # closed
            one.close()
