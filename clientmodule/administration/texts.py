"""What the administration module shows besides errors: warnings before a step is taken."""

from __future__ import annotations

LARGE_MAILS = (
    "Mit dem Empfang großer Nachrichten (KIM-Version 1.5+) lädt das Clientmodul Inhalte bis zu "
    "mehreren hundert MB vom Fachdienst des Absenders. Abholen und Senden dauern dann länger, "
    "brauchen Platz in Ihrem Praxissystem und können an dessen Grenzen scheitern; große Anhänge "
    "können schädliche Inhalte haben, die Ihr Virenscanner prüfen muss. Nachrichten an "
    "Empfänger, die große Nachrichten nicht zugelassen haben, gehen nicht hinaus. Sie können den "
    "Empfang großer Nachrichten jederzeit wieder abschalten."
)
"""A_23505: the risks of sending and receiving large mails."""
DEREGISTRATION = (
    "Die Deregistrierung gilt zunächst vorläufig für 30 Tage. In dieser Zeit können Sie noch "
    "Nachrichten abholen, aber keine mehr senden und empfangen, und die Deregistrierung "
    "zurücknehmen. Danach ist kein Zugriff auf das Konto mehr möglich, und das gelöschte Konto "
    "lässt sich nicht wiederherstellen."
)
"""A_19464-03."""
BLIND_COPY = (
    "Hinweis zu Bcc: Empfänger können erfahren, wer eine Nachricht als Blindkopie noch bekommen "
    "hat, denn sie wird für alle Empfänger gemeinsam verschlüsselt."
)
"""The notice of the registration form (kv.dox)."""
OTP = (
    "Das Einmalpasswort gilt eine Woche und nur einmal. Ein neues macht dieses ungültig. Wählen "
    "Sie bei der Portierung die neue Karte."
)
UNFINISHED = (
    "\nDas Konto {address} ist noch nicht fertig eingerichtet. Setzen Sie später fort mit "
    "--registered --address {address}."
)
RENEWAL_SUBJECT = "Fehler bei der Aktualisierung der PKCS#12-Datei"
RENEWAL_FAILED = (
    "Dies ist eine automatisch erzeugte Nachricht.\n\n"
    "Bei der Aktualisierung der PKCS#12-Datei Ihres KIM-Clientmoduls ist ein Fehler aufgetreten. "
    "Das Zertifikat gilt bis {expires}; danach kann das Clientmodul keine Nachrichten mehr senden "
    "und abholen. Das Clientmodul versucht es morgen noch einmal.\n\n"
    "Fehlertext: {message}\n"
)
"""A_21381: the words ``Fehlertext:`` are prescribed, the message is the Account Manager's."""
