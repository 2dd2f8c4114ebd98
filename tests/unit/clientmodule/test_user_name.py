"""User names of client systems (KOM-LE-A_2010, 2032, A_21457, A_21517 to A_21519-02)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientmodule.user_name import CallContext, UserName, UserNameError, read_pop3, read_smtp

PLAIN = "erik.mustermann@hrst.kim.telematik-test#mail.hrst.example:465#1#KOM_LE#7"


@pytest.mark.requirement("KOM-LE-A_2010", "KOM-LE-A_2032")
def test_without_optional_parts() -> None:
    assert read_smtp(PLAIN) == UserName(
        "erik.mustermann@hrst.kim.telematik-test",
        "mail.hrst.example",
        465,
        CallContext("1", "KOM_LE", "7"),
    )


@pytest.mark.requirement("A_21457", "A_21519-02")
@pytest.mark.parametrize(("suffix", "konnektor"), [("", None), ("#Konn_1", "Konn_1"), ("#*", None)])
def test_smtp_konnektor(suffix: str, konnektor: str | None) -> None:
    assert read_smtp(PLAIN + suffix).konnektor == konnektor


@pytest.mark.requirement("A_21517", "A_21518-02")
@pytest.mark.parametrize(
    ("suffix", "user", "konnektor"),
    [
        ("", None, None),
        ("#13", "13", None),
        ("#*#Konn_1", None, "Konn_1"),
        ("#13#Konn_1", "13", "Konn_1"),
        ("#*#*", None, None),
    ],
)
def test_pop3_optional_parts(suffix: str, user: str | None, konnektor: str | None) -> None:
    name = read_pop3(PLAIN + suffix)
    assert (name.context.user, name.konnektor) == (user, konnektor)


def test_ipv6_server() -> None:
    name = read_smtp("a@b.kim.telematik-test#[::1]:465#m#c#w")
    assert (name.host, name.port) == ("::1", 465)


@pytest.mark.requirement("A_21519-02")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "erik@hrst.kim.telematik-test",
        "erik@hrst.kim.telematik-test#mail:465#1#KOM_LE",
        "erik@hrst.kim.telematik-test#mail:465#1##7",
        "erik@hrst.kim.telematik-test#mail:465#*#KOM_LE#7",
        "erik@hrst.kim.telematik-test#*#1#KOM_LE#7",
        "erik@hrst.kim.telematik-test#mail#1#KOM_LE#7",
        "erik@hrst.kim.telematik-test#mail:0#1#KOM_LE#7",
        "erik@hrst.kim.telematik-test#mail:65536#1#KOM_LE#7",
        "erik@hrst.kim.telematik-test#mail:x#1#KOM_LE#7",
        "erik@hrst.kim.telematik-test#ma il:465#1#KOM_LE#7",
        "erik#mail:465#1#KOM_LE#7",
        "@hrst.kim.telematik-test#mail:465#1#KOM_LE#7",
        "erik@#mail:465#1#KOM_LE#7",
        "er ik@hrst.kim.telematik-test#mail:465#1#KOM_LE#7",
        PLAIN + "#Konn#zuviel",
        PLAIN + "#",
        PLAIN.replace("erik", "e" * 65),
        PLAIN.replace("hrst", "h" * 64 + "." + "x" * 130),
        PLAIN.replace("KOM_LE", "K" * 65),
        PLAIN.replace("KOM_LE", "KOM\r\nLE"),
        PLAIN.replace("mail.hrst", "[::1"),
        PLAIN + "x" * 2000,
    ],
)
def test_incomplete_or_malformed(text: str) -> None:
    with pytest.raises(UserNameError) as failure:
        read_smtp(text)
    assert text not in str(failure.value) or not text  # nothing personal in the message


def test_smtp_knows_no_user_id() -> None:
    with pytest.raises(UserNameError):
        read_smtp(PLAIN + "#13#Konn_1")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_smtp, read_pop3):
        try:
            name = read(text)
        except UserNameError:
            continue
        assert 0 < name.port < 65536


IDENTIFIER = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters="#*"),
    min_size=1,
    max_size=64,
).filter(str.isprintable)


@given(
    mandant=IDENTIFIER,
    clientsystem=IDENTIFIER,
    workplace=IDENTIFIER,
    user=st.none() | IDENTIFIER,
    port=st.integers(1, 65535),
)
def test_what_is_put_together_is_taken_apart(
    mandant: str, clientsystem: str, workplace: str, user: str | None, port: int
) -> None:
    text = "#".join(
        [
            "a.b_c-d@praxis.kim.telematik-test",
            f"127.0.0.1:{port}",
            mandant,
            clientsystem,
            workplace,
            user or "*",
            "*",
        ]
    )
    name = read_pop3(text)
    assert name.context == CallContext(mandant, clientsystem, workplace, user)
    assert (name.host, name.port) == ("127.0.0.1", port)
