"""Everything that is done with extensions, in one place. Each is one transaction that locks the booking's row first.

All raise NotFound for what is not this person's, Busy when rows stay locked, and Conflict (with a `rules.Refusal` as
code) when the state does not allow it any more; then nothing has changed.
"""

from b2c_web.extensions.completing import note_undone
from b2c_web.extensions.deciders import Decider, Link, LinkEnded, open_link
from b2c_web.extensions.deciding import answer, approve, ask, decline, object_to
from b2c_web.extensions.items import Consent, Item, Offer
from b2c_web.extensions.paying import account_page, authorize_now, choose_method, pay_link
from b2c_web.extensions.raising import drop_draft, raise_extension, save_draft, withdraw_extension
from b2c_web.extensions.staff_approval import approve_on_consent, approve_within_limit, raise_within_limit
from b2c_web.extensions.wishing import change_wishes, set_aside
from b2c_web.payments.authorizing import HoldWish

__all__ = [
    "Consent",
    "Decider",
    "HoldWish",
    "Item",
    "Link",
    "LinkEnded",
    "Offer",
    "account_page",
    "answer",
    "approve",
    "approve_on_consent",
    "approve_within_limit",
    "ask",
    "authorize_now",
    "change_wishes",
    "choose_method",
    "decline",
    "drop_draft",
    "note_undone",
    "object_to",
    "open_link",
    "pay_link",
    "raise_extension",
    "raise_within_limit",
    "save_draft",
    "set_aside",
    "withdraw_extension",
]
