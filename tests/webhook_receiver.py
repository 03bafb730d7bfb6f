"""A receiver of signed webhooks on a port of this machine, that answers as it is told and can go and come back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SECRET = "whsec_" + base64.b64encode(b"a secret of a receiver in tests!").decode()
Answer = tuple[int, Mapping[str, str]]
TAKEN: Answer = (204, {})


class Post(NamedTuple):
    """One request as it came. `is_signed`: the signature is of this body, under `SECRET`."""

    webhook_id: str
    body: bytes
    is_signed: bool
    status: int


class Receiver:
    """`answer` of a post's id is what it gets: a status with headers, or None for silence until the end."""

    def __init__(self, answer: Callable[[str], Answer | None] = lambda _: TAKEN, secret: str = SECRET) -> None:
        self.answer, self.secret = answer, secret
        self.posts: list[Post] = []
        self._ended = threading.Event()
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/segments"

    @property
    def taken(self) -> list[Post]:
        return [post for post in list(self.posts) if post.status == TAKEN[0]]

    def open(self) -> None:
        """Listen, again on the same port."""
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def end(self) -> None:
        """Let go of those who got no answer, and close."""
        self._ended.set()
        self.close()

    def take(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        webhook_id = headers["webhook-id"]
        answer = self.answer(webhook_id)
        signed = f"{webhook_id}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.digest(base64.b64decode(self.secret[6:]), signed, hashlib.sha256)).decode()
        is_signed = headers["webhook-signature"] == f"v1,{wanted}"
        self.posts.append(Post(webhook_id, body, is_signed, answer[0] if answer else 0))
        if answer is None:
            self._ended.wait(60)
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # a connection for each post: one that is closed is closed

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # who sent it was killed
            return
        assert isinstance(self.server, _Server)
        answer = self.server.receiver.take({name.lower(): text for name, text in self.headers.items()}, body)
        if answer is None:
            return
        self.send_response(answer[0])
        for name, text in answer[1].items():
            self.send_header(name, text)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""
