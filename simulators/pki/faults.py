"""What the OCSP responder can do wrong on purpose."""

from __future__ import annotations

OPERATION = "OCSP"

OCSP_ERROR = "ocsp_error"  # code: OCSPResponseStatus 1, 2, 3, 5 or 6
HTTP_STATUS = "http_status"  # code: the HTTP status
OUTDATED = "outdated"  # an answer whose time is over
BAD_SIGNATURE = "bad_signature"  # an answer whose signature does not hold

EFFECTS = frozenset({OCSP_ERROR, HTTP_STATUS, OUTDATED, BAD_SIGNATURE})
