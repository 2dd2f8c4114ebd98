"""What a hostile or broken client sends; the Konnektor answers and goes on."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import ssl
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from tests.konnektor_site import PATHS, SMCB, Site, context, document, envelope

GET_CARDS = f"<EVT:GetCards>{context()}</EVT:GetCards>"


@pytest.fixture(autouse=True)
def still_well(site: Site) -> Any:
    yield
    assert site.call("EVT", "GetCards", context()).status == 200
    assert "Traceback" not in site.role.log()


def refused(site: Site, body: bytes, path: str = PATHS["EVT"]) -> None:
    """Hold that *body* is answered with the fault 4000."""
    status, content = site.post(path, body)
    assert status == 500
    assert b"Code>4000<" in content
    assert b"Traceback" not in content


def test_entity_bomb(site: Site) -> None:
    entities = '<!ENTITY a "' + "A" * 1000 + '">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        entities += f'<!ENTITY {name} "' + f"&{before};" * 10 + '">'
    bomb = f"<!DOCTYPE x [{entities}]>".encode() + envelope(GET_CARDS.replace("m1", "&i;"))
    refused(site, bomb)


def test_external_entity(site: Site) -> None:
    body = envelope(GET_CARDS.replace("m1", "&x;"))
    refused(site, b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body)


def test_deep_nesting(site: Site) -> None:
    refused(site, envelope("<EVT:GetCards>" + "<a>" * 200 + "</a>" * 200 + "</EVT:GetCards>"))
    refused(site, envelope("<a>" * 20_000 + "</a>" * 20_000))


def test_very_many_elements(site: Site) -> None:
    refused(site, envelope("<EVT:GetCards>" + "<a/>" * 400_000 + "</EVT:GetCards>"))


def test_very_many_attributes(site: Site) -> None:
    attributes = " ".join(f'a{number}=""' for number in range(100_000))
    refused(site, envelope(f"<EVT:GetCards {attributes}/>"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe garbage",
        b"<a><b></a>",
        b"<a/>",
        envelope(""),
        envelope("<a/><b/>"),
        envelope("just text"),
        envelope("<S:Fault/>"),
        envelope("<EVT:Nonsense/>"),
        envelope("<EVT:GetCards/>").replace(b"EventService/v7.2", b"EventService/v6.0"),
        envelope(GET_CARDS).replace(b"envelope/", b"other/"),
        envelope(GET_CARDS).decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + envelope(GET_CARDS),
        envelope(GET_CARDS.replace("m1", "m1<x/>")),
        envelope(GET_CARDS.replace("m1", "m" * 65)),
        b"\xff\xfe" + envelope(GET_CARDS).decode().encode("utf-16-le"),
        envelope(GET_CARDS).replace(b"m1", b"m\xe9"),
        envelope(GET_CARDS).replace(b"m1", b"m\xc0\xb1"),  # an overlong form of "1"
        envelope(GET_CARDS).replace(b"m1", b"m&#0;1"),
        envelope(GET_CARDS).replace(b"schemas.xmlsoap.org/soap/", b"www.w3.org/2003/05/soap-"),
        envelope(GET_CARDS.replace("EVT:GetCards", "EVT:GetCards a='1' a='2'", 1)),
        envelope(GET_CARDS.replace("EVT:GetCards", "EVT:GetCards S:a='1' Z:a='2'", 1)).replace(
            b"<S:Envelope ", b"<S:Envelope xmlns:Z='http://schemas.xmlsoap.org/soap/envelope/' "
        ),
        envelope(GET_CARDS) + b"<more/>",
        envelope(GET_CARDS) + b"\x00",
        envelope(GET_CARDS.replace("EVT:GetCards>", "EVT:GetCards href='#x'>", 1)),
    ],
    ids=range(25),
)
def test_broken_messages(site: Site, body: bytes) -> None:
    if b"href" in body:  # an attribute too many is ignored, and href not followed
        assert site.post(PATHS["EVT"], body)[0] == 200
        return
    refused(site, body)


def test_byte_order_mark(site: Site) -> None:
    assert site.post(PATHS["EVT"], b"\xef\xbb\xbf" + envelope(GET_CARDS))[0] == 200


def test_must_understand(site: Site) -> None:
    header = b'<S:Header><x S:mustUnderstand="1"/></S:Header><S:Body>'
    refused(site, envelope(GET_CARDS).replace(b"<S:Body>", header))


def test_another_service_of_the_same_konnektor(site: Site) -> None:
    refused(site, envelope(GET_CARDS), PATHS["CARD"])


def test_documents_that_are_no_base64(site: Site) -> None:
    broken = document(b"x").replace("eA==", "e!A=")
    answer = site.sign(SMCB, broken)
    assert answer.code == 4000


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 4281),
        (b"<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='x'/></a>", 4281),
        (b"<a>" * 31 + b"</a>" * 31, 4280),
        (b"<a>" + b"<b/>" * 51 + b"</a>", 4280),
        (b"<a><b></a>", 4022),
    ],
)
def test_xml_documents(site: Site, content: bytes, code: int) -> None:
    import base64

    encoded = base64.b64encode(content).decode()
    xml = f'<SIG:Document ShortText="x"><CONN:Base64XML>{encoded}</CONN:Base64XML></SIG:Document>'
    cms = "<dss:SignatureType>urn:ietf:rfc:5652</dss:SignatureType>"
    assert site.sign(SMCB, xml, cms).code == code


def test_http_level(site: Site) -> None:
    assert site.post("/ws/Nothing", envelope(GET_CARDS))[0] == 404
    assert site.post(PATHS["EVT"], envelope(GET_CARDS), "application/json")[0] == 415
    assert site.post(PATHS["EVT"], envelope(GET_CARDS), "multipart/related")[0] == 415
    assert site.get(PATHS["EVT"])[0] == 405


def test_oversized_is_refused_by_its_announcement(site: Site) -> None:
    connection = site.connection()
    connection.putrequest("POST", PATHS["EVT"])
    connection.putheader("Content-Type", "text/xml")
    connection.putheader("Content-Length", str(81 << 20))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_more_than_any_document_is_answered_once_it_was_read(site: Site) -> None:
    status, content = site.post(PATHS["EVT"], bytes(41 << 20))
    assert (status, b"<GERROR:Code>4283<" in content) == (500, True)


def test_another_charset(site: Site) -> None:
    status, content = site.post(PATHS["EVT"], envelope(GET_CARDS), "text/xml; charset=ISO-8859-1")
    assert (status, b"<GERROR:Code>4000<" in content) == (500, True)


def compressed(site: Site, body: bytes, path: str, coding: str = "gzip") -> int:
    """Return the HTTP status for a body that calls itself compressed."""
    connection = site.connection()
    headers = {"Content-Type": "text/xml", "Content-Encoding": coding}
    connection.request("POST", path, body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_compressed(site: Site) -> None:
    assert compressed(site, gzip.compress(envelope(GET_CARDS)), PATHS["EVT"]) == 200
    deflated = zlib.compress(envelope(GET_CARDS))
    assert compressed(site, deflated, PATHS["EVT"], "deflate") == 200


def memory(site: Site) -> int:
    """Return what the process holds of its own: no code that it reads as it runs."""
    found = psutil.Process(site.role.process.pid).memory_info()
    return int(found.rss - found.shared)


@pytest.mark.parametrize("path", [PATHS["EVT"], PATHS["SIG"]])
def test_compressed_bomb(site: Site, path: str) -> None:
    before = memory(site)
    assert compressed(site, gzip.compress(bytes(100 << 20), 1), path) == 413
    assert memory(site) - before < 60 << 20


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"\x1f\x8b" + b"no gzip" * 20),
        ("deflate", b"\x1f\x8b" + b"no gzip" * 20),
        ("gzip", gzip.compress(envelope(GET_CARDS))[:-20]),
        ("gzip", gzip.compress(envelope(GET_CARDS)) + b"more"),
    ],
    ids=["no gzip", "no deflate", "cut off", "followed by more"],
)
def test_compressed_wrongly(site: Site, coding: str, body: bytes) -> None:
    assert compressed(site, body, PATHS["EVT"], coding) == 400


def test_compressed_in_a_way_that_nobody_asked_for(site: Site) -> None:
    assert compressed(site, b"x", PATHS["EVT"], "br") == 415


HEAD = b"POST /ws/EventService HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"


def raw(site: Site, *pieces: bytes) -> bytes:
    """Send bytes as they are; return the beginning of what comes back until the end."""
    connection = site.connection()
    connection.connect()
    try:
        for piece in pieces:
            connection.sock.sendall(piece)
        return bytes(connection.sock.recv(4096))
    except (ConnectionError, ssl.SSLError):
        return b""  # closed while it was still being sent to
    finally:
        connection.close()


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01 no HTTP \r\n\r\n",
        b"POST\r\n\r\n",
        b"POST /ws/EventService HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n<a",
        HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        HEAD + b"a" * 100_000 + b": x\r\n\r\n",
        HEAD + b"SOAPAction: \x00\r\nContent-Length: 0\r\n\r\n",
        b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=range(11),
)
def test_broken_heads(site: Site, head: bytes) -> None:
    answer = raw(site, head)
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"411", b"413", b"431", b"505")


def test_no_password_in_the_log(site: Site) -> None:
    raw(site, HEAD + b"Authorization: Basic c2VjcmV0\x00\r\n\r\n")
    assert "c2VjcmV0" not in site.role.log()


def test_endless_headers(site: Site) -> None:
    answer = raw(site, HEAD, *(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(2000)))
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"431")


def test_left_in_the_middle(site: Site) -> None:
    """Connections that end within the body, within a chunk, within the head."""
    for rest in (
        b"Content-Length: 100\r\n\r\n<S:Env",
        b"Transfer-Encoding: chunked\r\n\r\nff\r\n<S:Env",
        b"Content-Le",
    ):
        connection = site.connection()
        connection.connect()
        connection.sock.sendall(HEAD + rest)
        connection.close()


def test_requests_before_the_answers(site: Site) -> None:
    body = envelope(GET_CARDS)
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    connection = site.connection()
    connection.connect()
    connection.sock.sendall(request * 20)
    reader = connection.sock.makefile("rb")
    for _ in range(20):
        assert reader.readline().startswith(b"HTTP/1.1 200")
        headers = http.client.parse_headers(reader)
        assert b"GetCardsResponse" in reader.read(int(headers["Content-Length"]))
    reader.close()
    connection.close()


def test_many_calls_leave_nothing_behind(site: Site) -> None:
    """16 connections, good and broken calls in turn: all answered, no descriptor kept."""
    process = psutil.Process(site.role.process.pid)
    kinds = [(envelope(GET_CARDS), 200), (b"<a>", 500), (envelope("<EVT:Nonsense/>"), 500)]

    def work(number: int) -> list[bool]:
        connection = site.connection()
        answered = []
        for index in range(20):
            body, status = kinds[(number + index) % len(kinds)]
            connection.request("POST", PATHS["EVT"], body, {"Content-Type": "text/xml"})
            response = connection.getresponse()
            answered.append(response.status == status and bool(response.read()))
        connection.close()
        return answered

    before = process.num_fds(), process.num_threads()
    with ThreadPoolExecutor(16) as pool:
        outcome = [good for answers in pool.map(work, range(16)) for good in answers]
    assert outcome == [True] * 320
    raw(site, HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    assert process.num_threads() <= before[1] + 2  # the workers are at most two
    deadline = time.monotonic() + 20
    while process.num_fds() > before[0]:  # the ends of the connections are still on their way
        assert time.monotonic() < deadline


def test_oversized_in_chunks(site: Site) -> None:
    connection = site.connection()
    chunk = bytes(1 << 20)
    try:
        connection.request(
            "POST",
            PATHS["EVT"],
            (chunk for _ in range(82)),
            {"Content-Type": "text/xml"},
            encode_chunked=True,
        )
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused while still sending
    finally:
        connection.close()


def test_expect_continue(site: Site) -> None:
    connection = site.connection()
    body = envelope(GET_CARDS)
    connection.putrequest("POST", PATHS["EVT"])
    connection.putheader("Content-Type", "text/xml")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(4096).startswith(b"HTTP/1.1 100 ")
    connection.send(body)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    "sent",
    [b"\x16", b"\x16\x03\x01\xff\xff" + b"\x00" * 2000, b"\x16" * 5000, b"\x80\x2e\x01\x00\x02"],
    ids=range(4),
)
def test_broken_tls(site: Site, sent: bytes) -> None:
    with socket.create_connection(site.role.address("soap"), 10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            assert b"HTTP/1.1 200" not in connection.recv(4096)


def test_silent_connections_keep_nobody_out(site: Site) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(site.role.address("soap"), 10))
        assert site.call("EVT", "GetCards", context()).status == 200


def test_no_tls(site: Site) -> None:
    with socket.create_connection(site.role.address("soap"), 10) as plain:
        plain.sendall(b"GET /ws/EventService HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.settimeout(10)
        assert plain.recv(100).startswith(b"HTTP/1.1 403 ")
