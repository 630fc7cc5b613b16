"""Requests of strangers: all refused, none costs anything, and the studio goes on."""

import asyncio

import pytest
from starlette.testclient import TestClient

from melody.studio import guard, limits
from melody.studio.app import PAGE, studio

from .conftest import HOST, PORT, TOKEN

FORM = "/api/form"
HOSTS = [
    "evil.example",
    "evil.example:8337",
    "127.0.0.1",
    f"127.0.0.1:{PORT + 1}",
    "localhost.evil.example:8337",
    "[::1]:8337",
    "",
    "0.0.0.0:8337",
]
ORIGINS = [
    "http://evil.example",
    "null",
    "file://",
    f"https://127.0.0.1:{PORT}",
    "http://127.0.0.1",
    f"http://127.0.0.1:{PORT}.evil.example",
]
TRICKS = [
    "/page/../app.py", "/page/..%2fapp.py", "/page/%2e%2e/%2e%2e/pyproject.toml", "/page//etc/passwd", "/page/vendor/../../app.py",
    "/page/C:%5Cwindows", "/page/main.js%00.css", "/page/", "/page", "/app.py", "/../../../../etc/passwd",
    "/page/jsconfig.json", "/openapi.json",
]  # fmt: skip  # one row
METHODS = [
    ("POST", "/"),
    ("DELETE", "/api/song"),
    ("PUT", FORM),
    ("GET", "/api/write"),
    ("TRACE", "/"),
    ("PATCH", "/api/read"),
    ("OPTIONS", "/api/write"),
]


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_not_the_studio(client, host):
    for path in ("/", FORM):
        assert client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_origin_is_refused(client, origin):
    assert client.get(FORM, headers={"origin": origin}).status_code == 403
    assert client.post("/api/write", json={"verb": "generate"}, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_comes_from_elsewhere_is_refused(client, site):
    assert client.get("/", headers={"sec-fetch-site": site}).status_code == 403


def test_the_page_itself_may_ask(client):
    assert client.get(FORM, headers={"origin": HOST, "sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get(FORM, headers={"host": f"localhost:{PORT}", "origin": f"http://localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize("token", ["", "other", TOKEN + "x", TOKEN[:-1], "ä"])
def test_without_the_token_there_is_the_page_and_nothing_else(stranger, token):
    headers = [(b"x-studio-token", token.encode("latin-1"))]
    assert stranger.get("/", headers=headers).status_code == 200
    for path in (FORM, "/api/song"):
        assert stranger.get(path, headers=headers).status_code == 403
    assert stranger.post("/api/write", json={"verb": "generate"}, headers=headers).status_code == 403


@pytest.mark.parametrize("path", TRICKS)
def test_no_path_leads_out_of_the_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404 or answer.content == (PAGE / "index.html").read_bytes() and path == "/page/"


@pytest.mark.parametrize(("method", "path"), METHODS)
def test_other_methods_are_refused(client, method, path):
    assert client.request(method, path).status_code == 405


def test_a_header_that_stands_there_twice_is_refused(client):
    for name, value in (("host", f"127.0.0.1:{PORT}"), ("origin", HOST), ("x-studio-token", TOKEN)):
        assert client.get(FORM, headers=[(name, value), (name, value)]).status_code == 400


@pytest.mark.parametrize("path", ["/api/read", "/api/write", "/api/export/midi"])
def test_what_is_too_large_is_refused_before_it_is_read(client, path):
    assert client.post(path, content=bytes(limits.UPLOAD_BYTES + 1)).status_code == 413
    assert client.post(path, headers={"content-length": str(10**12)}).status_code == 413
    assert client.post(path, headers={"content-length": "-1"}).status_code == 413
    parts = (bytes(1 << 20) for _ in range(11))
    assert client.post(path, content=parts).status_code == 413  # in pieces, no length said


def test_a_body_that_never_ends_is_given_up(shipped, monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)
    sent = []

    async def receive():
        await asyncio.sleep(3600)

    async def send(message):
        sent.append(message)

    headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"x-studio-token", TOKEN.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/read",
        "raw_path": b"/api/read",
        "query_string": b"",
        "headers": headers,
        "root_path": "",
    }
    asyncio.run(studio(shipped, PORT, TOKEN)(scope, receive, send))
    assert sent[0]["status"] == 408


def test_a_websocket_is_not_spoken(shipped):
    async def nothing(*_):
        raise AssertionError("nothing is received or sent")

    assert asyncio.run(studio(shipped, PORT, TOKEN)({"type": "websocket", "headers": []}, nothing, nothing)) is None


@pytest.mark.parametrize("path", ["/", "/page/main.js", FORM, "/nothing", "/soundfont"])
def test_every_answer_says_what_the_page_may_do(client, path):
    headers = client.get(path).headers
    assert all(name in headers for name in guard.HEADERS)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy and "http" not in policy


def test_the_page_has_no_inline_script_and_asks_nobody_else():
    text = (PAGE / "index.html").read_text("utf-8")
    assert "<script>" not in text and " onclick" not in text and "style=" not in text and "//" not in text.replace("<!doctype html>", "")
    for path in PAGE.glob("*.js"):
        assert "https://" not in path.read_text("utf-8") and "innerHTML" not in path.read_text("utf-8")


def test_the_studio_goes_on_after_all_of_it(shipped):
    with TestClient(studio(shipped, PORT, TOKEN), base_url=HOST, headers={"x-studio-token": TOKEN}) as client:
        for host in HOSTS:
            client.get(FORM, headers={"host": host})
        for path in TRICKS:
            client.get(path)
        assert client.post("/api/write", json={"verb": "generate", "settings": {"bars": 1, "seed": 1}}).text.endswith('{"is":"end"}\n')
