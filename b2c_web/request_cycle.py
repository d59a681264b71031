"""What happens around every request: extensions, request id, language, security headers, error pages."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, g, has_request_context, jsonify, render_template, request, session
from flask_babel import gettext as _
from flask_babel import refresh
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from b2c_web import access, formatting, htmx, jobs, page_frame, page_texts
from b2c_web.db import begin, forget_prepared, open_connection
from b2c_web.errors import DomainError
from b2c_web.flask_extensions import babel, compress, csrf, db, limiter, login_manager, mail, migrate, talisman
from b2c_web.flask_extensions import htmx as htmx_extension

LANGUAGES = ("de", "en")
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Bind the extensions and everything that surrounds a view."""
    if app.config["B2C_TRUSTED_PROXIES"]:
        hops = app.config["B2C_TRUSTED_PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(_name_request)
    app.before_request(_read_alone)
    app.before_request(_refuse_null_bytes)
    _compress_answers(app)
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "do_connect", open_connection)
        event.listen(db.engine, "begin", begin)
        event.listen(db.engine, "handle_error", forget_prepared)
    migrate.init_app(app, db, directory=f"{app.root_path}/migrations")
    csrf.init_app(app)
    babel.init_app(app, locale_selector=select_language)
    limiter.init_app(app)
    login_manager.init_app(app)
    mail.init_app(app)
    htmx_extension.init_app(app)
    _secure_headers(app)
    jobs.init_app(app)
    formatting.init_app(app)
    page_texts.init_app(app)
    access.init_app(app)
    page_frame.init_app(app)
    app.after_request(_finish)
    _error_pages(app)
    _health(app)


def _name_request() -> None:
    code = "".join(ALPHABET[byte % 32] for byte in secrets.token_bytes(8))  # one call: each lets another thread in
    g.request_id = f"{code[:4]}-{code[4:]}"


def _read_alone() -> None:
    g.only_reads = request.method in ("GET", "HEAD")  # until a command begins


def _refuse_null_bytes() -> None:
    """No text of a person has one, and the database cannot store it."""
    sent = [*request.args.values(), *request.form.values()]
    if any("\0" in text for text in sent):
        abort(400)


def select_language() -> str:
    """The language chosen on the switch, else the user's own, else the browser's, else German."""
    if not has_request_context():
        return getattr(g, "language", "de")
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    if current_user.is_authenticated:
        return str(current_user.language)
    return request.accept_languages.best_match(LANGUAGES, "de") or "de"


def speak(language: str) -> None:
    """Use `language` from here on, for messages made by jobs."""
    g.language = language if language in LANGUAGES else "de"
    refresh()


def payment_origin(app: Flask) -> str:
    """The one foreign place that a form of ours may lead to: the payment provider's page."""
    base = app.config["STRIPE_API_BASE"]
    if not base:
        return "https://checkout.stripe.com"
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def _compress_answers(app: Flask) -> None:
    """Pages, fragments and text files go out compressed; level 5 costs a fifth of a millisecond for a page.

    Bound first, so that it sees answers last, with their final headers.
    """
    app.config.update(
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_STREAMS=False,
        COMPRESS_BR_LEVEL=5,
        COMPRESS_LEVEL=5,
        COMPRESS_MIN_SIZE=1000,
    )
    compress.init_app(app)
    app.after_request(_lighten_static)


def _is_file(response: Response) -> bool:
    """One of our own files, not the page that says that there is none."""
    return request.endpoint == "static" and response.status_code < 400


FOR_DOCUMENTS = ("Content-Security-Policy", "Permissions-Policy", "X-Frame-Options", "Content-Disposition")


def _lighten_static(response: Response) -> Response:
    """A style, script or font needs no policy of its own: half a kilobyte each, a dozen times in a first view.

    Text files are small: read in one piece, so that they are compressed too and closed at once. No file is another
    for whoever signs in, so none is fetched again for that.
    """
    if not _is_file(response):
        return response
    session.accessed = False  # else Flask says that it varies with the cookie
    if response.mimetype in compress.compress_mimetypes_set:
        response.direct_passthrough = False
        response.make_sequence()
    if response.mimetype != "image/svg+xml":
        for name in FOR_DOCUMENTS:
            response.headers.pop(name, None)
    return response


def _secure_headers(app: Flask) -> None:
    https = app.config["B2C_BASE_URL"].startswith("https://")
    talisman.init_app(
        app,
        force_https=False,  # the proxy in front does that; a demo runs on plain http
        strict_transport_security=https,
        session_cookie_secure=https,
        frame_options="DENY",
        referrer_policy="same-origin",
        content_security_policy={
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "media-src": "'self'",
            "font-src": "'self'",
            "connect-src": "'self'",
            "manifest-src": "'self'",
            "form-action": f"'self' {payment_origin(app)}",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        },
        content_security_policy_nonce_in=["script-src"],
        permissions_policy={"geolocation": "()", "microphone": "()", "camera": "(self)"},
    )


REFUSED_FORMS = (409, 422, 503)  # a browser that may not keep the answer of a POST has nothing to go back to


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "-")
    if _is_file(response):
        return response
    response.vary.add("HX-Request")
    if "Cache-Control" not in response.headers:
        is_kept = not current_user.is_authenticated or response.status_code in REFUSED_FORMS
        response.headers["Cache-Control"] = "private, no-cache" if is_kept else "no-store"
    return response


NO_HEADERS: Mapping[str, str] = {}


def error_page(
    status: int, message: Any = None, *, way_on: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] = NO_HEADERS
) -> Response:
    """Our page, or fragment, for an HTTP error, with the request id and a way on."""
    name = "errors/_fragment.html" if htmx.wants_fragment() else "errors/error.html"
    body = render_template(
        name,
        error_code=status,
        message=message,
        way_on=way_on,
        request_id=g.get("request_id", "-"),
        retry_after=headers.get("Retry-After"),
    )
    response = Response(body, status, content_type="text/html; charset=utf-8")
    response.headers.update(headers)
    return response


def _error_pages(app: Flask) -> None:
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(MethodNotAllowed, _not_to_be_shown)
    app.register_error_handler(HTTPException, lambda error: error_page(error.code or 500))
    app.register_error_handler(Exception, _broken)


def _stale_form(error: CSRFError) -> Response:
    """The form's token is not this session's any more: the way on is the page it stood on, loaded anew."""
    way_on = [(page_frame.address_here(), _("Seite neu laden"))]
    return error_page(400, _("Die Seite war zu lange offen. Bitte laden Sie sie neu."), way_on=way_on)


def _not_to_be_shown(error: MethodNotAllowed) -> Response:
    """Who opens what only takes a form, as a refused one leaves it in the browser, is led to the page above."""
    looks = request.method == "GET" and "text/html" in request.accept_mimetypes.values()  # else it is a program
    if looks and request.routing_exception is error and not htmx.wants_fragment():
        return htmx.see_other(quote(page_frame.page_above()))
    way = page_frame.page_above() if request.method == "GET" else page_frame.address_here()
    return error_page(405, way_on=[(way, _("Zurück zur Seite"))])


def _refused(error: DomainError) -> Response:
    retry = error.details.get("retry_after_seconds")
    headers = {"Retry-After": str(retry)} if retry else {}
    return error_page(error.status, error.message, headers=headers)


def _broken(error: Exception) -> Response:
    """A page that needs neither database nor user: perhaps it is the database that is gone."""
    log.exception("request %s failed", g.get("request_id", "-"))
    db.session.rollback()
    g._login_user = login_manager.anonymous_user()  # nobody asks the database who this is
    refresh()
    if htmx.wants_fragment():
        return error_page(500)
    status = 503 if isinstance(error, OperationalError) else 500
    body = render_template("errors/500.html", error_code=status, request_id=g.get("request_id", "-"))
    return Response(body, status, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


def _health(app: Flask) -> None:
    @access.public
    def health() -> Response:
        db.session.execute(text("SELECT 1"))
        return jsonify(status="ok")

    limiter.exempt(health)
    app.add_url_rule("/health", "health", health)
