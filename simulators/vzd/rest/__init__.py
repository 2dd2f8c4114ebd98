"""Maintenance of the directory over REST: one listener, two interfaces below their names.

``https://HOST:PORT/DirectoryApplicationMaintenance`` (version 1.4.9) is for the Fachdienste, who
prove who they are by their TLS client certificate (C.FD.TLS; mutual TLS). The FAD of a provider is
its KIM domain. 401 without a client certificate, 403 with one that belongs to no provider, or at
the FAD of another.

``https://HOST:PORT/DirectoryAdministration`` (version 1.12.8) is for card issuers and TSPs, who
show a bearer token. They fetch it by the OAuth2 client credentials grant from
``https://HOST:PORT/auth/realms/RSDirectoryAdministration/protocol/openid-connect/token``.

Everything below these paths is named as in the OpenAPI, for example
``POST …/DirectoryEntries/{telematikID}/KOM-LE_Fachdaten``.
"""
