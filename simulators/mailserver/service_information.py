"""I_ServiceInformation: what a client module has to know before it registers."""

from __future__ import annotations

from aiohttp import web

from .provider import Provider
from .rest import Rest, json_answer

BASE_PATH = "/ServiceInformation/v1.0"


class ServiceInformation:
    """``GET /ServiceInformation/v1.0/serviceinfo``.

    Unconfirmed: that it is answered without client certificate. It says how to register, and
    whoever registers for the first time has none (A_19457-02).
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def add_to(self, rest: Rest) -> None:
        """Add the operation."""
        path = f"{BASE_PATH}/serviceinfo"
        rest.add("GET", path, "getServiceInformation", self._get, certificate=False)

    async def _get(self, _: web.Request) -> web.Response:
        profile = self._provider.settings.profile
        self._provider.process.journal.record("rest.getServiceInformation", peer="clientmodule")
        content = {
            "kimServiceVersion": profile.kim_service_version,
            "passwordPolicyRegEx": profile.password_regex,
            "passwordPolicyDisplay": profile.password_display,
            "jwtExpiration": profile.jwt_expiration,
            "referenceIdRequired": profile.reference_id_required,
            "initialPasswordRequired": profile.initial_password_required,
        }
        return json_answer(200, content)
