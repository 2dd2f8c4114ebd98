"""What invented entries are made of: names, places, kinds. None of them belongs together in life.

Cities have the first digits of their postal codes; the rest is invented, like streets' numbers.
Insurers are invented too, and so are their IK: public lists of real ones contradict each other.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURNAMES = _words("""
    Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch
    Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann
    Lange Schmitt Werner Krause Meier Lehmann Schmid Schulze Maier Köhler Herrmann König Walter
    Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich
    Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon
    Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel
    Heinrich Brandt Haas Schreiber Graf Schulte Dietrich Ziegler Kuhn Kühn Pohl Engel Horn Busch
    Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Yılmaz Kaya Demir Nowak Özdemir Petrović
    Nguyen
""")
GIVEN_NAMES = _words("""
    Anna Maria Sabine Petra Claudia Susanne Andrea Katrin Julia Stefanie Nicole Christine Birgit
    Monika Karin Martina Heike Ute Gabriele Angelika Barbara Silke Jana Lena Sophie Jörg Thomas
    Michael Andreas Stefan Peter Klaus Wolfgang Jürgen Hans Markus Christian Martin Frank Uwe
    Bernd Matthias Ralf Torsten Jan Tobias Alexander Daniel Sebastian Günter Ayşe Mehmet Zoë
    René
""")
STREETS = _words("""
    Hauptstraße Bahnhofstraße Gartenstraße Schulstraße Lindenallee Goethestraße Schillerstraße
    Kirchweg Mühlenweg Bergstraße Waldweg Rosenweg Feldstraße Marktplatz Ringstraße Uferstraße
    Am_Anger Am_Stadtpark An_der_Brücke Lange_Gasse
""")
CITIES = (
    ("Berlin", "Berlin", "10"),
    ("Hamburg", "Hamburg", "20"),
    ("München", "Bayern", "80"),
    ("Nürnberg", "Bayern", "90"),
    ("Würzburg", "Bayern", "97"),
    ("Köln", "Nordrhein-Westfalen", "50"),
    ("Düsseldorf", "Nordrhein-Westfalen", "40"),
    ("Münster", "Nordrhein-Westfalen", "48"),
    ("Frankfurt am Main", "Hessen", "60"),
    ("Kassel", "Hessen", "34"),
    ("Stuttgart", "Baden-Württemberg", "70"),
    ("Tübingen", "Baden-Württemberg", "72"),
    ("Leipzig", "Sachsen", "04"),
    ("Dresden", "Sachsen", "01"),
    ("Hannover", "Niedersachsen", "30"),
    ("Göttingen", "Niedersachsen", "37"),
    ("Bremen", "Bremen", "28"),
    ("Saarbrücken", "Saarland", "66"),
    ("Mainz", "Rheinland-Pfalz", "55"),
    ("Kiel", "Schleswig-Holstein", "24"),
    ("Rostock", "Mecklenburg-Vorpommern", "18"),
    ("Potsdam", "Brandenburg", "14"),
    ("Magdeburg", "Sachsen-Anhalt", "39"),
    ("Erfurt", "Thüringen", "99"),
)
_PSC = "urn:psc:1.3.6.1.4.1.19376.3.276.1.5.4:"
PRACTICES = (
    ("Hausarztpraxis", _PSC + "ALLG"),
    ("Praxis für Innere Medizin", _PSC + "INNE"),
    ("Kinderarztpraxis", _PSC + "KIJU"),
    ("Frauenarztpraxis", _PSC + "GYNE"),
    ("Augenarztpraxis", _PSC + "AUGE"),
    ("Hautarztpraxis", _PSC + "DERM"),
    ("Praxis für Orthopädie", _PSC + "ORTH"),
    ("Praxis für Urologie", _PSC + "UROL"),
    ("Praxis für Radiologie", _PSC + "RADI"),
    ("Gemeinschaftspraxis", _PSC + "ALLG"),
)
HOSPITALS = ("Klinikum", "Krankenhaus", "St.-Marien-Hospital", "Kreiskrankenhaus", "Fachklinik")
PHARMACIES = _words("""
    Adler Rathaus Linden Löwen Sonnen Markt Park Stadt Rosen Bären Engel Schloss Brunnen Mühlen
""")
INSURERS = 95
"""About as many as there are statutory insurers."""
INSURER_KINDS = ("Ortskasse", "Betriebskasse", "Innungskasse", "Ersatzkasse", "Landkasse")
APP_TAGS = ("", "", "", "eEB;V1.0", "DALE-UV;Einsendung;V1.0|eEB;V1.0")
VERSIONS = ("1.5", "1.5", "1.5", "1.5+", "1.0")
TITLES = ("", "", "Dr. med.", "Dr. med.", "Prof. Dr. med.")
