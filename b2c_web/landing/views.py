"""The front page, its postal-code check, and the legal pages."""

from flask import Response, render_template, request

from b2c_web import clock, htmx
from b2c_web.access import public
from b2c_web.landing import blueprint, queries


@blueprint.get("/")
@public
def index() -> Response:
    return _front_page()


@blueprint.get("/reach")
@public
def reach() -> Response:
    if not htmx.wants_fragment():
        return _front_page()
    plz = _typed_postal_code() or ""
    answer = queries.reach(plz)
    return htmx.render("landing/_reach.html", status=_status(answer), plz=plz, reach=answer)


def _front_page() -> Response:
    plz = _typed_postal_code()
    answer = queries.reach(plz)
    front = queries.front_page(clock.now_utc())
    return htmx.render("landing/index.html", status=_status(answer), front=front, plz=plz or "", reach=answer)


def _typed_postal_code() -> str | None:
    plz = request.args.get("plz")
    return None if plz is None else plz.strip()


def _status(answer: queries.ReachAnswer | None) -> int:
    return 422 if answer and answer.answer is queries.Answer.MALFORMED else 200


@blueprint.get("/imprint")
@public
def imprint() -> str:
    return render_template("pages/imprint.html")


@blueprint.get("/privacy")
@public
def privacy() -> str:
    return render_template("pages/privacy.html")


@blueprint.get("/terms")
@public
def terms() -> str:
    return render_template("pages/terms.html")


@blueprint.get("/withdrawal")
@public
def withdrawal_notice() -> str:
    return render_template("pages/withdrawal.html")


@blueprint.get("/help")
@public
def help() -> str:
    return render_template("pages/help.html")
