"""Downloads from a server that fails in every way: the right file, or one clear line and a part that the next call goes on from."""

import os
import time

import pytest

from melody.data import fetch
from melody.errors import MelodyError

from .conftest import CONTENT, HASTY, QUICK

PLAIN = {"bytes": 0, "most": 400_000, "sha256": ""}  # a row that knows neither size nor digest


def get(server, folder, **changed):
    return fetch(server.collection(**changed), folder, rules=QUICK)


def refused(server, folder, *words, status=1, left=(), **changed):
    with pytest.raises(MelodyError) as fault:
        get(server, folder, **changed)
    text = str(fault.value)
    assert "\n" not in text and len(text) < 400 and fault.value.status == status
    assert all(word in text for word in words), text
    assert sorted(os.listdir(folder)) == sorted(left)
    return text


PART = ("songs.zip.part", "songs.zip.part.json")


def test_a_good_server(server, tmp_path):
    seen = []
    got = fetch(server.collection(), tmp_path, rules=QUICK, progress=lambda done, total: seen.append((done, total)))
    assert got.path.read_bytes() == CONTENT and got.known and not got.there
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and os.listdir(tmp_path) == ["songs.zip"]
    assert server.asked[0]["Accept-Encoding"] == "identity" and "Range" not in server.asked[0]


def test_a_table_that_knows_little(server, tmp_path):
    got = get(server, tmp_path, **PLAIN)
    assert got.path.read_bytes() == CONTENT and not got.known
    assert got.sha256 == server.collection().sha256  # to compare


def test_a_file_that_is_there(server, tmp_path):
    target = tmp_path / "songs.zip"
    target.write_bytes(CONTENT)
    assert get(server, tmp_path).there and not server.asked
    target.write_bytes(b"mine")
    refused(server, tmp_path, "pass force=True", status=2, left=["songs.zip"])
    assert fetch(server.collection(), tmp_path, True, QUICK).path.read_bytes() == CONTENT


@pytest.mark.parametrize("table", [{}, PLAIN])
def test_a_connection_that_drops_is_gone_on_with(server, tmp_path, table):
    server.next = [server.cut(70_000)]
    assert get(server, tmp_path, **table).path.read_bytes() == CONTENT
    assert server.asked[1]["Range"] == "bytes=70000-" and server.asked[1]["If-Range"] == '"one"'


@pytest.mark.parametrize("table", [{}, PLAIN])
def test_a_part_is_gone_on_with_by_the_next_call(server, tmp_path, table):
    server.next = [server.cut(70_000), server.cut(50_000)]
    refused(server, tmp_path, "resume after 120,000 bytes", left=PART, **table)
    assert (tmp_path / "songs.zip.part").read_bytes() == CONTENT[:120_000]
    assert get(server, tmp_path, **table).path.read_bytes() == CONTENT
    assert server.asked[-1]["Range"] == "bytes=120000-" and os.listdir(tmp_path) == ["songs.zip"]


def test_without_an_etag_only_a_digest_lets_it_go_on(server, tmp_path):
    server.tag = ""
    server.next = [server.cut(70_000), server.cut(50_000)]
    refused(server, tmp_path, "resume after 120,000", left=PART)
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    (tmp_path / "songs.zip").unlink()
    server.next = [server.cut(70_000), server.cut(50_000)]
    refused(server, tmp_path, "try again later", left=(), **PLAIN)


@pytest.mark.parametrize("table", [{}, PLAIN])
def test_a_server_that_ignores_ranges(server, tmp_path, table):
    server.next = [server.cut(70_000), lambda h: server.answer(h, ranges=False)]
    assert get(server, tmp_path, **table).path.read_bytes() == CONTENT


@pytest.mark.parametrize("moved", [-1, 1, -70_000])
def test_a_part_of_another_place(server, tmp_path, moved):
    server.next = [server.cut(70_000), lambda h: server.answer(h, moved=moved)]
    refused(server, tmp_path, "another part than was asked for")
    assert get(server, tmp_path).path.read_bytes() == CONTENT


@pytest.mark.parametrize("fields", [{}, {"Content-Range": "bytes */5"}, {"Content-Range": "bytes 99999999999999999999-1/2"}])
def test_a_part_that_says_nonsense(server, tmp_path, fields):
    def behave(h):
        h.send_response(206)
        for name, value in fields.items():
            h.send_header(name, value)
        h.end_headers()
        h.wfile.write(b"x" * 10)

    server.next = [behave, behave]
    refused(server, tmp_path, "a part nobody asked for")
    server.next = [server.cut(70_000), behave]
    refused(server, tmp_path, "another part than was asked for")


@pytest.mark.parametrize("table", [{"sha256": ""}, {}])
def test_content_that_changes_between_the_parts(server, tmp_path, table):
    new = CONTENT[::-1]

    def other(h):
        server.content, server.tag = new, '"two"'
        server.answer(h)

    server.next = [server.cut(70_000), other]
    if table:
        assert get(server, tmp_path, **table).path.read_bytes() == new  # all of it, from its start
    else:
        refused(server, tmp_path, "sha256")


def test_content_that_changes_under_the_same_name(server, tmp_path):
    server.next = [server.cut(70_000, content=CONTENT[::-1]), server.honest]
    refused(server, tmp_path, "do not fit together")
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_lies_about_the_length(server, tmp_path):
    server.next = [lambda h: server.answer(h, length=-5)]
    refused(server, tmp_path, "offers 299,995 bytes, not 300,000")
    server.next = [lambda h: server.answer(h, length=5)]
    refused(server, tmp_path, "offers 300,005 bytes, not 300,000")
    server.next = [lambda h: server.answer(h, length=5, ranges=False)] * 2
    refused(server, tmp_path, "ended after 300,000 of 300,005", left=PART, **PLAIN)
    server.next = [server.status(416)]
    assert get(server, tmp_path, **PLAIN).path.read_bytes() == CONTENT


def test_no_length(server, tmp_path):
    server.next = [lambda h: server.answer(h, length=False)]
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    (tmp_path / "songs.zip").unlink()
    server.next = [server.cut(1000, length=False)]  # the table knows how much was to come
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_an_endless_body(server, tmp_path):
    def endless(h):
        h.send_response(200)
        h.end_headers()
        while True:
            h.wfile.write(bytes(10_000))

    for table in ({}, PLAIN):
        server.next = [endless]
        refused(server, tmp_path, "sends more than", **table)
    assert len(server.asked) == 2  # it is not tried again

    def huge(h):
        h.send_response(200)
        h.send_header("Content-Length", str(10**14))
        h.end_headers()

    server.next = [huge]
    refused(server, tmp_path, "offers 100,000,000,000,000 bytes, more than the limit", **PLAIN)


def test_endless_chunks(server, tmp_path):
    def chunks(h):
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        while True:
            h.wfile.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")

    server.next = [chunks]
    refused(server, tmp_path, "sends more than")


@pytest.mark.parametrize(("number", "times"), [(404, 1), (403, 1), (500, 2), (503, 2)])
def test_a_server_that_says_no(server, tmp_path, number, times):
    server.next = [server.status(number)] * 2
    refused(server, tmp_path, f"songs: the server says {number}")
    assert len(server.asked) == times


def test_a_server_that_is_busy_once(server, tmp_path):
    server.next = [server.status(503)]
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_another_file(server, tmp_path):
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    refused(server, tmp_path, "its sha256 is ", "as the table says", "deleted")


def test_nothing_at_all(server, tmp_path):
    server.content = b""
    refused(server, tmp_path, "sent nothing", **PLAIN)


def test_packed_on_the_way(server, tmp_path):
    def packed(h):
        h.send_response(200)
        h.send_header("Content-Encoding", "gzip")
        h.end_headers()

    server.next = [packed]
    refused(server, tmp_path, "compresses what it sends")


def silent(h):
    """Says nothing until the other side has had enough."""
    h.rfile.read()


def drip(begin, piece, pause):
    """Never enough, and after a while no more, so that a client that waits for ever is seen."""

    def behave(h):
        h.wfile.write(begin)
        for _ in range(900):
            h.wfile.write(piece)
            time.sleep(pause)

    return behave


HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 300000\r\nETag: "one"\r\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    "behave",
    [
        silent,
        drip(HEAD + b"\r\n", b"x", 0.1),
        drip(HEAD, b"X: y\r\n", 1.0),  # a hundred headers are more than http.client reads
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.1),
    ],
    ids=["silence", "body", "headers", "continue", "chunks"],
)
def test_a_slow_server(server, tmp_path, behave):
    server.next = [behave, behave]
    with pytest.raises(MelodyError, match="too slow"):
        fetch(server.collection(), tmp_path, rules=HASTY)


@pytest.mark.parametrize("line", [b"\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"x" * 100_000])
def test_no_http(server, tmp_path, line):
    server.next = [lambda h: h.wfile.write(line)] * 2
    refused(server, tmp_path, "songs: the connection failed")
