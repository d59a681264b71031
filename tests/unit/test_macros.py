"""The macros that every page is made of."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest
from flask import Flask, render_template_string
from flask_babel import Babel, force_locale
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField

from b2c_web import ROOT, formatting, page_frame
from b2c_web.bookings.models import BookingStatus, MoveState, PaymentStatus
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.extensions.models import AuthorizationStatus, ExtensionStatus
from b2c_web.notifications.models import NotificationStatus
from b2c_web.odoo.models import SyncStatus
from b2c_web.payments.models import PaymentState, RefundState
from b2c_web.workshops.models import JockeyStatus, VehicleStatus
from tools import i18n

STATES = {
    "booking": BookingStatus,
    "payment": PaymentStatus,
    "charge": PaymentState,
    "refund": RefundState,
    "move": MoveState,
    "extension": ExtensionStatus,
    "authorization": AuthorizationStatus,
    "assignment": AssignmentStatus,
    "ronja": VehicleStatus,
    "jockey": JockeyStatus,
    "message": NotificationStatus,
    "sync": SyncStatus,
}
IMPORT = '{% import "macros/ui.html" as ui %}'


@pytest.fixture(scope="module")
def app() -> Flask:
    """Just enough of an application to draw with: no database, no session."""
    i18n.main(["compile"])
    bare = Flask("bare", root_path=str(ROOT))
    bare.config.update(
        SECRET_KEY="x", BABEL_DEFAULT_LOCALE="de", BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations")
    )
    Babel(bare)
    formatting.init_app(bare)
    page_frame.init_app(bare)
    return bare


class Inquiry(FlaskForm):
    street = StringField("Straße", description="Mit Hausnummer.")
    size = SelectField("Klasse", choices={"a": "A", "b": "B"})
    way = RadioField("Weg", choices={"x": "X", "y": "Y"})


def draw(app: Flask, source: str, **context: object) -> str:
    with app.test_request_context():
        return render_template_string(IMPORT + source, **context)


@pytest.mark.parametrize(("kind", "states"), STATES.items())
def test_every_state_has_an_icon_and_a_word(app: Flask, kind: str, states: type[StrEnum]) -> None:
    for state in states:
        drawn = draw(app, "{{ ui.status(state, kind) }}", state=state, kind=kind)
        assert f'data-status="{state.value.lower().replace("_", "-")}"' in drawn
        assert "#icon-" in drawn
        assert drawn.split("</svg>")[1].split("</span>")[0].strip()


def test_a_state_speaks_the_language_of_the_request(app: Flask) -> None:
    source = "{{ ui.status('IN_WORKSHOP') }}"
    with app.test_request_context():
        with force_locale("de"):
            german = render_template_string(IMPORT + source)
        with force_locale("en"):
            english = render_template_string(IMPORT + source)
    assert "In der Werkstatt" in german
    assert "In the workshop" in english


def test_an_icon_speaks_only_when_it_stands_alone(app: Flask) -> None:
    assert 'aria-hidden="true"' in draw(app, "{{ ui.icon('key') }}")
    assert 'aria-label="Menü"' in draw(app, "{{ ui.icon('key', 'Menü') }}")


def test_a_field_ties_label_error_and_hint(app: Flask) -> None:
    with app.test_request_context():
        form = Inquiry(meta={"csrf": False})
        form.street.errors = ["Die Hausnummer fehlt."]
        drawn = render_template_string(IMPORT + "{{ ui.field(f, autocomplete='street-address') }}", f=form.street)
    assert 'label for="street"' in drawn
    assert 'aria-invalid="true"' in drawn
    assert 'aria-describedby="street-error street-hint"' in drawn
    assert 'autocomplete="street-address"' in drawn
    assert "Die Hausnummer fehlt." in drawn
    assert "Mit Hausnummer." in drawn


def test_a_field_without_errors_is_quiet(app: Flask) -> None:
    with app.test_request_context():
        drawn = render_template_string(IMPORT + "{{ ui.field(f) }}", f=Inquiry(meta={"csrf": False}).size)
    assert "form-select" in drawn
    assert "aria-" not in drawn


def test_the_summary_links_to_what_has_to_be_mended(app: Flask) -> None:
    with app.test_request_context():
        form = Inquiry(meta={"csrf": False})
        form.street.errors = ["Die Hausnummer fehlt."]
        form.way.errors = ["Bitte wählen."]
        drawn = render_template_string(IMPORT + "{{ ui.error_summary(form) }}", form=form)
    assert 'role="alert"' in drawn
    assert "Bitte prüfen Sie 2 Angaben" in drawn
    assert 'href="#street"' in drawn
    assert 'href="#way-0"' in drawn  # the first option: a group itself takes no focus


def test_no_errors_no_summary(app: Flask) -> None:
    with app.test_request_context():
        drawn = render_template_string(IMPORT + "{{ ui.error_summary(form) }}", form=Inquiry(meta={"csrf": False}))
    assert drawn.strip() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1740, "noch 29 Minuten"), (61, "noch 2 Minuten"), (60, "noch eine Minute"), (0, "Die Zeit ist um.")],
)
def test_a_hold_counts_whole_minutes(app: Flask, seconds: int, text: str) -> None:
    source = "{{ ui.hold_countdown(at, seconds) }}"
    drawn = draw(app, source, at=datetime(2026, 11, 24, 12, tzinfo=UTC), seconds=seconds)
    assert drawn.split(">", 1)[1].split("<")[0].strip() == text


def test_only_steps_behind_are_links(app: Flask) -> None:
    steps = [("Auto", "/1"), ("Service", "/2"), ("Termin", "/3")]
    drawn = draw(app, "{{ ui.progress_line(steps, 2) }}", steps=steps)
    assert 'href="/1"' in drawn
    assert 'href="/2"' not in drawn
    assert 'href="/3"' not in drawn
    assert drawn.count('aria-current="step"') == 1


def test_what_a_person_typed_is_escaped(app: Flask) -> None:
    assert "<b>" not in draw(app, "{{ ui.plate(text) }}", text="<b>")
