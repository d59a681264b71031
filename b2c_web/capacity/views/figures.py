"""Figures to plan by: forecast, utilisation, and the coming 60 days, each as a page, on paper and as CSV."""

from typing import Any

from flask import Response, request
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.capacity import blueprint, export
from b2c_web.capacity.asking import Asked
from b2c_web.capacity.forecast import WEEKS, forecast
from b2c_web.capacity.scope import picked, planned_workshop
from b2c_web.capacity.utilisation import utilisation
from b2c_web.capacity.words import BLOCKS, LIMIT_ICONS, LIMITS
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE


@blueprint.get("/figures")
@requires("capacity.plan")
def figures() -> Response:
    workshop = planned_workshop(current_user, request.args)
    return htmx.render(
        "capacity/figures.html",
        workshop=workshop,
        kept=picked(current_user, workshop),
        forecast=forecast(workshop.id),
        uses=utilisation(workshop.id),
        past_weeks=WEEKS,
        services=TEXTS,
        LIMITS=LIMITS,
        LIMIT_ICONS=LIMIT_ICONS,
        printed_at=now_utc(),
    )


@blueprint.get("/forecast.csv")
@requires("capacity.plan")
def forecast_csv() -> Response:
    workshop = planned_workshop(current_user, request.args)
    return _file("vorhersage", export.forecast_csv(forecast(workshop.id)))


@blueprint.get("/utilisation.csv")
@requires("capacity.plan")
def utilisation_csv() -> Response:
    workshop = planned_workshop(current_user, request.args)
    return _file("auslastung", export.utilisation_csv(utilisation(workshop.id)))


def _file(name: str, content: str) -> Response:
    answer = Response(content, content_type="text/csv; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}-{today_in(ZONE).isoformat()}.csv")
    return answer


def _coming() -> dict[str, Any]:
    workshop, asked = planned_workshop(current_user, request.args), Asked.read(request.args)
    cells = export.coming_days(asked.question(workshop.id))
    kept = asked.query() | picked(current_user, workshop)
    return {"workshop": workshop, "asked": asked, "cells": cells, "kept": kept}


@blueprint.get("/days")
@requires("capacity.plan")
def coming_days() -> Response:
    words: dict[str, Any] = {"BLOCKS": BLOCKS, "LIMITS": LIMITS, "services": TEXTS, "printed_at": now_utc()}
    return htmx.render("capacity/figures_days.html", **_coming(), **words)


@blueprint.get("/days.csv")
@requires("capacity.plan")
def coming_days_csv() -> Response:
    return _file("kapazitaet", export.days_csv(_coming()["cells"]))
