"""Values that world files are made of: names, domains, addresses, ports."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from simulators.process.errors import InputError
from simulators.process.guardrails import TEST_DOMAIN, refuse_real_domain


def _test_domain(domain: str) -> str:
    try:
        refuse_real_domain(domain)
    except InputError as error:
        raise ValueError(
            f"{error.args[0].partition(':')[0]}: Domänen der echten TI werden abgelehnt; "
            f"erwartet wird eine, die auf {TEST_DOMAIN} endet"
        ) from None
    if not domain.lower().endswith(TEST_DOMAIN):
        raise ValueError(f"{domain}: erwartet wird eine Domäne, die auf {TEST_DOMAIN} endet")
    return domain.lower()


def _test_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{_test_domain(domain)}"


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=54, pattern=r"^[^\x00-\x1f\x7f]+$")]
Domain = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=200),
    AfterValidator(_test_domain),
]
Address = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9.-]+$", max_length=254),
    AfterValidator(_test_address),
]
TelematikId = Annotated[str, Field(pattern=r"^[A-Za-z0-9 '()+,./:=?-]{1,128}$")]
Oid = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9][0-9]{0,38})){2,30}$")]
ExpiresIn = Annotated[int, Field(ge=0, le=3650)] | None
Port = Annotated[int, Field(ge=1, le=65535)]
Ports = dict[str, Port]
