"""The prescribed German texts of notes and error mails, to the letter."""

from __future__ import annotations

NOTE_DECRYPTED = "Die Nachricht wurde entschlüsselt."
"""KOM-LE-A_2179-01."""
NOTE_VERIFIED = "Die Signatur wurde erfolgreich geprüft."
"""KOM-LE-A_2050-05, results 01 and 07."""
NOTE_LINE = "-" * 45

SUBJECT_NOT_DECRYPTED = "Die Nachricht konnte nicht entschlüsselt werden"
"""KOM-LE-A_2046."""
SUBJECT_VERSION = "Die KIM-Version der empfangenen Nachricht wird nicht unterstützt"
"""A_21391-02."""
SUBJECT_NOT_DOWNLOADED = "Die E-Mail-Daten konnten nicht abgerufen werden"
"""A_19370-04, A_22412-01."""
SUBJECT_NOT_ENABLED = (
    "Die KIM-Nachricht kann nicht empfangen werden, weil der Empfang großer Nachrichten nicht "
    "aktiviert wurde"
)
"""A_23512."""

KEY_MISSING = (
    "Der für die Entschlüsselung der Nachricht benötigte Schlüssel wurde nicht gefunden. "
    "Überprüfen Sie ob die entsprechende Karte gesteckt ist und leiten Sie diese Nachricht an "
    "Ihre eigene E-Mail-Adresse ({address}) weiter. Beim nächsten Abholen wird der "
    "Entschlüsselungsvorgang wiederholt."
)
"""KOM-LE-A_2047-02, result 01."""
WRONG_FORMAT = (
    "Die Nachricht wurde als eine verschlüsselte KIM-Nachricht gekennzeichnet, konnte aber auf "
    "Grund des falschen Formats nicht entschlüsselt werden. Die Verschlüsselte Nachricht "
    "befindet sich im Anhang. Bitte kontaktieren Sie den Absender der Nachricht."
)
"""KOM-LE-A_2047-02, result 02."""
KONNEKTOR_UNAVAILABLE = (
    "Die Entschlüsselung konnte nicht erfolgen, weil der Konnektor nicht antwortet. Stellen Sie "
    "sicher, dass der Konnektor wieder zur Verfügung steht und leiten Sie diese Nachricht an "
    "Ihre eigene E-Mail-Adresse ({address}) weiter. Beim nächsten Abholen wird der "
    "Entschlüsselungsvorgang wiederholt."
)
"""KOM-LE-A_2047-02, result 03."""
OUTDATED_SUBJECT = "Die verwendete Clientmodul-Version ist veraltet"
OUTDATED = (
    "Die verwendete Clientmodul-Version ist veraltet: Im Verzeichnisdienst ist für Ihre Adresse "
    "eine höhere KIM-Version eingetragen. Bitte aktualisieren Sie dieses Clientmodul. Ihre "
    "Nachricht wurde trotzdem versendet."
)
"""A_21387-01 prescribes what it says, not the words."""
KONNEKTOR_FAULT = (
    "Die Nachricht konnte nicht entschlüsselt werden. Der Konnektor meldet den Fehler {code}."
)
"""No prescribed text: results that begin with X (KOM-LE-A_2047-02)."""
VERSION_UNSUPPORTED = (
    "Das verwendete Clientmodul unterstützt die in der empfangenen Nachricht angegebene "
    "KIM-Version {version} nicht."
)
"""A_21391-02."""
INTEGRITY_FAILED = (
    "Beim Empfang dieser KIM-Nachricht wurde eine Sicherheitsverletzung erkannt. Dies kann eine "
    "technisches Ursache haben oder auf eine missbräuchliche Nutzung des KIM-Dienstes hinweisen. "
    "Zu Ihrem Schutz wurde der Inhalt dieser Nachricht durch diesen Text ausgetauscht. Bitte "
    "kontaktieren Sie den Absender und/oder Ihren Administrator."
)
"""A_23165."""
INTEGRITY_EMBEDDED = (
    "Die entschlüsselte Nachricht wurde in diese Fehlernachricht eingebettet und kann, abhängig "
    "vom verwendeten E-Mail-Client, in eigener Verantwortung eingesehen bzw. verarbeitet werden."
)
"""A_23165 as the FAQ completes it."""

NOT_ENABLED = (
    "Sie haben eine KIM-Nachricht erhalten, die auf Grund ihrer Größe gemäß der "
    "Account-Einstellung (KOM-LE-Version) nicht verarbeitet werden darf. Um große Nachrichten zu "
    "empfangen, schalten Sie deren Empfang im Administrationsmodul Ihres Clientmoduls ein; beim "
    "Account Manager wird die KOM-LE-Version Ihres Kontos dann um ein + erweitert (zum Beispiel "
    "1.5+). Leiten Sie diese Nachricht danach an Ihre eigene E-Mail-Adresse ({address}) weiter. "
    "Beim nächsten Abholen wird der Empfang wiederholt."
)
"""A_23512 asks for a text that says this; its words are ours."""
NOT_DOWNLOADED = (
    "Die E-Mail-Daten dieser Nachricht konnten nicht heruntergeladen werden. Bitte leiten Sie "
    "diese Nachricht nach einer angemessenen Zeit an Ihre eigene E-Mail-Adresse ({address}) "
    "weiter. Beim nächsten Abholen wird der Download wiederholt."
)
"""A_19370-04."""
TOO_MANY_DOWNLOADS = (
    "Verschlüsselte E-Mail-Daten konnten nicht heruntergeladen werden, da durch zu häufigen "
    "Zugriff der KOM-LE-Attachment-Service den Abruf verweigert."
)
"""A_22412-01, Tab_Fehlercodes_KOMLE-Clientmodule."""
DATA_NOT_DECRYPTED = "Abgerufene E-Mail-Daten konnten nicht entschlüsselt werden"
"""A_19371-04."""
DATA_DIFFER = (
    "Beim Empfang dieser KIM-Nachricht wurde eine Sicherheitsverletzung erkannt. Dies kann eine "
    "technisches Ursache haben oder auf eine missbräuchliche Nutzung des KIM-Dienstes hinweisen. "
    "Zu Ihrem Schutz wurde der Inhalt dieser Nachricht durch diesen Text ausgetauscht. Bitte "
    "antworten Sie nicht auf diese Nachricht. Sie können diese Nachricht löschen."
)
"""A_19372-03."""
AMBIGUOUS = "Nachricht konnte aufgrund uneindeutiger Informationen nicht abgerufen werden"
"""A_19369-02."""
