"""Own test cards of a world: which card a file is for, and what follows from its certificates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scenarios.engine.processes.launcher import prepare
from scenarios.engine.processes.selftest import self_test_pair
from scenarios.engine.world.file import load_world
from scenarios.engine.world.model import World
from scenarios.engine.world.own_cards import read_own_cards
from scenarios.engine.world.own_files import OwnArguments, passwords_in, with_arguments
from scenarios.engine.world.parts import fixed_ports
from scenarios.engine.world.places import Places
from simulators.pki.cards import read_card
from simulators.pki.profiles import HP_ENC
from simulators.pki.registry import Registry, RevokedAtStart
from simulators.process.errors import InputError
from tests.own_test_cards import Foreign, holder, pkcs12_of

WORLD = """\
title: Welt mit eigenen Karten
providers: {eins.kim.telematik-test: {}}
sites:
  praxis:
    name: Praxis Eins
    cards:
      smc-b: {type: SMC-B}
      hba: {type: HBA, given_name: Anna, surname: Ahorn}
      hba2: {type: HBA, given_name: Bert, surname: Birke}
  klinik: {kind: hospital, name: Klinikum}
participants:
  praxis: {site: praxis, address: praxis@eins.kim.telematik-test}
  klinik: {site: klinik, address: klinik@eins.kim.telematik-test}
"""
OWN = "80276000000046290002"


@pytest.fixture(scope="module")
def foreign() -> Foreign:
    return Foreign.new()


@pytest.fixture
def world(tmp_path: Path) -> World:
    path = tmp_path / "welt.yaml"
    path.write_text(WORLD, encoding="utf-8")
    return load_world(path)


@pytest.fixture
def file(foreign: Foreign, tmp_path: Path) -> Path:
    chain = (foreign.authority.certificate,)
    return pkcs12_of(tmp_path / "enc.p12", foreign.issue(), chain=chain)


@pytest.fixture
def key_cache(pki_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the keys of worlds where this test run does."""
    monkeypatch.setenv("KIMULATOR_CACHE", str(pki_cache))


def own(world: World, *files: str, trust: tuple[Path, ...] = ()) -> Any:
    return read_own_cards(with_arguments(world, OwnArguments(files, trust)))


def test_numbers_and_names_are_those_of_the_certificate(world: World, file: Path) -> None:
    found = own(world, f"praxis:SMC-B={file},geheim")
    card = found.world.sites["praxis"].cards["smc-b"]
    assert (card.iccsn, card.telematik_id) == (OWN, "2-290002")
    assert (card.profession_oid, card.profession_item) == ("1.2.276.0.76.4.51", "Zahnarztpraxis")
    assert card.common_name == "Zahnarztpraxis Fremd"
    assert (found.notes, found.unfit) == ((), frozenset())


@pytest.mark.usefixtures("key_cache")
def test_a_world_with_an_own_card(
    world: World, file: Path, foreign: Foreign, tmp_path: Path
) -> None:
    """Card, directory, trust and OCSP have the own certificate; other objects stay ours."""
    run = tmp_path / "run"
    (run / "settings").mkdir(parents=True)
    given = with_arguments(world, OwnArguments((f"praxis:SMC-B={file},geheim",)))
    wiring = prepare(given, run, 1, Places(fixed_ports(world)))
    card = read_card(wiring.tree.card(OWN))
    assert card.holder == "Zahnarztpraxis Fremd TEST-ONLY"
    issuers = {key: one.certificate.issuer for key, one in card.objects.items()}
    assert [k for k, name in issuers.items() if name == foreign.authority.certificate.subject] == [
        ("C.ENC", "ECC")
    ]
    assert len(issuers) == 6
    entry = next(
        one
        for one in json.loads((run / "directory.json").read_bytes())
        if one["attributes"]["telematikID"] == ["2-290002"]
    )
    assert entry["attributes"]["professionOID"] == ["1.2.276.0.76.4.51"]
    assert str(wiring.tree.card(OWN).parent / "C.ENC.ECC.crt.pem") in entry["certificates"]
    settings = json.loads((run / "settings" / "konnektor-praxis.json").read_bytes())
    assert settings["trust"] == str(run / "own-cards" / "trust.pem")
    assert settings["ocsp_signers"] == str(run / "own-cards" / "ocsp-signers.pem")
    responder = json.loads((run / "settings" / "pki.json").read_bytes())
    index = json.loads((Path(responder["own"]) / "index.json").read_bytes())
    assert [one["profile"] for one in index["certificates"]] == ["C.HCI.ENC"]


def test_files_of_the_world_lie_beside_it(foreign: Foreign, tmp_path: Path) -> None:
    (tmp_path / "karten").mkdir()
    pkcs12_of(tmp_path / "karten" / "enc.p12", foreign.issue())
    (tmp_path / "karten" / "passwort").write_text("geheim\n", encoding="utf-8")
    (tmp_path / "ca.der").write_bytes(_der(foreign))
    files = "pkcs12: [{file: karten/enc.p12, password_file: karten/passwort}]"
    content = WORLD.replace("{type: SMC-B}", f"{{type: SMC-B, {files}}}") + "trust: [ca.der]\n"
    path = tmp_path / "welt.yaml"
    path.write_text(content, encoding="utf-8")
    found = read_own_cards(load_world(path))
    assert list(found.cards) == [("praxis", "smc-b")]
    assert found.authorities == (foreign.authority.certificate,)
    assert found.notes == ()


def test_what_a_tester_has_to_know_is_noted(world: World, foreign: Foreign, tmp_path: Path) -> None:
    old = pkcs12_of(tmp_path / "alt.p12", foreign.issue(days=(-90, -1)))
    found = own(world, f"praxis:SMC-B={old},geheim")
    assert [("abgelaufen" in note, "CA fehlt" in note) for note in found.notes] == [
        (True, False),
        (False, True),
    ]
    assert self_test_pair(found.world) == ("praxis", "klinik")
    assert self_test_pair(found.world, found.unfit) is None
    new = pkcs12_of(tmp_path / "neu.p12", foreign.issue(days=(5, 90)))
    assert "gilt erst ab" in own(world, f"praxis:SMC-B={new},geheim").notes[0]


def test_a_certificate_without_its_type_is_noted(
    world: World, foreign: Foreign, tmp_path: Path
) -> None:
    chain = (foreign.authority.certificate,)
    untyped = pkcs12_of(tmp_path / "ohne.p12", foreign.issue(policies=False), chain=chain)
    found = own(world, f"praxis:SMC-B={untyped},geheim")
    (note,) = found.notes
    assert "C.ENC ECC (ohne.p12) nennt keinen Zertifikatstyp" in note
    assert "1.2.276.0.76.4.76" in note
    assert found.unfit == {("praxis", "smc-b")}


def test_a_card_is_named_by_its_type_or_its_name(
    world: World, foreign: Foreign, tmp_path: Path
) -> None:
    person = holder("Ärztin Fremd TEST-ONLY", "16.80276000000046290010")
    enc = pkcs12_of(tmp_path / "hp.p12", foreign.issue(HP_ENC, subject=person))
    assert list(own(world, f"praxis:hba2={enc},geheim").cards) == [("praxis", "hba2")]
    with pytest.raises(InputError, match="mehrere solche Karten, eine nennen: hba, hba2"):
        own(world, f"praxis:HBA={enc},geheim")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("praxis:SMC-B={file},falsch", "praxis:smc-b: {file}: das Passwort ist falsch"),
        ("praxis:hba={file},geheim", "C.ENC für SMC-B, nicht für HBA"),
        ("apotheke:SMC-B={file},geheim", "kein Standort dieser Welt (praxis, klinik)"),
        ("klinik:HBA={file},geheim", "keine solche Karte dieses Standorts; es gibt smc-b (SMC-B)"),
        ("klinik:SMC-B=fehlt.p12,geheim", "fehlt.p12: nicht lesbar"),
        ("klinik:SMC-B={file},@fehlt", "fehlt: nicht lesbar"),
        ("klinik={file}", "erwartet wird STANDORT:KARTE=DATEI[,PASSWORT]"),
    ],
)
def test_bad_arguments_are_told_in_one_line(
    world: World, file: Path, value: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        own(world, value.format(file=file))
    assert said.format(file=file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_files_that_contradict_each_other(
    world: World, file: Path, foreign: Foreign, tmp_path: Path
) -> None:
    one = f"praxis:SMC-B={file},geheim"
    with pytest.raises(InputError, match=r"C\.ENC ECC ist doppelt da"):
        own(world, one, one)
    with pytest.raises(InputError, match=f"{OWN} hat schon praxis.smc-b"):
        own(world, one, f"klinik:SMC-B={file},geheim")
    with pytest.raises(InputError, match="keine Zertifikate"):
        own(world, trust=(file,))
    odd = pkcs12_of(tmp_path / "odd.p12", foreign.issue(telematik_id="1" * 129))
    with pytest.raises(InputError, match="telematik_id aus dem Zertifikat ist nicht brauchbar"):
        own(world, f"praxis:SMC-B={odd},geheim")


def test_commas_belong_to_file_or_password(tmp_path: Path) -> None:
    file = tmp_path / "a,b.p12"
    file.write_bytes(b"")
    assert passwords_in([f"x:y={file},c,d", f"x:y={file}", "x:y=fehlt,e"]) == ["c,d", "e"]


def _der(foreign: Foreign) -> bytes:
    return foreign.authority.certificate.public_bytes(Encoding.DER)


@pytest.mark.usefixtures("key_cache")
def test_worn_cards_of_a_world(tmp_path: Path) -> None:
    """Certificates that end in days, that have ended, that are revoked from the start."""
    content = WORLD.replace("{type: SMC-B}", "{type: SMC-B, expires_in: 30}")
    content = content.replace("surname: Ahorn}", "surname: Ahorn, revoked: [C.QES RSA, C.AUT]}")
    content = content.replace("surname: Birke}", "surname: Birke, revoked: true, expired: true}")
    content = content.replace(
        "name: Klinikum}",
        "name: Klinikum, konnektor: {expires_in: 5}, terminals: {kt: {expires_in: 9}}}",
    )
    path = tmp_path / "welt.yaml"
    path.write_text(content, encoding="utf-8")
    run = tmp_path / "run"
    (run / "settings").mkdir(parents=True)
    world = load_world(path)
    wiring = prepare(world, run, 1, Places(fixed_ports(world)))
    cards = {name: found for (_, name), found in wiring.identities.cards.items() if name != "smc-b"}
    cards["smc-b"] = wiring.identities.cards["praxis", "smc-b"]
    soon = read_card(wiring.tree.card(cards["smc-b"].iccsn)).objects["C.AUT", "ECC"].certificate
    ends = datetime.now(UTC).date() + timedelta(days=30)
    assert abs(soon.not_valid_after_utc.date() - ends) <= timedelta(days=1)  # midnight may pass
    old = read_card(wiring.tree.card(cards["hba2"].iccsn)).objects["C.QES", "ECC"].certificate
    assert old.not_valid_after_utc < datetime.now(UTC)
    klinik = json.loads((run / "settings" / "konnektor-klinik.json").read_bytes())
    (terminal,) = klinik["information_model"]["terminals"]
    for file, days in ((klinik["tls"], 5), (terminal["gsmckt"], 9)):
        device = x509.load_pem_x509_certificate(Path(file["certificate"]).read_bytes())
        ends = datetime.now(UTC).date() + timedelta(days=days)
        assert abs(device.not_valid_after_utc.date() - ends) <= timedelta(days=1)
    settings = json.loads((run / "settings" / "pki.json").read_bytes())
    assert settings["revoked"] == [
        {"iccsn": cards["hba"].iccsn, "reference": "C.QES", "crypt": "RSA"},
        {"iccsn": cards["hba"].iccsn, "reference": "C.AUT", "crypt": None},
        {"iccsn": cards["hba2"].iccsn, "reference": None, "crypt": None},
    ]
    registry = Registry.load(
        Path(settings["pki"]), revoked=[RevokedAtStart(**one) for one in settings["revoked"]]
    )
    now = datetime.now(UTC)
    revoked = [
        (entry.issued.iccsn, entry.issued.profile, entry.issued.crypt)
        for entry in registry.entries(now)
        if entry.status == "revoked"
    ]
    assert [(p, c) for iccsn, p, c in revoked if iccsn == cards["hba"].iccsn] == [
        ("C.HP.AUT", "RSA"),
        ("C.HP.AUT", "ECC"),
        ("C.HP.QES", "RSA"),
    ]
    assert len(revoked) == 9


def test_expired_cards_expire_no_more(tmp_path: Path) -> None:
    path = tmp_path / "welt.yaml"
    content = WORLD.replace("{type: SMC-B}", "{type: SMC-B, expired: true, expires_in: 3}")
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="schon abgelaufen"):
        load_world(path)


def test_what_else_a_file_holds_is_named(world: World, foreign: Foreign, tmp_path: Path) -> None:
    other, _ = foreign.issue()
    chain = (foreign.authority.certificate, other)
    file = pkcs12_of(tmp_path / "zwei.p12", foreign.issue(), chain=chain)
    found = own(world, f"praxis:SMC-B={file},geheim")
    assert "zwei.p12 enthält Zertifikate ohne ihren Schlüssel" in found.notes[0]
    assert (len(found.notes), found.unfit) == (1, frozenset())
    assert found.authorities == (foreign.authority.certificate,)


def test_imported_authorities_lie_beside_the_world(tmp_path: Path) -> None:
    path = tmp_path / "welt.yaml"
    content = WORLD.replace("name: Klinikum}", "name: Klinikum, konnektor: {imported_cas: ca.pem}}")
    path.write_text(content, encoding="utf-8")
    ca = Foreign.new().authority.certificate
    (tmp_path / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    sites = load_world(path).sites
    assert sites["klinik"].konnektor.imported_cas == str(tmp_path / "ca.pem")
    assert sites["praxis"].konnektor.imported_cas is None
