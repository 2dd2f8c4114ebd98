"""The eArztbrief as PDF/A-2b (ISO 19005-2), ready for the PAdES signature of the HBA.

2b because Konnektors sign PDF/A-1 and -2 only (gemSpec_Kon) and a signed 1b is refused by
checkers for the signature field without appearance.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from .cda import Letter

MARGIN_MM = 20
LINE_MM = 6


def document(facts: Letter) -> bytes:
    """Return the letter as PDF/A-2b; all fonts are embedded."""
    from fpdf import FPDF  # 0.2 s to import, needed by one kind of scenario

    pdf = FPDF(enforce_compliance="PDF/A-2B")
    pdf.set_title(facts.title)
    doctor, practice = facts.author.doctor, facts.author.practice
    pdf.set_author(f"{doctor.title} {doctor.given} {doctor.family}")
    pdf.set_lang("de")
    pdf.set_creation_date(facts.written)
    pdf.set_margin(MARGIN_MM)
    pdf.add_font("text", fname=font("Regular"))
    pdf.add_font("text", style="B", fname=font("Bold"))
    pdf.add_page()
    pdf.set_font("text", size=10)
    sender = f"{practice.name} · {practice.postal_code} {practice.city}"
    pdf.cell(0, LINE_MM, sender, new_x="LMARGIN", new_y="NEXT")
    pdf.cell(0, LINE_MM, f"An: {facts.recipient}", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(LINE_MM)
    pdf.set_font("text", style="B", size=16)
    pdf.cell(0, LINE_MM * 2, facts.title, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("text", size=11)
    pdf.cell(0, LINE_MM, f"{facts.written:%d.%m.%Y}", new_x="LMARGIN", new_y="NEXT")
    for paragraph in facts.paragraphs:
        pdf.ln(LINE_MM / 2)
        pdf.multi_cell(0, LINE_MM, paragraph, new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def font(style: str) -> Path:
    """Return the path of the font file for *style* (Regular, Bold).

    Source Sans Pro, SIL Open Font License 1.1: it may be embedded.
    """
    return Path(str(files("font_source_sans_pro") / "files" / f"SourceSansPro-{style}.ttf"))


def claims_pdf_a(content: bytes) -> bool:
    """Return whether *content* is a PDF whose metadata claim PDF/A-1 or -2 (part and level)."""
    claim = b"pdfaid:part"
    return content.startswith(b"%PDF-") and claim in content and b"/OutputIntent" in content


def is_signed(content: bytes) -> bool:
    """Return whether *content* holds a PAdES signature (ETSI.CAdES.detached)."""
    return b"ETSI.CAdES.detached" in content and b"/ByteRange" in content
