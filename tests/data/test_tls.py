"""https as such: a server with a certificate that is trusted for the while of a test, and the same one when it is not."""

import http.server
import shutil
import ssl
import subprocess
import threading

import pytest

from melody.data import fetch, https
from melody.errors import MelodyError

from .conftest import CONTENT, QUICK, Server

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of the test")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The address of a server over TLS. This machine counts as public while it lasts."""
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files], check=True, capture_output=True
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            Server().answer(self)

        def log_message(self, *args): ...

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    web.socket = context.wrap_socket(web.socket, server_side=True)
    web.handle_error = lambda *args: None
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setattr(https, "_is_public", lambda text: text == "127.0.0.1")
    yield f"https://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()
    thread.join()


def test_a_certificate_that_is_trusted(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    one = Server(place).collection()
    assert fetch(one, tmp_path, rules=QUICK).path.read_bytes() == CONTENT


def test_a_certificate_that_is_not(place, tmp_path):
    with pytest.raises(MelodyError, match="certificate is not valid") as fault:
        fetch(Server(place).collection(), tmp_path, rules=QUICK)
    assert not isinstance(fault.value, https.TransientError) and not list(tmp_path.glob("songs*"))


def test_a_certificate_of_another_name(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with pytest.raises(MelodyError, match="certificate is not valid"):
        fetch(Server(place.replace("127.0.0.1", "localhost")).collection(), tmp_path, rules=QUICK)
