"""A world with a contradiction is refused with one line: file, line, what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.engine.world.file import load_world, shipped_worlds, world_path
from scenarios.engine.world.model import World
from scenarios.engine.world.parts import fixed_ports, parts
from simulators.process.errors import InputError

WORLD = """\
title: Eine Welt
providers:
  eins.kim.telematik-test: {ports: {smtp: 20465}}
  zwei.kim.telematik-test: {}
sites:
  praxis:
    name: Praxis
    mandant: M1
    cards:
      smc-b: {iccsn: "80276999001111111111", telematik_id: "1-20001"}
      hba: {type: HBA, given_name: Anna, surname: Ahorn}
    terminals:
      kt-1: {slots: 2, cards: [smc-b, hba]}
    clientmodule: {sign_crypt: ECC}
  zweitpraxis:
    name: Zweitpraxis
    shares: praxis
    mandant: M2
participants:
  praxis: {site: praxis, address: praxis@eins.kim.telematik-test}
  zweite: {site: zweitpraxis, address: zweite@zwei.kim.telematik-test}
directory:
  niemand: {name: Niemand, address: niemand@zwei.kim.telematik-test, certificate: false}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "welt.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_world_itself_holds(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, WORLD))
    assert world.owner("zweitpraxis") == "praxis"
    assert [part.name for part in parts(world)] == [
        "pki",
        "vzd",
        "mailserver-eins",
        "mailserver-zwei",
        "konnektor-praxis",
        "clientmodule-praxis",
        "names",
    ]


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        ("{site: praxis,", "{site: praksis,", 20, "site: praksis ist kein Standort"),
        ("praxis@eins", "praxis@drei", 20, "kein Anbieter hat die Domäne drei.kim.telematik-test"),
        ("zweite@zwei", "Praxis@eins", 21, "gehört schon zu praxis"),
        ("niemand@zwei", "zweite@zwei", 23, "gehört schon zu zweite"),
        ("{site: praxis,", "{site: praxis, card: hbaa,", 20, "hbaa ist keine Karte von praxis"),
        ("[smc-b, hba]", "[smc-b, smc-b]", 13, "smc-b steckt schon in kt-1, Slot 1"),
        ("[smc-b, hba]", "[smc-b, egk]", 13, "egk ist keine Karte dieses Standorts"),
        ("{slots: 2,", "{slots: 1,", 13, "2 Karten, aber nur 1 Slots"),
        ("{type: HBA, given_name: Anna,", "{type: HBA,", 11, "braucht given_name und surname"),
        ("{type: HBA,", "{type: HBA, pins: {PIN.SMC: {}},", 11, "hat PIN.CH oder PIN.QES"),
        ('"1-20001"}', '"1-20001", lanr: "123456789"}', 10, "Karte vom Typ HBA"),
        (
            "{type: HBA,",
            '{type: HBA, iccsn: "80276999001111111111",',
            11,
            "80276999001111111111 hat schon praxis.smc-b",
        ),
        (
            "{type: HBA,",
            '{type: HBA, telematik_id: "1-20001",',
            11,
            "telematik_id: 1-20001 hat schon praxis.smc-b",
        ),
        ("{name: Niemand,", '{name: N, telematik_id: "1-20001",', 23, "1-20001 hat schon"),
        ('"1-20001"}', '"1-20001", generation: G2.0}', 10, "signiert mit ECC"),
        (
            "      smc-b: {",
            "      b: {type: HBA, given_name: B, surname: C, ",
            9,
            "mindestens eine SMC",
        ),
        ("shares: praxis", "shares: nirgendwo", 17, "nirgendwo ist kein Standort mit eigenem"),
        ("mandant: M2", "mandant: M1", 18, "M1 ist schon der Mandant von praxis"),
        ("mandant: M2", "konnektor: {}", 18, "gehört zu praxis, denn der Standort teilt ihn"),
        ("    name: Zweitpraxis", "    terminals: {kt-1: {}}\n    name: Z", 16, "steht schon bei"),
        ("zwei.kim.telematik-test: {}", "zwei.kim.telematik: {}", 4, "echten TI werden abgelehnt"),
        ("zwei.kim.telematik-test: {}", "zwei.example.org: {}", 4, "auf .kim.telematik-test endet"),
        ("praxis@eins.kim.telematik-test", "p@eins.kim.telematik", 20, "echten TI"),
        ("{ports: {smtp: 20465}}", "{ports: {smtp: 1, pop3: 1}}", 3, "Port 1 gehört schon"),
        ("{ports: {smtp: 20465}}", "{ports: {imap: 20465}}", 3, "erwartet wird control, smtp"),
        ("title: Eine Welt", "title: Eine Welt\nbase_port: 65530", 2, "nicht genug Ports"),
        ("{sign_crypt: ECC}", "{sign_krypt: ECC}", 14, "gemeint ist vielleicht sign_crypt"),
        ("80276999001111111111", "80276", 10, "passt nicht zum Muster"),
        ('"80276999001111111111"', "80276999001111111111", 10, "in Anführungszeichen"),
        ('"1-20001"}', '"1-20001", revoked: [C.QES]}', 10, "hat C.AUT, C.ENC, C.SIG"),
        ("{type: HBA,", "{type: HBA, revoked: [C.SIG RSA],", 11, "hat C.AUT, C.ENC, C.QES"),
        (
            "{type: HBA,",
            "{type: HBA, generation: G2.0, revoked: [C.QES ECC],",
            11,
            "eine Karte G2.0 oder vor dem HBA hat nur RSA",
        ),
        ("{type: HBA,", "{type: HBA-qSig, revoked: [C.QES ECC],", 11, "oder vor dem HBA"),
        (
            "      hba: {",
            "      k: {type: KVK, revoked: true}\n      hba: {",
            11,
            "keine Zertifikate",
        ),
        (
            "      hba: {",
            "      k: {type: KVK, pkcs12: [{file: welt.yaml}]}\n      hba: {",
            11,
            "eigene Testkarten sind HBA, HBA-qSig, HSM-B, SMC-B, ZOD_2.0, nicht KVK",
        ),
        (
            "{type: HBA,",
            "{type: HBA, pkcs12: [{file: x.p12}],",
            11,
            "x.p12: nicht lesbar: das gibt",
        ),
        (
            "{type: HBA,",
            "{type: HBA, pkcs12: [{file: welt.yaml, password_file: x}],",
            11,
            "pkcs12.0.password_file",
        ),
        ("title: Eine Welt", "title: Eine Welt\ntrust: [x.pem]", 2, "trust.0: "),
        (
            "mandant: M1",
            "konnektor: {authentication: tls, signatures: {comfort_signature: true}}",
            8,
            "verlangt authentication certificate oder basic",
        ),
        ("mandant: M1", "konnektor: {signatures: {comfort_maxx: 3}}", 8, "vielleicht comfort_max"),
        ("mandant: M1", "konnektor: {imported_cas: x.pem}", 8, "x.pem: nicht lesbar"),
        ("mandant: M1", "konnektor: {imported_cas: welt.yaml}", 8, "keine Zertifikate (PEM)"),
        (
            "title: Eine Welt",
            "title: Eine Welt\nrsa_ends: {smcb: [{day: 2026-07-01, references: [C.QES]}]}",
            2,
            "'C.AUT', 'C.ENC' oder 'C.SIG'",
        ),
        ("praxis@eins", "p" * 62 + "@eins", 20, "höchstens 61 Zeichen"),
    ],
)
def test_a_contradiction_is_named(
    tmp_path: Path, before: str, after: str, line: int, expected: str
) -> None:
    assert before in WORLD
    path = write(tmp_path, WORLD.replace(before, after, 1))
    with pytest.raises(InputError) as caught:
        load_world(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: "), message
    assert expected in message
    assert "\n" not in message


def test_processes_of_one_name_are_refused(tmp_path: Path) -> None:
    text = WORLD.replace("zwei.kim", "a-b.kim").replace("eins.kim", "a.b.kim")
    with pytest.raises(InputError, match=r"welt.yaml:4: .*heißt als Prozess wie a\.b\.kim"):
        load_world(write(tmp_path, text))


@pytest.mark.parametrize("name", shipped_worlds())
def test_shipped_worlds_hold(name: str) -> None:
    world = load_world(world_path(name))
    ports = fixed_ports(world)
    assert len(set(ports.values())) == len(ports)


def test_shipped_worlds_can_run_side_by_side() -> None:
    taken = [
        port
        for name in shipped_worlds()
        for port in fixed_ports(load_world(world_path(name))).values()
    ]
    assert len(set(taken)) == len(taken)


def test_the_demo_world_is_the_one_that_was_promised() -> None:
    world = load_world(world_path("demo"))
    assert set(world.participants) == {"praxis", "facharzt", "klinik", "kasse"}
    domains = {p.address.rpartition("@")[2] for p in world.participants.values()}
    assert domains == set(world.providers)
    assert len(domains) == 2
    assert world.sites[world.participants["kasse"].site].kind == "insurer"


def test_the_bench_world_has_eight_practices_on_one_client_module() -> None:
    world: World = load_world(world_path("bench"))
    users = world.users_of("praxis1")
    assert len(users) == 8
    assert world.owners() == ["praxis1", "klinik"]


def test_unknown_world_names_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="bench, demo"):
        world_path("demmo")
