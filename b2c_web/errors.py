"""Everything that can be refused, as one tree of errors, each with its HTTP status.

A command raises one of these and changes nothing. `message` is for the person (translated), `code` is
stable and for programs; `way_on` may name where to go next as (href, label).
"""

from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l


class DomainError(Exception):
    """A refusal with its reason. Subclasses set status, code and a message for the person."""

    status: ClassVar[int] = 409
    code: str = "refused"
    message: Any = _l("Das geht gerade nicht.")

    def __init__(self, message: Any = None, *, code: str | None = None, **details: Any) -> None:
        self.message = message if message is not None else type(self).message
        self.code = code or type(self).code
        self.details = details
        super().__init__(str(self.code))


class NotAllowed(DomainError):
    """The person is known but may not do this."""

    status = 403
    code = "not_allowed"
    message = _l("Dafür haben Sie keine Berechtigung.")


class NotFound(DomainError):
    """It does not exist, or it is not this person's: both look the same."""

    status = 404
    code = "not_found"
    message = _l("Diese Seite gibt es nicht, oder sie gehört zu einem anderen Konto.")


class Conflict(DomainError):
    """The state does not allow it any more: somebody was quicker, or it is too late."""

    status = 409
    code = "conflict"
    message = _l("Der Stand hat sich inzwischen geändert.")


class Invalid(DomainError):
    """Input that cannot be taken; `details['field']` names the field."""

    status = 422
    code = "invalid"
    message = _l("Bitte prüfen Sie Ihre Angaben.")


class TooMany(DomainError):
    """A limit was reached; `details['retry_after_seconds']` says when to come back."""

    status = 429
    code = "too_many"
    message = _l("Das waren zu viele Versuche. Bitte warten Sie einen Moment.")


class Busy(DomainError):
    """A lock or a service was not free in time; trying again is right."""

    status = 503
    code = "busy"
    message = _l("Gerade ist viel los. Bitte versuchen Sie es gleich noch einmal.")
