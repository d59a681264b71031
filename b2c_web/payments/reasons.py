"""Why a bank said no, in the customer's language.

What the bank suspects (lost, stolen, fraud) is never shown: the provider asks to show those as a plain refusal.
"""

from typing import Any

from flask_babel import lazy_gettext as _l

GENERIC = _l("Ihre Bank hat die Zahlung abgelehnt, ohne einen Grund zu nennen. Eine andere Karte hilft oft.")

REASONS: dict[str, Any] = {
    "insufficient_funds": _l(
        "Auf dem Konto der Karte ist gerade nicht genug Geld. Bitte nehmen Sie eine andere Karte."
    ),
    "expired_card": _l("Die Karte ist abgelaufen. Bitte nehmen Sie eine andere Karte."),
    "incorrect_cvc": _l("Die Prüfziffer der Karte stimmt nicht. Bitte geben Sie sie noch einmal ein."),
    "incorrect_number": _l("Die Kartennummer stimmt nicht. Bitte geben Sie sie noch einmal ein."),
    "invalid_expiry": _l("Das Ablaufdatum der Karte stimmt nicht. Bitte geben Sie es noch einmal ein."),
    "authentication_required": _l(
        "Ihre Bank möchte, dass Sie die Zahlung selbst bestätigen. "
        "Bitte zahlen Sie noch einmal und bestätigen Sie in Ihrer Banking-App."
    ),
    "authentication_failed": _l(
        "Die Bestätigung bei Ihrer Bank hat nicht geklappt. "
        "Bitte versuchen Sie es noch einmal oder nehmen Sie eine andere Karte."
    ),
    "processing_error": _l("Bei Ihrer Bank ist etwas schiefgegangen. Bitte versuchen Sie es gleich noch einmal."),
    "limit_exceeded": _l("Der Betrag liegt über dem Limit der Karte. Bitte nehmen Sie eine andere Karte."),
    "card_not_supported": _l(
        "Diese Karte ist für Zahlungen im Internet nicht freigegeben. Bitte nehmen Sie eine andere Karte."
    ),
    "currency_not_supported": _l("Diese Karte kann nicht in Euro zahlen. Bitte nehmen Sie eine andere Karte."),
    "debit_returned": _l("Ihre Bank hat die Lastschrift zurückgegeben. Der Betrag ist noch offen."),
}

# the provider's codes that mean the same to a customer
SAME_AS = {
    "invalid_cvc": "incorrect_cvc",
    "invalid_number": "incorrect_number",
    "invalid_expiry_month": "invalid_expiry",
    "invalid_expiry_year": "invalid_expiry",
    "payment_intent_authentication_failure": "authentication_failed",
    "authentication_not_handled": "authentication_required",
    "reenter_transaction": "processing_error",
    "try_again_later": "processing_error",
    "issuer_not_available": "processing_error",
    "withdrawal_count_limit_exceeded": "limit_exceeded",
    "card_velocity_exceeded": "limit_exceeded",
    "transaction_not_allowed": "card_not_supported",
    "not_permitted": "card_not_supported",
    "payment_intent_payment_attempt_failed": "debit_returned",
}


def reason_message(code: str | None) -> Any:
    """The reason as a sentence with the way on, translated when shown; unknown and delicate ones stay general."""
    known = SAME_AS.get(code or "", code or "")
    return REASONS.get(known, GENERIC)
