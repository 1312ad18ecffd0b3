"""Requests that no client library would send."""

import http.client
import json
import socket


class RawAnswer:
    def __init__(self, status, headers, body):
        self.status_code, self.headers, self.content = status, headers, body

    @property
    def text(self):
        return self.content.decode(errors="replace")

    def json(self):
        return json.loads(self.content)


def send(url, method, target, headers=(), body=b""):
    """Puts these bytes on a connection of their own. A body gets its length unless a header says otherwise."""
    host, port = url.removeprefix("http://").split(":")
    lines = [("Host", f"{host}:{port}"), ("Connection", "close"), *headers]
    if body and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in lines):
        lines.append(("Content-Length", str(len(body))))
    if isinstance(target, str):
        target = target.encode()
    head = method.encode() + b" " + target + b" HTTP/1.1\r\n"
    for name, value in lines:
        value = value if isinstance(value, bytes) else value.encode("latin-1")
        head += name.encode() + b": " + value + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        try:
            connection.sendall(head + b"\r\n" + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered before it was all sent
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return RawAnswer(response.status, response.headers, response.read())
