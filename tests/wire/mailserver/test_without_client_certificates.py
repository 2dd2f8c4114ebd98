"""A world may switch client certificates off: login still counts, relaying still needs one."""

from __future__ import annotations

from collections.abc import Callable

from simulators.process.tls import client_context
from tests.mail_providers import FACHARZT, KLINIK, KV, PRAXIS, RunningProvider, mail


def test_certificates_are_optional_but_a_provider_needs_its_own(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT], require_client_certificate=False)
    anonymous = client_context(provider.tree.ca)
    with provider.smtp(PRAXIS, anonymous) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail())
    with provider.smtp(context=anonymous) as client:
        assert client.mail(KLINIK)[0] == 530
    with provider.smtp(context=provider.other_provider()) as client:
        client.sendmail(KLINIK, [FACHARZT], mail(KLINIK))
    assert len(provider.mailbox(FACHARZT)) == 2
