"""An extension's pages: for the workshop, and for the customer through both doors."""

from b2c_web.extensions.views import (
    at_work,
    catalogue,
    completion,
    deciding,
    links,
    mine,
    offer,
    raising,
    shown,
    wishing,
)

__all__ = [
    "at_work",
    "catalogue",
    "completion",
    "deciding",
    "links",
    "mine",
    "offer",
    "raising",
    "shown",
    "wishing",
]
