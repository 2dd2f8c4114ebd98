"""A logged-in client system, and one mail of it on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..mta import MailEnvelope, Mta
from .client_mail import ClientMail
from .report_delivery import Account
from .whole_mail import Way

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..operation import Operation
    from ..user_name import UserName


@dataclass(frozen=True)
class Session:
    """A logged-in client system: what every mail of its connection needs."""

    installation: Installation
    konnektor: Konnektor
    user: UserName
    password: str
    mta: Mta

    @property
    def account(self) -> Account:
        """Whose session it is."""
        return Account(self.installation, self.konnektor, self.user, self.password)


@dataclass(frozen=True)
class Sending:
    """One prepared mail: whose it is, for whom, since when, and the way that it takes."""

    session: Session
    operation: Operation
    envelope: MailEnvelope
    mail: ClientMail
    arrival: datetime
    way: Way
