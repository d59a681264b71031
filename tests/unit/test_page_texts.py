"""Texts in templates: in the language of the page, also when it changes on the way, and escaped."""

from flask import Flask
from flask_babel import force_locale, refresh
from flask_babel import gettext as _
from markupsafe import Markup

from b2c_web.request_cycle import speak


def written(app: Flask, source: str, autoescape: bool = True, **facts: object) -> str:
    environment = app.jinja_env.overlay(autoescape=autoescape)
    return environment.from_string(source).render(facts)


def test_a_text_follows_the_language(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert written(app, "{{ _('Montag') }}") == "Montag"
        with force_locale("en"):
            assert written(app, "{{ _('Montag') }}") == "Monday" == _("Montag")
        assert written(app, "{{ _('Montag') }}") == "Montag"
        refresh()
        assert written(app, "{{ _('Montag') }}") == "Montag"


def test_outside_of_a_request_it_follows_what_is_spoken(app: Flask) -> None:
    with app.app_context():
        for language, word in (("en", "Monday"), ("de", "Montag"), ("en", "Monday")):
            speak(language)
            assert written(app, "{{ _('Montag') }}") == word


def test_facts_are_escaped_where_markup_is_written(app: Flask) -> None:
    with app.test_request_context():
        assert written(app, "{{ _('%(n)s frei', n=n) }}", n="<b>") == "&lt;b&gt; frei"
        assert written(app, "{{ _('%(n)s frei', n=n) }}", n=Markup("<b>")) == "<b> frei"
        assert written(app, "{{ _('%(n)s frei', n=n) }}", autoescape=False, n="<b>") == "<b> frei"
        assert written(app, "{{ _('19 %%') }}") == "19 %"
