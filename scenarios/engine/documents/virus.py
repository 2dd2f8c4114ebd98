"""Looking for viruses in a mail, as an insurer's scanner does: by one pattern."""

from __future__ import annotations

from .mail_parts import ReadMail


def eicar() -> str:
    """Return the EICAR test file, which scanners take for a virus; it does nothing.

    It is put together here so that no scanner takes away this file.
    """
    return "".join(
        (r"X5O!P%@AP[4\PZX54(P^)", "7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*")
    )


def infected_part(mail: ReadMail, pattern: str) -> str | None:
    """Return the name of the first part of *mail* that holds *pattern*, None without one.

    The signed documents are looked into, too: a CMS holds its content as it is.
    """
    wanted = pattern.encode()
    for part in mail.parts:
        if wanted in part.content:
            return part.file_name or part.description or part.media_type
    return None
