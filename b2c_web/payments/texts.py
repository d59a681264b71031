"""How saved cards and accounts are called on a page."""

from flask_babel import gettext as _

from b2c_web.payments.models import PaymentMethod

BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "cartes_bancaires": "Cartes Bancaires",
}


def method_name(method: PaymentMethod) -> str:
    """ "Visa •••• 4242", or "SEPA-Lastschrift •••• 3000"."""
    kind = _("SEPA-Lastschrift") if method.type == "sepa_debit" else BRANDS.get(method.card_brand or "", _("Karte"))
    return f"{kind}\u00a0••••\u00a0{method.card_last4 or '????'}"
