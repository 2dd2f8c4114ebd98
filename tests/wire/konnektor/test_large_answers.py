"""Large answers arrive whole, and callers who go away in the middle of one do no harm."""

from __future__ import annotations

import base64

from simulators.formats import signed_data
from tests.konnektor_site import ENVELOPING, PATHS, SMCB, Site, context, document, envelope

SIZE = 3_000_000
ACTION = '"http://ws.gematik.de/conn/SignatureService/v7.5#SignDocument"'


def large_request(site: Site) -> bytes:
    return envelope(
        f"<SIG:SignDocument><CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>{context()}"
        f"<SIG:TvMode>NONE</SIG:TvMode><SIG:JobNumber>{site.job()}</SIG:JobNumber>"
        '<SIG:SignRequest RequestID="1"><SIG:OptionalInputs>'
        f"{ENVELOPING}</SIG:OptionalInputs>{document(bytes(SIZE))}"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo></SIG:SignRequest>"
        "</SIG:SignDocument>"
    )


def test_a_large_answer_arrives_whole(site: Site) -> None:
    answer = site.sign(SMCB, document(bytes(SIZE)), ENVELOPING)
    cms = base64.b64decode(answer.text("//dss:Base64Signature"))
    read = signed_data.read(cms)
    assert read.content == bytes(SIZE)
    assert read.signers[0].signature_ok


def test_a_caller_who_goes_away_in_the_middle(site: Site) -> None:
    logged = site.role.log()
    for _ in range(3):
        connection = site.connection()
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": ACTION}
        connection.request("POST", PATHS["SIG"], large_request(site), headers)
        response = connection.getresponse()
        assert response.status == 200
        assert response.read(1000)
        connection.close()
    assert site.sign(SMCB, document(b"small"), ENVELOPING).status == 200
    assert "Traceback" not in site.role.log()[len(logged) :]
