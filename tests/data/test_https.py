"""Where a download may lead: https to public addresses, and what was checked is what is connected to."""

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
    assert "not https" in led_to(server, tmp_path, place)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "place", ["https://a:b@example.org/", "https:///x", "https://[::1/", "https://x:99999999/", "https://ex ample/", "https://é/"]
)
def test_no_address(server, tmp_path, place):
    assert "no address" in led_to(server, tmp_path, place)


PRIVATE = ["10.0.0.1", "127.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"]
PRIVATE += ["[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[ff02::1]"]


@pytest.mark.parametrize("host", [*PRIVATE, "localhost", "2130706433", "0x7f.1"])
def test_no_private_address(server, tmp_path, host):
    assert "a private address" in led_to(server, tmp_path, f"https://{host}/x")


def test_public_addresses_are_public():
    assert all(https._is_public(a) for a in ("93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"))


def test_a_loop_and_a_long_way(server, tmp_path):
    loop = server.url + "/songs.zip"
    assert "more than 5 redirects" in led_to(server, tmp_path, *[loop] * 20)
    assert len(server.asked) == 6
    server.next = [server.redirect("/other"), server.redirect(loop)]
    assert fetch(server.collection(), tmp_path, rules=QUICK).path.read_bytes() == CONTENT


def test_http_is_for_tests_only(server, tmp_path):
    with pytest.raises(MelodyError, match="not https"):
        fetch(server.collection(), tmp_path)
    assert server.asked == []


def names(monkeypatch, *answers):
    """What the name service says, one answer a question."""
    left = list(answers)

    def say(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", say)
    return left


def test_a_name_with_one_private_address_among_others(server, tmp_path, monkeypatch):
    names(monkeypatch, ["93.184.216.34", "10.0.0.7"])
    with pytest.raises(MelodyError, match=r"at 10\.0\.0\.7, a private address"):
        fetch(server.collection(url="https://songs.example/songs.zip"), tmp_path)


def test_a_name_is_looked_up_once_and_that_address_is_used(server, tmp_path, monkeypatch):
    """A name that is public when it is checked and private when it is connected to (DNS rebinding) has no second chance."""
    left = names(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    met = []

    class Recorder(socket.socket):
        def connect(self, address):
            met.append(address)
            raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "socket", Recorder)
    with pytest.raises(MelodyError, match="no connection to songs"), https.get("https://songs.example/", {}, Rules()):
        pass
    assert met == [("93.184.216.34", 443)] and left == [["127.0.0.1"]]


def test_a_server_that_speaks_no_tls(server, tmp_path, monkeypatch):
    monkeypatch.setattr(https, "_is_public", lambda text: True)
    port = server.url.rpartition(":")[2]
    with pytest.raises(https.TransientError, match="the connection broke"), https.get(f"https://127.0.0.1:{port}/", {}, QUICK):
        pass


def test_a_name_that_is_not_known(tmp_path, server, monkeypatch):
    def fail(*args, **_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(MelodyError, match="is not found"), https.get("https://songs.example/", {}, Rules()):
        pass
