"""Payment receipts, kept fees and refunds as a sheet of A4. None of them is an invoice: that comes from accounting."""

from datetime import datetime
from typing import Any, cast

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import gettext as translated  # for labels that a document brings along
from flask_babel import lazy_gettext as _l
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos

from b2c_web import ROOT
from b2c_web.formatting import day_window, eur, long_day, phone
from b2c_web.notifications.facts import readable
from b2c_web.payments.models import Document, DocumentKind
from b2c_web.payments.texts import method_words

FONTS = ROOT / "static" / "vendor" / "print"
TEXT, TEXT_EXT, HEAD = "figtree", "figtree-ext", "familjen"
INK, SOFT, PETROL, LINE = (29, 26, 23), (84, 77, 69), (0, 99, 112), (223, 218, 211)

LEFT, RIGHT, TOP, BOTTOM = 25, 25, 20, 30  # mm
WIDTH = 210 - LEFT - RIGHT
MARK = 11  # mm, the side of the brand's square

TITLES: dict[DocumentKind, Any] = {
    DocumentKind.RECEIPT: _l("Zahlungsbeleg"),
    DocumentKind.FEE: _l("Beleg über eine Gebühr"),
    DocumentKind.REFUND: _l("Erstattungsbeleg"),
}
TOTALS: dict[DocumentKind, Any] = {
    DocumentKind.RECEIPT: _l("Bezahlt"),
    DocumentKind.FEE: _l("Einbehalten"),
    DocumentKind.REFUND: _l("Erstattet"),
}
NOT_AN_INVOICE: dict[DocumentKind, Any] = {
    DocumentKind.RECEIPT: _l(
        "Das ist ein Zahlungsbeleg, keine Rechnung. Die Rechnung kommt gesondert aus der Buchhaltung."
    ),
    DocumentKind.FEE: _l("Das ist ein Beleg, keine Rechnung. Die Rechnung kommt gesondert aus der Buchhaltung."),
    DocumentKind.REFUND: _l("Das ist ein Beleg, keine Gutschrift. Die Gutschrift kommt gesondert aus der Buchhaltung."),
}

NOT_CREDITED = _l(
    "Das ist ein Beleg. Über diese Zahlung gab es keine Rechnung, darum kommt dazu auch keine Gutschrift."
)


def receipt_pdf(document: Document, facts: dict[str, Any], language: str) -> bytes:
    """The document as PDF in `language`; the same document and facts always give the same bytes.

    `facts` of the booking as in `notifications/facts.py`; name, address and `method_label` are printed when given.
    `credited`: False for the refund of money that accounting never invoiced. `made_outside`: past the provider.
    """
    with force_locale(language):
        paper = _Paper(document, language)
        _draw_head(paper)
        _draw_facts(paper, document, readable(facts))
        _draw_lines(paper, document, facts)
        _draw_notes(paper, document, facts)
        return bytes(paper.output())


class _Paper(FPDF):
    """A sheet with our fonts, the document's own date as its creation date, and the operator at its foot."""

    def __init__(self, document: Document, language: str) -> None:
        super().__init__(format="A4")
        title = f"{TITLES[document.kind]} {document.number}"
        self.set_title(title)
        self.set_author(current_app.config["OPERATOR_NAME"])
        self.set_lang("de-DE" if language == "de" else "en-GB")
        self.set_creation_date(document.issued_at)
        self.set_margins(LEFT, TOP, RIGHT)
        self.c_margin = 0
        self.set_auto_page_break(True, BOTTOM)
        self._add_fonts()
        self.add_page()

    def _add_fonts(self) -> None:
        self.add_font(TEXT, "", FONTS / "figtree-latin-400.ttf")
        self.add_font(TEXT, "B", FONTS / "figtree-latin-600.ttf")
        self.add_font(TEXT_EXT, "", FONTS / "figtree-latin-ext-400.ttf")
        self.add_font(HEAD, "B", FONTS / "familjen-grotesk-latin-700.ttf")
        self.set_fallback_fonts([TEXT_EXT], exact_match=False)

    def use(self, family: str, style: str, size: float, colour: tuple[int, int, int] = INK) -> None:
        """Font and colour of what is written next.

        The font is stated anew each time: fpdf2 2.8.9 loses it after a line that begins in the fallback font.
        """
        self.set_font(family, style, size)
        self.current_font_is_set_on_page = False
        self.set_text_color(*colour)

    def write_line(
        self, text: str, size: float = 10, *, bold: bool = False, colour: tuple[int, int, int] = INK, align: str = "L"
    ) -> None:
        """One paragraph over the whole width, below what is there."""
        self.use(TEXT, "B" if bold else "", size, colour)
        self.multi_cell(WIDTH, size * 0.5, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def write_pair(
        self, left: str, right: str, size: float = 10, *, bold: bool = False, colour: tuple[int, int, int] = INK
    ) -> None:
        """A label that may run over several lines, and an amount at the right edge of its first; never torn apart."""
        self.use(TEXT, "B" if bold else "", size, colour)
        height = self.multi_cell(WIDTH - 45, size * 0.5, left, dry_run=True, output=MethodReturnValue.HEIGHT)
        if self.will_page_break(cast(float, height)):
            self.add_page()
        top = self.get_y()
        self.multi_cell(WIDTH - 45, size * 0.5, left, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        bottom = self.get_y()
        self.set_xy(LEFT, top)
        self.cell(WIDTH, size * 0.5, right, align="R")
        self.set_xy(LEFT, bottom)

    def rule(self, gap: float = 3) -> None:
        """A hairline with the same room above and below."""
        self.set_draw_color(*LINE)
        self.set_line_width(0.25)
        self.set_y(self.get_y() + gap)
        self.line(LEFT, self.get_y(), LEFT + WIDTH, self.get_y())
        self.set_y(self.get_y() + gap)

    def footer(self) -> None:
        config = current_app.config
        self.set_y(-BOTTOM + 8)
        self.rule(1.5)
        contact = ", ".join(
            (
                config["OPERATOR_NAME"],
                config["OPERATOR_ADDRESS"],
                phone(config["OPERATOR_PHONE"]),
                config["OPERATOR_EMAIL"],
            )
        )
        self.write_line(contact, 8, colour=SOFT)


def _draw_head(paper: _Paper) -> None:
    """The brand's mark and name."""
    paper.set_fill_color(*PETROL)
    paper.rect(LEFT, TOP, MARK, MARK, style="F", round_corners=True, corner_radius=3)
    paper.set_draw_color(255, 255, 255)
    paper.set_line_width(MARK * 3 / 32)
    for stroke in (
        ((8, 12.5), (21.5, 12.5)),
        ((17.5, 8), (22, 12.5)),
        ((24, 19.5), (10.5, 19.5)),
        ((14.5, 24), (10, 19.5)),
    ):
        paper.polyline([(LEFT + x * MARK / 32, TOP + y * MARK / 32) for x, y in stroke])
    paper.use(HEAD, "B", 18)
    paper.set_xy(LEFT + MARK + 3, TOP)
    paper.cell(100, MARK, current_app.config["BRAND_NAME"])
    paper.set_xy(LEFT, TOP + MARK + 18)


def _draw_facts(paper: _Paper, document: Document, known: dict[str, Any]) -> None:
    """For whom, which document, for which booking."""
    place = f"{known['postal_code'] or ''} {known['city'] or ''}".strip()
    for line in filter(None, (known["name"], known["address"], place)):
        paper.write_line(line)
    paper.set_y(paper.get_y() + 14)
    paper.use(HEAD, "B", 24)
    paper.cell(WIDTH, 11, str(TITLES[document.kind]), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    numbered = _("Nummer %(number)s vom %(day)s", number=document.number, day=long_day(document.issued_at))
    paper.write_line(numbered, colour=SOFT)
    paper.write_line(_booking_line(known), colour=SOFT)
    paper.set_y(paper.get_y() + 8)


def _booking_line(known: dict[str, Any]) -> str:
    window: tuple[datetime | None, datetime | None] = (known["pickup_start"], known["pickup_end"])
    parts = [
        _("Buchung %(number)s", number=known["number"]),
        str(known["service_name"]),
        " ".join(filter(None, (known["car"], known["plate"]))),
        day_window(window[0], window[1]) if window[0] and window[1] else "",
    ]
    return ", ".join(filter(None, parts))


def _draw_lines(paper: _Paper, document: Document, facts: dict[str, Any]) -> None:
    """Each position, the sum, and the VAT in it."""
    paper.write_pair(_("Position"), _("Betrag"), 8.5, colour=SOFT)
    paper.rule(1.5)
    for line in document.lines:
        paper.write_pair(translated(line["label"]), eur(line["gross_cents"]))
        paper.rule(1.5)
    paper.set_y(paper.get_y() + 1)
    kind = DocumentKind.RECEIPT if facts.get("charged") else document.kind
    paper.write_pair(str(TOTALS[kind]), eur(document.gross_cents), 13, bold=True)
    paper.set_y(paper.get_y() + 1.5)
    rate, net_cents = document.vat_rate_percent, document.gross_cents - document.vat_cents
    vat = _("Darin enthalten %(rate)s %% MwSt.", rate=rate) if rate else _("Ohne Mehrwertsteuer")
    paper.write_pair(vat, eur(document.vat_cents), 9, colour=SOFT)
    paper.write_pair(_("Netto"), eur(net_cents), 9, colour=SOFT)


def _draw_notes(paper: _Paper, document: Document, facts: dict[str, Any]) -> None:
    """How it was paid, and that this is no invoice; what else comes, or that nothing does."""
    credited = document.kind is not DocumentKind.REFUND or facts.get("credited", True)
    paper.set_y(paper.get_y() + 10)
    method, outside = method_words(facts.get("method_label")), facts.get("made_outside", False)
    paper.write_line(_paid_line(document, method, made_outside=outside, charged=facts.get("charged", False)))
    paper.set_y(paper.get_y() + 3)
    paper.write_line(str(NOT_AN_INVOICE[document.kind] if credited else NOT_CREDITED), colour=SOFT)


def _paid_line(document: Document, method: str, *, made_outside: bool, charged: bool) -> str:
    day = long_day(document.issued_at)
    if document.kind is DocumentKind.FEE and not charged:
        return _("Einbehalten von Ihrer Zahlung am %(day)s.", day=day)
    if document.kind is DocumentKind.REFUND and made_outside:
        return _("Erstattet am %(day)s, auf einem anderen Weg als dem Ihrer Zahlung.", day=day)
    if document.kind is DocumentKind.REFUND:
        return _("Erstattet am %(day)s auf dem Weg, auf dem Sie bezahlt haben: %(method)s.", day=day, method=method)
    return _("Bezahlt am %(day)s: %(method)s.", day=day, method=method)
