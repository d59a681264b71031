"""How saved cards and accounts are called on a page."""

from flask_babel import gettext as _

from b2c_web.payments.models import PaymentMethod
from b2c_web.payments.setup_models import MethodSetup, SetupState

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


def setup_words(setup: MethodSetup, method: PaymentMethod | None) -> tuple[str, str]:
    """What became of the page that saves a card or an account, with the tone to say it in."""
    if method is not None:
        return _("%(name)s ist gespeichert. Abgebucht ist nichts.", name=method_name(method)), "success"
    if setup.state is not SetupState.SAVED and setup.closed_at is None:  # also one that was replaced meanwhile
        return _("Die Bestätigung steht noch aus. Wir zeigen die Zahlungsart hier, sobald sie da ist."), "warning"
    return _("Gespeichert wurde nichts. Sie können es gern noch einmal versuchen."), "warning"


def method_words(label: str | None) -> str:
    """ "visa 4242" as "Visa mit den Endziffern 4242"; also SEPA debit, wallets without digits, and nothing known."""
    kind, _space, digits = (label or "").rpartition(" ")
    if not digits.isdigit():
        kind, digits = label or "", ""
    name = {"": _("Karte"), "card": _("Karte"), "sepa_debit": _("SEPA-Lastschrift")}.get(
        kind, kind.replace("_", " ").title()
    )
    return _("%(name)s mit den Endziffern %(digits)s", name=name, digits=digits) if digits else name
