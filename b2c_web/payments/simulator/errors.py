"""Errors in the provider's shape, and what each means for the transaction and the idempotency record."""

from typing import Any

Body = dict[str, Any]


class ApiError(Exception):
    """An answer that is not a success.

    `status` and `body` are what the client sees. `stored`: the answer is kept under the request's idempotency
    key and replayed (the request was executed); otherwise the key stays free. `commits`: what was changed
    before the error stays (a declined charge is a fact), otherwise it is rolled back.
    """

    status = 400
    kind = "invalid_request_error"
    stored = True
    commits = False
    should_retry: bool | None = None

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> None:
        super().__init__(message)
        error: Body = {"type": self.kind, "message": message}
        if code:
            error["code"] = code
            error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if param:
            error["param"] = param
        error.update(more)
        self.error = error

    @property
    def body(self) -> Body:
        return {"error": self.error}


class InvalidParams(ApiError):
    """The parameters were refused before anything ran: the idempotency key stays free."""

    stored = False


class InvalidState(ApiError):
    """The request was understood, but the object is not in a state that allows it."""


class NotFound(ApiError):
    status = 404

    def __init__(self, kind: str, object_id: str, param: str = "id") -> None:
        super().__init__(f"No such {kind}: '{object_id}'", code="resource_missing", param=param)


class UnknownRoute(ApiError):
    status = 404
    stored = False

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"Unrecognized request URL ({method}: {path}), or one that this simulator does not speak.")


class Unauthorized(ApiError):
    status = 401
    stored = False


class CardDeclined(ApiError):
    """The bank said no. The failed charge and the intent's new state stay."""

    status = 402
    kind = "card_error"
    commits = True


class KeyMismatch(ApiError):
    kind = "idempotency_error"
    stored = False


class KeyInUse(ApiError):
    status = 409
    stored = False
    should_retry = True

    def __init__(self, key: str) -> None:
        message = (
            f"There is currently another in-progress request using this idempotency key ({key}). "
            "This probably means you submitted a request twice, and the first request is still going through."
        )
        super().__init__(message, code="idempotency_key_in_use")


class RateLimited(ApiError):
    status = 429
    stored = False

    def __init__(self) -> None:
        super().__init__("Request rate limit exceeded (told to by a fault).", code="rate_limit")


class Failure(ApiError):
    """A 500 of the provider's own, told to by a fault."""

    status = 500
    kind = "api_error"

    def __init__(self, stored: bool = True) -> None:
        super().__init__("An unknown error occurred (told to by a fault).")
        self.stored = stored
        self.should_retry = False if stored else None  # a stored answer would only be replayed


class InjectedCardError(ApiError):
    """A 402 told to by a fault, for endpoints that make no charge (a capture, a refund): nothing changes."""

    status = 402
    kind = "card_error"
