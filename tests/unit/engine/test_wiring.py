"""What follows from a world: identities, certificates, settings, directory, endpoints."""

from __future__ import annotations

import importlib
import json
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from scenarios.engine.endpoints.contract import Endpoints, read_endpoints
from scenarios.engine.endpoints.of_world import endpoints_of, write_certificates, write_environment
from scenarios.engine.endpoints.table import endpoint_table
from scenarios.engine.world.certificates import pki_request
from scenarios.engine.world.directory_entries import directory_entries
from scenarios.engine.world.dns_records import dns_records
from scenarios.engine.world.file import load_world, shipped_worlds, world_path
from scenarios.engine.world.identities import Identities
from scenarios.engine.world.model import S3, Kas, World
from scenarios.engine.world.parts import MODULES, fixed_ports, parts
from scenarios.engine.world.places import Places
from scenarios.engine.world.wiring import Wiring
from simulators.pki.issue import issue
from simulators.process.errors import InputError

SEED = 7


def world_of(name: str) -> World:
    return load_world(world_path(name))


def wire(name: str, cache: Path, directory: Path, *, containers: bool = False) -> Wiring:
    world = world_of(name)
    identities = Identities(world, world.seed)
    tree = issue(pki_request(world, identities), cache)
    places = Places(fixed_ports(world), containers=containers)
    return Wiring(world, identities, places, tree, directory, SEED)


def entry(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(e for e in entries if e["attributes"]["displayName"] == [name])


def talks_tls_everywhere(name: str) -> bool:
    """A client module without TLS is for the same machine only (KOM-LE-A_2181)."""
    sites = world_of(name).sites.values()
    return all(site.clientmodule.tls for site in sites if site.clientmodule)


CASES = [(name, False) for name in shipped_worlds()]
CASES += [(name, True) for name in shipped_worlds() if talks_tls_everywhere(name)]


@pytest.mark.parametrize(("name", "containers"), CASES)
def test_every_role_accepts_its_settings(
    name: str, containers: bool, pki_cache: Path, tmp_path: Path
) -> None:
    wiring = wire(name, pki_cache, tmp_path, containers=containers)
    for part in parts(wiring.world):
        role = importlib.import_module(f"{MODULES[part.role]}.service").ROLE
        settings = role.settings.model_validate(json.loads(json.dumps(wiring.settings(part))))
        assert settings.name == part.name
        assert settings.allow_all_addresses is containers


def test_konnektor_and_responder_are_told_the_same_days(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    ended = World.model_validate({**wiring.world.model_dump(), "rsa_ends": "ti"})
    told = [
        replace(wiring, world=ended).settings(part).get("rsa_ends")
        for part in parts(ended)
        if part.role in ("pki", "konnektor")
    ]
    assert told[0]["qes"] == "2026-01-01"
    assert all(days == told[0] for days in told)


def test_identities_depend_on_seed_and_place_alone() -> None:
    world = world_of("demo")
    one, again, other = Identities(world, 1), Identities(world, 1), Identities(world, 2)
    assert one.cards == again.cards
    assert one.password("a") == one.password("a") == again.password("a") != other.password("a")
    iccsns = {card.iccsn for card in one.cards.values()}
    assert len(iccsns) == len(one.cards)
    assert iccsns.isdisjoint(card.iccsn for card in other.cards.values())


def test_derived_numbers_have_their_form() -> None:
    identities = Identities(world_of("demo"), 1)
    assert all(card.iccsn.startswith("80276") for card in identities.cards.values())
    assert identities.cards["praxis", "smc-b"].telematik_id.startswith("1-20")
    assert identities.cards["klinik", "smc-b"].telematik_id.startswith("5-2")
    assert identities.cards["kasse", "smc-b"].telematik_id.startswith("8-01")
    lanr = identities.cards["praxis", "hba"].lanr
    assert lanr is not None
    assert len(lanr) == 9
    (ik,) = identities.domain_ids("kasse", "insurer", [])
    # The check digit of an IK: Luhn over the digits 3 to 8, starting with the weight 2.
    products = [int(d) * (2, 1)[i % 2] for i, d in enumerate(ik[2:8])]
    assert ik.startswith("10")
    assert int(ik[8]) == sum(p // 10 + p % 10 for p in products) % 10


def test_directory_lists_holders_with_their_accounts(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    entries = directory_entries(wiring.world, wiring.identities, wiring.tree)
    insurer = entry(entries, "Krankenkasse Eichenhain")
    address = wiring.world.participants["kasse"].address
    assert insurer["attributes"]["entryType"] == ["5"]
    assert insurer["attributes"]["mail"] == [address]
    assert insurer["attributes"]["komLeData"] == [f"1.5+,{address}"]
    assert insurer["attributes"]["kimData"] == [f"{address},1.5+"]
    assert len(insurer["attributes"]["domainID"][0]) == 9
    assert len(insurer["certificates"]) == 2  # RSA and ECC
    assert all(Path(file).is_file() for file in insurer["certificates"])
    doctor = entry(entries, "Dr. med. Ahorn, Annika")
    assert doctor["attributes"]["personalEntry"] == ["TRUE"]
    assert "mail" not in doctor["attributes"]
    assert entry(entries, "Praxis ohne Zertifikat")["certificates"] == []


def test_g20_cards_have_rsa_only(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("rsa", pki_cache, tmp_path)
    entries = directory_entries(wiring.world, wiring.identities, wiring.tree)
    assert len(entry(entries, "Kardiologie Dr. Birke")["certificates"]) == 1
    assert len(entry(entries, "Klinikum am Erlenbach")["certificates"]) == 2


def test_a_recipient_without_certificate_has_an_account(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    address = wiring.world.directory["ohne-zertifikat"].address
    provider = next(p for p in parts(wiring.world) if p.of == address.rpartition("@")[2])
    accounts = wiring.settings(provider)["accounts"]
    assert address in {account["address"] for account in accounts}


def test_sites_that_share_a_konnektor_are_its_mandanten(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("bench", pki_cache, tmp_path)
    konnektor = next(p for p in parts(wiring.world) if p.name == "konnektor-praxis1")
    model = wiring.settings(konnektor)["information_model"]
    assert len(model["mandanten"]) == 8
    module = {c for client in model["clientsystems"] for c in client["certificates"][1:]}
    assert len(module) == 1  # the one client module acts for all of them
    endpoints = endpoints_of(wiring)
    addresses = {endpoints.sites[f"praxis{i}"].clientmodule for i in range(1, 9)}
    assert len(addresses) == 1
    assert len(endpoints.controls()) == len(parts(wiring.world))


def test_endpoints_are_what_the_contract_says(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    write_certificates(wiring, tmp_path)
    written = endpoints_of(wiring)
    written.write(tmp_path)
    content = json.loads((tmp_path / "endpoints.json").read_text(encoding="utf-8"))
    assert set(content["names"]) == {"dns", "control"}
    participant = content["participants"]["praxis"]
    provider = content["providers"]["kv.dox.kim.telematik-test"]
    rest = provider["account_limit"].removesuffix("/AccountLimit/v1.1")
    assert provider["kas"] == f"{rest}/attachments/v2.4"
    context = content["sites"]["praxis"]["context"]
    chain = "#".join((context["mandant"], context["clientsystem"], context["workplace"]))
    assert participant["smtp_user"] == f"{participant['address']}#{provider['smtp']}#{chain}"
    assert participant["pop3_user"] == f"{participant['address']}#{provider['pop3']}#{chain}"
    assert content["sites"]["praxis"]["cards"][0]["pins"] == {"PIN.SMC": "123456"}
    assert "client_certificate" not in content["sites"]["facharzt"]["konnektor"]
    assert len(content["sites"]["facharzt"]["konnektor"]["basic_auth"]) == 2
    assert read_endpoints(tmp_path) == written
    for name in (
        content["ca"],
        participant["kim_certificate"],
        content["sites"]["praxis"]["konnektor"]["client_certificate"],
        "endpoints.json",
    ):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_environment_and_table_hold_what_a_tester_needs(pki_cache: Path, tmp_path: Path) -> None:
    endpoints = endpoints_of(wire("demo", pki_cache, tmp_path))
    write_environment(endpoints, tmp_path)
    text = (tmp_path / "kimulator.env").read_text(encoding="utf-8")
    assert f"KIMULATOR_CA={tmp_path / 'ca.pem'}\n" in text
    assert "KIMULATOR_PARTICIPANT_PRAXIS_SMTP_USER='praxis.ahorn@kv.dox" in text
    p12 = tmp_path / "certificates" / "pvs-praxis.p12"
    assert f"KIMULATOR_SITE_PRAXIS_CLIENT_CERTIFICATE={p12}\n" in text
    assert "KIMULATOR_SITE_PRAXIS_CLIENT_CERTIFICATE_PASSWORD=" in text
    assert re.search(r"^KIMULATOR_SITE_PRAXIS_KONNEKTOR_CONTROL=http://", text, re.MULTILINE)
    assert "KIMULATOR_SITE_FACHARZT_CLIENT_CERTIFICATE" not in text
    assert "KIMULATOR_SITE_FACHARZT_BASIC_AUTH=" in text
    assert "KIMULATOR_SITE_KASSE_MANDANT=Mandant-kasse\n" in text
    table = endpoint_table("Titel", endpoints)
    assert endpoints.participants["kasse"].pop3_user in {
        line.split()[-1] for line in table.splitlines() if "POP3-Benutzer" in line
    }
    assert endpoints.participants["kasse"].password not in table


def test_processes_in_containers_find_each_other_by_name(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path, containers=True)
    konnektor = next(p for p in parts(wiring.world) if p.name == "konnektor-praxis")
    assert wiring.settings(konnektor)["vzd"]["url"].startswith("ldaps://vzd:")
    endpoints = endpoints_of(wiring)
    assert endpoints.vzd is not None
    assert endpoints.vzd.ldap.startswith("ldaps://127.0.0.1:")
    assert "#mailserver-kv-dox:" in (endpoints.participants["praxis"].smtp_user or "")
    module = next(p for p in parts(wiring.world) if p.name == "clientmodule-praxis")
    told = wiring.settings(module)
    assert "names" not in told
    for service in ("account_limit", "account_manager", "kas", "mail_servers"):
        assert set(told[service]) == set(wiring.world.providers)
    provider = next(p for p in parts(wiring.world) if p.name == "mailserver-kv-dox")
    assert wiring.settings(provider)["kas"]["base_url"].startswith("https://mailserver-kv-dox:")


def test_the_kas_is_found_by_service_discovery(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    records = [(r["name"], r["type"], r["data"]) for r in dns_records(wiring.world, wiring.places)]
    instance = "mailserver-kv-dox._kas._tcp.kim.telematik-test"
    port = wiring.places.ports["mailserver-kv-dox", "rest"]
    assert ("_kas._tcp.kim.telematik-test", "PTR", f"{instance}.") in records
    assert (instance, "SRV", f"0 0 {port} mail.kv.dox.kim.telematik-test.") in records
    assert (instance, "TXT", '"txtvers=1"') in records


def test_a_world_tells_the_kas_of_a_provider(pki_cache: Path, tmp_path: Path) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    provider = next(p for p in parts(wiring.world) if p.name == "mailserver-kv-dox")
    told = Kas(max_downloads=2, storage="s3://kim/kv", s3=S3(endpoint="http://s3", credentials="c"))
    changed = wiring.world.providers[provider.of].model_copy(update={"kas": told})
    providers = {**wiring.world.providers, provider.of: changed}
    wiring = replace(wiring, world=wiring.world.model_copy(update={"providers": providers}))
    settings = wiring.settings(provider)["kas"]
    assert (settings["max_downloads"], "capacity" in settings) == (2, False)
    model = importlib.import_module("simulators.mailserver.kas.settings").KasSettings
    assert model.model_validate(settings).s3.endpoint == "http://s3"


def test_a_world_tells_a_provider_its_database_and_wrong_certificates(
    pki_cache: Path, tmp_path: Path
) -> None:
    wiring = wire("demo", pki_cache, tmp_path)
    provider = next(p for p in parts(wiring.world) if p.name == "mailserver-kv-dox")
    url = "postgresql://kim@/kim?host=/run/postgresql"
    changed = wiring.world.providers[provider.of].model_copy(update={"database": url})
    providers = {**wiring.world.providers, provider.of: changed}
    wiring = replace(wiring, world=wiring.world.model_copy(update={"providers": providers}))
    told = wiring.settings(provider)
    assert told["database"] == url
    expired, elsewhere = (
        x509.load_pem_x509_certificates(Path(identity["certificate"]).read_bytes())[0]
        for identity in (told["fault_certificates"][n] for n in ("expired", "elsewhere"))
    )
    assert expired.not_valid_after_utc < datetime.now(UTC) < elsewhere.not_valid_after_utc
    names = elsewhere.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["anderswo.mail.kv.dox.kim.telematik-test"]
    assert names.get_values_for_type(x509.IPAddress) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_broken_endpoints_are_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_endpoints(tmp_path)
    assert "\n" not in str(caught.value)


def test_newer_endpoints_can_be_read() -> None:
    read = Endpoints.model_validate({"ca": "ca.pem", "seed": 1, "cockpit": {"url": "http://x"}})
    assert read.seed == 1


def test_nothing_is_made_of_an_account_that_is_not_registered_yet(
    pki_cache: Path, tmp_path: Path
) -> None:
    text = world_path("demo").read_text(encoding="utf-8")
    new = "neu@zweitanbieter.kim.telematik-test"
    file = tmp_path / "welt.yaml"
    file.write_text(
        text.replace(
            "participants:\n",
            f"participants:\n  neu: {{site: kasse, address: {new}, registered: false}}\n",
        ),
        encoding="utf-8",
    )
    wiring = wire(str(file), pki_cache, tmp_path)
    settings = {part.name: wiring.settings(part) for part in parts(wiring.world)}
    assert new not in json.dumps(settings["mailserver-zweitanbieter"]["accounts"])
    assert new not in settings["clientmodule-kasse"]["accounts"]
    entries = directory_entries(wiring.world, wiring.identities, wiring.tree)
    assert new not in json.dumps(entries)
    write_certificates(wiring, tmp_path)
    told = endpoints_of(wiring).participants["neu"]
    assert told.address == new
    assert told.password
    assert told.kim_certificate is None
    assert (told.smtp_user or "").startswith(f"{new}#")
    code = endpoints_of(wiring).providers["zweitanbieter.kim.telematik-test"].registration["kasse"]
    assert code.reference_id
