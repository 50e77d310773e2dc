"""What the wire may carry: request smuggling, slow and broken clients, pipelining, and random bytes. Never a 5xx, never a hang."""
import json
import os
import random

import pytest

from harness import SEED_BODY, config
from rawhttp import Connection

BODY = json.dumps(SEED_BODY).encode()


def head(server, org, first=b"POST /api/v1/tasks HTTP/1.1", *lines: bytes, host: bool = True, auth: bool = True) -> bytes:
    """A request's head with the given extra lines, the empty line included."""
    given = [first]
    if host:
        given.append(b"Host: " + server.base_url.removeprefix("http://").encode())
    if auth:
        given.append(b"Authorization: Bearer " + org.api_key.encode())
    return b"\r\n".join([*given, *lines]) + b"\r\n\r\n"


def get(server, org, request_id: str = "after", path: str = "/api/v1/tasks") -> bytes:
    return head(server, org, f"GET {path} HTTP/1.1".encode(), b"X-Request-Id: " + request_id.encode())


JSON = b"Content-Type: application/json"
CHUNKED_BODY = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
LENGTH = b"Content-Length: %d" % len(BODY)

# Each is (request line, extra lines, body). All of them are read differently by different servers, so none may be read at all.
SMUGGLING = {
    "length and chunked": (None, [LENGTH, b"Transfer-Encoding: chunked"], CHUNKED_BODY),
    "chunked and length": (None, [b"Transfer-Encoding: chunked", LENGTH], CHUNKED_BODY),
    "gzip": (None, [b"Transfer-Encoding: gzip"], BODY),
    "chunked, identity": (None, [b"Transfer-Encoding: chunked, identity"], CHUNKED_BODY),
    "identity": (None, [b"Transfer-Encoding: identity", LENGTH], BODY),
    "gzip, chunked": (None, [b"Transfer-Encoding: gzip, chunked"], CHUNKED_BODY),
    "chunked twice": (None, [b"Transfer-Encoding: chunked, chunked"], CHUNKED_BODY),
    "two transfer encodings": (None, [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], CHUNKED_BODY),
    "xchunked": (None, [b"Transfer-Encoding: xchunked", LENGTH], BODY),
    "chunked with a tab": (None, [b"Transfer-Encoding:\x0bchunked"], CHUNKED_BODY),
    "HTTP/1.0 chunked": (b"POST /api/v1/tasks HTTP/1.0", [b"Transfer-Encoding: chunked"], CHUNKED_BODY),
    "folded line": (None, [b"X-Folded: a\r\n b", LENGTH], BODY),
    "folded transfer encoding": (None, [b"Transfer-Encoding:\r\n chunked"], CHUNKED_BODY),
    "two lengths": (None, [LENGTH, b"Content-Length: 3"], BODY),
    "two equal lengths": (None, [LENGTH, LENGTH], BODY),
    "list of lengths": (None, [b"Content-Length: %d, %d" % (len(BODY), len(BODY))], BODY),
    "plus length": (None, [b"Content-Length: +%d" % len(BODY)], BODY),
    "negative length": (None, [b"Content-Length: -1"], BODY),
    "hexadecimal length": (None, [b"Content-Length: 0x10"], BODY),
    "empty length": (None, [b"Content-Length: "], BODY),
    "endless length": (None, [b"Content-Length: 99999999999999999999999999"], BODY),
    "space before colon": (None, [b"Content-Length : %d" % len(BODY)], BODY),
    "space in a name": (None, [b"X Name: 1", LENGTH], BODY),
    "no name": (None, [b": 1", LENGTH], BODY),
    "NUL in a value": (None, [b"X-Nul: a\0b", LENGTH], BODY),
    "bare CR in a value": (None, [b"X-Cr: a\rb", LENGTH], BODY),
    "hexadecimal chunk": (None, [b"Transfer-Encoding: chunked"], b"0x5\r\nhello\r\n0\r\n\r\n"),
    "negative chunk": (None, [b"Transfer-Encoding: chunked"], b"-5\r\nhello\r\n0\r\n\r\n"),
    "overflowing chunk": (None, [b"Transfer-Encoding: chunked"], b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    "chunk without end": (None, [b"Transfer-Encoding: chunked"], b"5\r\nhelloXX0\r\n\r\n"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0", [], b"SM\r\n\r\n"),
    "HTTP/9": (b"GET /api/v1/tasks HTTP/9.9", [], b""),
    "no version": (b"GET /api/v1/tasks", [], b""),
    "two spaces": (b"GET  /api/v1/tasks HTTP/1.1", [], b""),
    "space in the path": (b"GET /api/v1/ta sks HTTP/1.1", [], b""),
    "control character in the path": (b"GET /api/v1/tasks\x01 HTTP/1.1", [], b""),
}


@pytest.mark.parametrize("shape", SMUGGLING)
def test_ambiguous_requests_are_refused_and_the_connection_ends(server, org, shape):
    """The request is not executed, and what follows on the connection is not taken for another request."""
    first, lines, body = SMUGGLING[shape]
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, first or b"POST /api/v1/tasks HTTP/1.1", JSON, *lines) + body
                        + get(server, org, "smuggled"))
        connection.finish_sending()
        answers = connection.rest()
    assert len(answers) <= 1, f"more was answered than was asked: {answers}"
    for answer in answers:
        assert 400 <= answer.status < 500 or answer.status in (501, 505), answer
        assert answer.headers.get("x-request-id") != "smuggled"
    assert org.all_tasks() == []


@pytest.mark.parametrize("hosts", [[], [b"Host: a", b"Host: a"], [b"Host: a", b"Host: b"]], ids=["none", "same", "two"])
def test_exactly_one_host(server, org, hosts):
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"GET /api/v1/tasks HTTP/1.1", *hosts, host=False) + get(server, org, "smuggled"))
        connection.finish_sending()
        answers = connection.rest()
    assert [answer.status for answer in answers] in ([400], [])


def test_a_trailer_is_no_header(server, org):
    """A credential after the body comes too late to count."""
    with Connection(server.base_url) as connection:
        chunks = b"%x\r\n%s\r\n0\r\nAuthorization: Bearer %s\r\n\r\n" % (len(BODY), BODY, org.api_key.encode())
        connection.send(head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, b"Transfer-Encoding: chunked",
                             b"Trailer: Authorization", auth=False) + chunks)
        connection.finish_sending()
        answers = connection.rest()
    assert [answer.status for answer in answers] in ([401], [400])
    assert org.all_tasks() == []


def test_a_trailer_does_not_replace_the_idempotency_key(server, org):
    with Connection(server.base_url) as connection:
        for n in range(2):
            chunks = b"%x\r\n%s\r\n0\r\nIdempotency-Key: late\r\n\r\n" % (len(BODY), BODY)
            connection.send(head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, b"Transfer-Encoding: chunked",
                                 b"Idempotency-Key: early-%d" % n) + chunks)
            answer = connection.answer()
            assert answer is not None
            if answer.status == 400:
                return  # trailers are refused altogether, which is as good
            assert answer.status == 201
            assert "idempotent-replayed" not in answer.headers
    assert len(org.all_tasks()) == 2


@pytest.mark.smoke
def test_a_chunked_body(server, org):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:50], BODY[50:])) + b"0\r\n\r\n"
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, b"Transfer-Encoding: chunked") + chunks)
        assert connection.answer().status == 201


@pytest.mark.smoke
def test_pipelined_requests_are_answered_in_order(server, org):
    post = head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, LENGTH, b"X-Request-Id: made") + BODY
    with Connection(server.base_url) as connection:
        connection.send(get(server, org, "one") + post + get(server, org, "two") + get(server, org, "three", "/nothing"))
        answers = [connection.answer() for _ in range(4)]
    assert [(a.headers["x-request-id"], a.status) for a in answers] == [
        ("one", 200), ("made", 201), ("two", 200), ("three", 404)]
    assert json.loads(answers[0].body)["pagination"]["total"] == 0
    assert json.loads(answers[2].body)["pagination"]["total"] == 1


def test_a_request_in_single_bytes(server, org):
    with Connection(server.base_url) as connection:
        for byte in head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, LENGTH) + BODY:
            connection.send(bytes([byte]))
        assert connection.answer().status == 201


def test_connection_close_is_honoured(server, org):
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"GET /api/v1/tasks HTTP/1.1", b"Connection: close") + get(server, org, "late"))
        assert connection.answer().status == 200
        assert connection.closed()


def test_http_1_0_is_answered_and_closed(server, org):
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"GET /api/v1/tasks HTTP/1.0"))
        assert connection.answer().status == 200
        assert connection.closed()


def test_an_early_error_does_not_turn_the_body_into_a_request(server, org):
    """A refused POST whose body looks like a request: the body is skipped or the connection closed, never executed."""
    inner = get(server, org, "smuggled")
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"POST /nothing HTTP/1.1", JSON, b"Content-Length: %d" % len(inner),
                             b"X-Request-Id: outer") + inner)
        connection.finish_sending()
        answers = connection.rest()
    assert [(answer.headers["x-request-id"], answer.status) for answer in answers] == [("outer", 404)]


@pytest.mark.parametrize("body", [b"{}", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_body_on_get_does_not_turn_into_a_request(server, org, body):
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"GET /api/v1/tasks HTTP/1.1", b"Content-Length: %d" % len(body)) + body)
        connection.finish_sending()
        answers = connection.rest()
    assert len(answers) == 1 and answers[0].status in (200, 400, 413, 415)


@pytest.mark.parametrize("sent", [1, len(BODY) // 2, len(BODY) - 1])
def test_half_a_body_does_nothing(server, org, sent):
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, LENGTH) + BODY[:sent])
        connection.finish_sending()
        assert all(answer.status in (400, 408) for answer in connection.rest())
    assert org.all_tasks() == []


@pytest.mark.parametrize("size", [20_000, 200_000, 5_000_000])
def test_a_head_that_is_too_large(server, org, size):
    for large in (head(server, org, b"GET /api/v1/tasks HTTP/1.1", b"X-Large: " + b"x" * size),
                  head(server, org, b"GET /api/v1/tasks?" + b"x" * size + b" HTTP/1.1"),
                  head(server, org, b"GET /api/v1/tasks HTTP/1.1", *[b"X-Many: 1"] * (size // 11))):
        with Connection(server.base_url) as connection:
            connection.send(large)
            connection.finish_sending()
            answers = connection.rest()
        assert [answer.status for answer in answers] in ([], [400], [414], [431])


@pytest.mark.parametrize("target", [
    b"*", b"http://evil.example/api/v1/tasks", b"//evil.example/x", b"/api/v1/tasks/%00", b"/api/v1/tasks/%zz",
    b"/api/v1/%2e%2e/%2e%2e/etc/passwd", b"/../../../etc/passwd", b"/docs/groundtruth/../../../etc/passwd",
    b"/docs/groundtruth/%2e%2e%2f%2e%2e%2fetc%2fpasswd", b"/api/v1/tasks#x", b"/api/v1/tasks/\xff", b"?", b"api/v1/tasks",
    b"/api/v1/tasks;x=1", b"/%61pi/v1/tasks", b"/api\\v1\\tasks", b"/" * 3000,
])
@pytest.mark.parametrize("method", [b"GET", b"POST", b"CONNECT", b"OPTIONS"])
def test_odd_targets(server, org, method, target):
    with Connection(server.base_url) as connection:
        connection.send(head(server, org, method + b" " + target + b" HTTP/1.1", b"Content-Length: 0"))
        connection.finish_sending()
        answers = connection.rest()
    assert len(answers) <= 1
    for answer in answers:
        assert answer.status < 500 or answer.status == 501, answer
        assert b"root:" not in answer.body


def test_tls_on_a_plain_port(server):
    with Connection(server.base_url) as connection:
        connection.send(bytes.fromhex("16030100c8010000c40303") + bytes(200))
        connection.finish_sending()
        assert all(answer.status == 400 for answer in connection.rest())


def test_connecting_and_leaving(server, client):
    for _ in range(50):
        Connection(server.base_url).__exit__()
    assert client.get("/api/v1/tasks").status_code == 200


def test_answers_that_nobody_reads(server, org):
    """A client that pipelines and never reads must not block the others."""
    with Connection(server.base_url) as deaf:
        deaf.send(get(server, org) * 200)
        assert org.http.get("/api/v1/tasks").status_code == 200


@pytest.fixture
def impatient(fresh_server):
    """A server that waits a second at most: for a request to begin, for its head, for its body."""
    return fresh_server(settings=config(header_timeout_ms=1000, body_timeout_ms=1000, idle_timeout_ms=1000))


@pytest.mark.parametrize("started", [b"", b"G", b"GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\nX-Slow: "],
                         ids=["nothing", "one byte", "half a head"])
def test_a_head_that_never_ends_is_given_up(impatient, started):
    with Connection(impatient.base_url) as connection:
        connection.send(started)
        assert [answer.status for answer in connection.rest()] in ([], [408], [400])


def test_trickling_does_not_extend_the_time_for_a_head(impatient):
    """A byte now and then must not keep a connection for ever: the bound is on the whole head."""
    with Connection(impatient.base_url) as connection:
        connection.send(b"GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\n")
        # Few and short lines, so that only the time can be what runs out.
        for _ in range(60):
            connection.send(b"X: 1\r\n")
            if not connection.quiet_for(0.3):
                break
        else:
            raise AssertionError("the server let a head trickle for eighteen times its limit")
        assert [answer.status for answer in connection.rest()] in ([], [408], [400])


def test_a_body_that_never_ends_is_given_up(impatient, make_org):
    org = make_org(impatient)
    with Connection(impatient.base_url) as connection:
        connection.send(head(impatient, org, b"POST /api/v1/tasks HTTP/1.1", JSON, LENGTH) + BODY[:10])
        assert [answer.status for answer in connection.rest()] in ([], [408], [400])
    assert org.all_tasks() == []


@pytest.mark.slow
def test_random_bytes(server, org):
    """Valid requests with random damage: anything is a fair answer but a 5xx, a hang, or the end of the server."""
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}")
    generator = random.Random(seed)
    pid = server.pid
    for _ in range(300):
        request = bytearray(head(server, org, b"POST /api/v1/tasks HTTP/1.1", JSON, LENGTH) + BODY)
        for _ in range(generator.randrange(1, 6)):
            place = generator.randrange(len(request))
            kind = generator.randrange(4)
            if kind == 0:
                request[place] = generator.randrange(256)
            elif kind == 1:
                del request[place : place + generator.randrange(1, 20)]
            elif kind == 2:
                request[place:place] = generator.randbytes(generator.randrange(1, 20))
            else:
                request[place:place] = generator.choice([b"\r\n", b"\0", b"\r\n\r\n", b":", b"%", b"\n", b" "])
        with Connection(server.base_url) as connection:
            connection.send(bytes(request))
            connection.finish_sending()
            for answer in connection.rest():
                assert answer.status < 500 or answer.status in (501, 505), (answer, bytes(request))
    assert server.running and server.pid == pid
    assert org.http.get("/api/v1/tasks").status_code == 200
