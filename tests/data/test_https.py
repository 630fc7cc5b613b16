"""Where a download may lead: https only, at every redirect; and what a connection that fails says."""

import os
import socket

import pytest

from melody.data import Rules, fetch, https
from melody.errors import MelodyError

from .conftest import CONTENT, QUICK


def led_to(server, tmp_path, *places, rules=QUICK):
    server.next = [server.redirect(place) for place in places]
    with pytest.raises(MelodyError) as fault:
        fetch(server.collection(), tmp_path, rules=rules)
    assert "\n" not in str(fault.value) and os.listdir(tmp_path) == []
    return str(fault.value)


@pytest.mark.parametrize(
    "place",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://example.org/x",
        "http://localhost/x",
        "data:,x",
        "gopher://x",
        "http://127.0.0.2/",
    ],
)
def test_no_other_scheme(server, tmp_path, place):
    assert "not an https address" in led_to(server, tmp_path, place)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "place", ["https://a:b@example.org/", "https:///x", "https://[::1/", "https://x:99999999/", "https://ex ample/", "https://é/"]
)
def test_no_address(server, tmp_path, place):
    assert "not a valid address" in led_to(server, tmp_path, place)


def test_a_loop_and_a_long_way(server, tmp_path):
    loop = server.url + "/songs.zip"
    assert "more than 5 redirects" in led_to(server, tmp_path, *[loop] * 20)
    assert len(server.asked) == 6
    server.next = [server.redirect("/other"), server.redirect(loop)]
    assert fetch(server.collection(), tmp_path, rules=QUICK).path.read_bytes() == CONTENT


def test_http_is_for_tests_only(server, tmp_path):
    with pytest.raises(MelodyError, match="not an https address"):
        fetch(server.collection(), tmp_path)
    assert server.asked == []


def test_a_server_that_speaks_no_tls(server):
    port = server.url.rpartition(":")[2]
    with pytest.raises(https.TransientError, match="the connection failed"), https.get(f"https://127.0.0.1:{port}/", {}, QUICK):
        pass


def test_a_name_that_is_not_known(monkeypatch):
    def fail(*args, **_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(MelodyError, match="cannot be found"), https.get("https://songs.example/", {}, Rules()):
        pass
