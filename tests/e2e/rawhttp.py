"""HTTP over a plain socket, for requests that a well-behaved client cannot make."""
from __future__ import annotations

import dataclasses
import socket

import httpx

DEADLINE_S = 20


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One TCP connection; reading fails after a bounded time instead of hanging."""

    def __init__(self, base_url: str):
        url = httpx.URL(base_url)
        self.host = f"{url.host}:{url.port}"
        self._socket = socket.create_connection((url.host, url.port), timeout=DEADLINE_S)
        self._buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Sends; a server that has already closed its end is no error here, the answer tells."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def finish_sending(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _more(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        except TimeoutError:
            raise AssertionError(f"no answer and no close within {DEADLINE_S} s; so far {self._buffer!r}") from None
        self._buffer += data
        return bool(data)

    def answer(self, head: bool = False) -> Answer | None:
        """The next answer, or None when the server closed instead. Half an answer is a failure."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                assert not self._buffer, f"the connection ended inside an answer: {self._buffer!r}"
                return None
        start, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = start.decode("latin-1").split("\r\n")
        version, status, *_ = lines[0].split(" ")
        assert version in ("HTTP/1.0", "HTTP/1.1"), lines[0]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = 0 if head or status in ("204", "304") else int(headers.get("content-length", "0"))
        assert "transfer-encoding" not in headers, "answers of this surface have a length"
        while len(self._buffer) < length:
            assert self._more(), "the connection ended inside a body"
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(int(status), headers, body)

    def quiet_for(self, seconds: float) -> bool:
        """Whether the server neither sends nor closes for that long; what it sends is kept for `answer`."""
        self._socket.settimeout(seconds)
        try:
            self._buffer += self._socket.recv(65536)
            return False
        except TimeoutError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self._socket.settimeout(DEADLINE_S)

    def closed(self) -> bool:
        """Whether the server closes without another byte; waits for it."""
        return not self._buffer and not self._more()

    def rest(self) -> list[Answer]:
        """Every answer up to the end of the connection."""
        answers = []
        while (answer := self.answer()) is not None:
            answers.append(answer)
        return answers
