"""The words of the hosted page in its two languages, and how it writes amounts and times.

Not gettext: the simulator stands for somebody else's page and shares nothing with the application.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
LANGUAGES = ("de", "en")

TEXTS: dict[str, tuple[str, str]] = {
    "demo_title": ("Demo-Kasse", "Demo checkout"),
    "demo_line": (
        "Hier fließt kein Geld. Diese Seite spielt den Zahlungsdienst nur nach.",
        "No real money moves. This page only plays the part of a payment provider.",
    ),
    "demo_warning": (
        "Bitte geben Sie keine echten Karten- oder Kontodaten ein, nur die Testdaten von unten.",
        "Please enter no real card or account details, only the test data below.",
    ),
    "pay_heading": ("Womit möchten Sie zahlen?", "How would you like to pay?"),
    "save_heading": ("Welche Zahlungsart sollen wir merken?", "Which payment method shall we keep?"),
    "to_pay": ("Zu zahlen", "To pay"),
    "to_save": ("Heute wird nichts abgebucht", "Nothing is charged today"),
    "kept": (
        "Die Zahlungsart wird für spätere Zahlungen gespeichert.",
        "The payment method is kept for later payments.",
    ),
    "valid_until": ("Diese Seite gilt bis {time} Uhr.", "This page is open until {time}."),
    "email": ("E-Mail", "E-mail"),
    "saved": ("Gespeichert", "Saved"),
    "pay_saved": ("{amount} zahlen mit {brand} •••• {last4} (Demo)", "Pay {amount} with {brand} •••• {last4} (demo)"),
    "card": ("Karte", "Card"),
    "number": ("Kartennummer", "Card number"),
    "expiry": ("Gültig bis (MM/JJ)", "Expiry (MM/YY)"),
    "cvc": ("Prüfziffer", "Security code"),
    "name": ("Name auf der Karte", "Name on the card"),
    "optional": ("freiwillig", "optional"),
    "account": ("Lastschrift (SEPA)", "Direct debit (SEPA)"),
    "iban": ("IBAN", "IBAN"),
    "holder": ("Kontoinhaber", "Account holder"),
    "mandate": (
        "SEPA-Lastschriftmandat: Mit dem Knopf ermächtigen Sie den Anbieter und seinen Zahlungsdienst, Beträge von "
        "diesem Konto per Lastschrift einzuziehen, und weisen Ihre Bank an, sie einzulösen. Binnen acht Wochen nach "
        "der Abbuchung können Sie von Ihrer Bank die Erstattung verlangen. In dieser Demo hat das keine Wirkung.",
        "SEPA direct debit mandate: with the button you authorise the shop and its payment service to collect amounts "
        "from this account by direct debit, and your bank to debit it accordingly. Within eight weeks of a debit you "
        "can claim a refund from your bank. In this demo it has no effect.",
    ),
    "pay_card": ("{amount} zahlen (Demo)", "Pay {amount} (demo)"),
    "pay_account": ("{amount} per Lastschrift zahlen (Demo)", "Pay {amount} by direct debit (demo)"),
    "save_card": ("Karte speichern (Demo)", "Save card (demo)"),
    "save_account": ("Konto speichern (Demo)", "Save account (demo)"),
    "cancel": ("Abbrechen und zurück", "Cancel and go back"),
    "test_cards": ("Testkarten", "Test cards"),
    "test_accounts": ("Testkonten", "Test accounts"),
    "test_hint": ("Eine Zeile wählen, dann oben zahlen.", "Choose a row, then pay above."),
    "behaviour": ("Was passiert", "What happens"),
    "use": ("Einsetzen", "Use"),
    "problem": ("Noch nicht bezahlt", "Not paid yet"),
    "problem_save": ("Noch nicht gespeichert", "Not saved yet"),
    "try_again": ("Sie können es gleich noch einmal versuchen.", "You can try again right away."),
    "bank_title": ("Ihre Bank fragt nach", "Your bank would like to know"),
    "bank_line": (
        "Sind Sie das? In echt würde Ihre Bank das in ihrer App fragen.",
        "Is this you? In real life your bank would ask in its app.",
    ),
    "bank_amount": ("Zahlung über {amount}", "Payment of {amount}"),
    "bank_save": ("Karte für spätere Zahlungen merken", "Keep the card for later payments"),
    "confirm": ("Bestätigen", "Confirm"),
    "refuse": ("Ablehnen", "Decline"),
    "complete_title": ("Das ist erledigt", "This is done"),
    "complete_line": ("Hier ist nichts mehr zu tun.", "There is nothing left to do here."),
    "expired_title": ("Diese Seite ist abgelaufen", "This page has expired"),
    "expired_line": ("Es wurde nichts abgebucht.", "Nothing was charged."),
    "missing_title": ("Diese Seite gibt es nicht", "There is no such page"),
    "missing_line": ("Bitte prüfen Sie die Adresse.", "Please check the address."),
    "back": ("Zurück zum Anbieter", "Back to the shop"),
    # what each test card and account does
    "visa": ("Zahlung klappt (Visa)", "Payment works (Visa)"),
    "mastercard": ("Zahlung klappt (Mastercard)", "Payment works (Mastercard)"),
    "declined": ("Bank lehnt ab", "Bank declines"),
    "insufficient_funds": ("Nicht genug Guthaben", "Not enough funds"),
    "authenticate_once": ("Bank fragt jetzt nach, später nicht mehr", "Bank asks now, not later on"),
    "authenticate_always": ("Bank fragt jedes Mal nach", "Bank asks every time"),
    "fails_later": ("Lässt sich speichern, Zahlung scheitert", "Can be saved, payments fail"),
    "expired": ("Karte ist abgelaufen", "Card has expired"),
    "incorrect_cvc": ("Prüfziffer ist falsch", "Security code is wrong"),
    "refund_later": ("Zahlung klappt, Erstattung kommt später", "Payment works, refund arrives later"),
    "refund_fails": ("Zahlung klappt, Erstattung scheitert", "Payment works, refund fails"),
    "sepa": ("Lastschrift wird eingelöst", "Debit is honoured"),
    "sepa_fails": ("Lastschrift kommt zurück", "Debit comes back"),
}

REASONS: dict[str, tuple[str, str]] = {
    "generic_decline": (
        "Die Bank hat die Zahlung abgelehnt. Bitte nehmen Sie eine andere Karte.",
        "The bank declined the payment. Please use another card.",
    ),
    "insufficient_funds": (
        "Auf der Karte ist nicht genug Guthaben. Bitte nehmen Sie eine andere.",
        "There are not enough funds on the card. Please use another one.",
    ),
    "expired_card": ("Die Karte ist abgelaufen.", "The card has expired."),
    "incorrect_cvc": ("Die Prüfziffer stimmt nicht.", "The security code is not right."),
    "authentication_refused": ("Sie haben bei Ihrer Bank abgelehnt.", "You declined at your bank."),
    "incorrect_number": ("Die Kartennummer stimmt nicht.", "The card number is not right."),
    "invalid_expiry": (
        "Das Ablaufdatum stimmt nicht, zum Beispiel 12/34.",
        "The expiry is not right, for example 12/34.",
    ),
    "invalid_cvc": ("Die Prüfziffer hat drei Stellen.", "The security code has three digits."),
    "missing_holder": ("Bitte nennen Sie den Kontoinhaber.", "Please name the account holder."),
    "invalid_iban": ("Die IBAN stimmt nicht.", "The IBAN is not right."),
    "invalid_email": ("Die E-Mail-Adresse ist nicht vollständig.", "The e-mail address is not complete."),
    "test_mode_live_card": (
        "Das ist keine Testkarte. Echte Karten nimmt diese Demo nicht an; die Nummer wurde nicht gespeichert.",
        "This is no test card. The demo takes no real cards; the number was not kept.",
    ),
    "test_mode_live_iban": (
        "Das ist kein Testkonto. Echte Konten nimmt diese Demo nicht an; die IBAN wurde nicht gespeichert.",
        "This is no test account. The demo takes no real accounts; the IBAN was not kept.",
    ),
}


class Words:
    """The texts of one language: `words("number")`, `words.reason("expired_card")`, `words.money(19900)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._index = LANGUAGES.index(language)

    def __call__(self, name: str, **values: str) -> str:
        return TEXTS[name][self._index].format(**values)

    def reason(self, code: str) -> str:
        return REASONS.get(code, REASONS["generic_decline"])[self._index]

    def money(self, cents: int) -> str:
        """199,00 EUR in German, EUR 199.00 in English, both with a space that does not break."""
        euros = f"{cents / 100:,.2f}"
        if self.language == "en":
            return f"EUR\u00a0{euros}"
        return euros.translate(str.maketrans(",.", ".,")) + "\u00a0EUR"

    def time(self, instant: int, now: int) -> str:
        """The clock alone for today, else with its day: "1.12., 00:48" or "1 Dec, 00:48"."""
        at, today = datetime.fromtimestamp(instant, ZONE), datetime.fromtimestamp(now, ZONE).date()
        if at.date() == today:
            return f"{at:%H:%M}"
        return f"{at.day}.{at.month}., {at:%H:%M}" if self.language == "de" else f"{at.day} {at:%b}, {at:%H:%M}"


def words_for(locale: str | None, accepted: str) -> Words:
    """The session's locale; for `auto` or none the browser's first language of ours, else German."""
    wanted = locale if locale and locale != "auto" else accepted
    for part in wanted.split(","):
        language = part.strip()[:2].lower()
        if language in LANGUAGES:
            return Words(language)
    return Words("en" if locale and locale != "auto" else "de")
