"""The tool that holds the English texts to the German ones."""

import os
from pathlib import Path

import pytest
from babel.messages.pofile import PoFileError
from flask import Flask, render_template_string
from flask_babel import Babel, force_locale, gettext, ngettext

from tools import i18n
from tools.i18n import Project

PYTHON = 'x = _("Guten Tag")\ny = ngettext("%(num)d Auto", "%(num)d Autos", n)\nz = _("Hallo %(name)s", name=n)\n'
ENGLISH = """
msgid "Guten Tag"
msgstr "Good day"

msgid "%(num)d Auto"
msgid_plural "%(num)d Autos"
msgstr[0] "%(num)d car"
msgstr[1] "%(num)d cars"

msgid "Hallo %(name)s"
msgstr "Hello %(name)s"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.parts.mkdir(parents=True)
    for folder in ("b2c_web/feature", "templates/feature"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "b2c_web/feature/views.py").write_text(PYTHON)
    (made.parts / "feature.po").write_text(ENGLISH)
    return made


def add_template(project: Project, text: str, name: str = "page.html") -> None:
    (project.root / "templates/feature" / name).write_text(text)


def add_part(project: Project, text: str) -> None:
    (project.parts / "other.po").write_text(text)


def test_a_whole_translation_has_no_faults(project: Project) -> None:
    assert i18n.faults(project) == []
    assert i18n.main(["check"], project) == 0


@pytest.mark.parametrize("name", ["page.html", "mail.txt"])
def test_a_text_without_english_is_named_with_its_place(project: Project, name: str) -> None:
    add_template(project, '\n{{ _("Neu hier") }}', name)
    (fault,) = i18n.faults(project)
    assert fault.startswith("no English: 'Neu hier'")
    assert f"templates/feature/{name}:2" in fault


@pytest.mark.parametrize("call", ['_l("Neu")', 'lazy_gettext("Neu")', 'N_("Neu")', 'gettext("Neu")'])
def test_every_way_to_mark_a_text_is_read(project: Project, call: str) -> None:
    (project.root / "b2c_web/feature/forms.py").write_text(f"label = {call}\n")
    assert [fault.split(" (")[0] for fault in i18n.faults(project)] == ["no English: 'Neu'"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"Good day"', '""', "no English"),
        ('msgid "Guten Tag"', '#, fuzzy\nmsgid "Guten Tag"', "no English"),
        ("Hello %(name)s", "Hello %(nam)s", "other placeholders"),
        ("Hello %(name)s", "Hello", "other placeholders"),
        ('msgstr[1] "%(num)d cars"', 'msgstr[1] "cars"', "other placeholders"),
        ('msgstr[1] "%(num)d cars"', 'msgstr[1] ""', "no English"),
        ("Hello %(name)s", "Hello %(name)s, 50 % off", "lone %"),
        ('msgid_plural "%(num)d Autos"', 'msgid_plural "%(num)d Wagen"', "another German plural"),
    ],
)
def test_a_bad_entry_is_named(project: Project, old: str, new: str, fault: str) -> None:
    assert old in ENGLISH
    (project.parts / "feature.po").write_text(ENGLISH.replace(old, new))
    (found,) = i18n.faults(project)
    assert fault in found


def test_a_plural_needs_its_english_plural(project: Project) -> None:
    add_template(project, '{{ ngettext("ein Rad", "%(num)s Räder", 3) }}')
    add_part(project, 'msgid "ein Rad"\nmsgstr "one wheel"\n')
    (fault,) = i18n.faults(project)
    assert fault.startswith("plural in one language only")


def test_a_lone_percent_sign_breaks_a_template_but_not_a_python_text(project: Project) -> None:
    (project.root / "b2c_web/feature/rules.py").write_text('_("19 % MwSt.")\n')
    add_part(project, 'msgid "19 % MwSt."\nmsgstr "19 % VAT"\n')
    assert i18n.faults(project) == []
    add_template(project, '{{ _("19 % MwSt.") }}')
    (fault,) = i18n.faults(project)
    assert "lone %" in fault


def test_an_entry_that_nobody_uses_is_named_with_its_part(project: Project) -> None:
    add_part(project, 'msgid "Alt"\nmsgstr "Old"\n')
    assert i18n.faults(project) == ["other.po: no longer used: 'Alt'"]


def test_parts_may_share_an_entry_but_not_disagree(project: Project) -> None:
    add_part(project, 'msgid "Guten Tag"\nmsgstr "Good day"\n')
    assert i18n.faults(project) == []
    add_part(project, 'msgid "Guten Tag"\nmsgstr "Hello"\n')
    assert i18n.faults(project) == ["other.po and feature.po disagree: 'Guten Tag'"]


def test_an_entry_twice_in_one_part_is_named(project: Project) -> None:
    (project.parts / "feature.po").write_text(ENGLISH + '\nmsgid "Guten Tag"\nmsgstr "Hello"\n')
    assert i18n.faults(project) == ["feature.po: twice: 'Guten Tag'"]


def test_german_outside_the_translation_is_named(project: Project) -> None:
    add_template(project, '{# für uns #}\n<p title="{{ "ä" }}">\nGrüße</p>')
    assert i18n.faults(project) == ["German outside _(): templates/feature/page.html:3: Grüße</p>"]


def test_a_broken_part_or_template_stops_the_check(project: Project) -> None:
    add_part(project, 'msgid "Guten Tag\n')
    with pytest.raises(PoFileError):
        i18n.faults(project)
    add_part(project, "")
    add_template(project, "{% if %}")
    with pytest.raises(Exception, match="Expected an expression"):
        i18n.faults(project)


def test_missing_prints_what_can_be_filled_in(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    add_template(project, '{{ _("Neu") }}{{ ngettext("ein Rad", "%(num)s Räder", 3) }}')
    i18n.main(["missing", "templates/feature"], project)
    skeleton = capsys.readouterr().out
    assert 'msgid "Neu"\nmsgstr ""' in skeleton
    assert 'msgid_plural "%(num)s Räder"\nmsgstr[0] ""' in skeleton
    assert "Guten Tag" not in skeleton
    i18n.main(["missing", "b2c_web"], project)
    assert capsys.readouterr().out == ""


def test_compiles_only_what_is_newer(project: Project) -> None:
    assert i18n.stale(project)
    i18n.main(["compile"], project)
    assert not i18n.stale(project)
    first = project.catalogue.stat().st_mtime_ns
    i18n.main(["compile"], project)
    assert project.catalogue.stat().st_mtime_ns == first
    os.utime(project.parts / "feature.po", ns=(first + 1, first + 1))
    assert i18n.stale(project)
    i18n.main(["compile"], project)
    add_part(project, 'msgid "Alt"\nmsgstr "Old"\n')
    os.utime(project.parts, ns=(first * 2, first * 2))
    assert i18n.stale(project)


def test_the_application_speaks_both_languages(project: Project) -> None:
    i18n.main(["compile"], project)
    app = Flask("speaker", root_path=str(project.root))
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(project.root / "translations")
    Babel(app, default_locale="de")

    def said() -> list[str]:
        words = [ngettext("%(num)d Auto", "%(num)d Autos", n) for n in (0, 1, 2)]
        return [gettext("Guten Tag"), gettext("Hallo %(name)s", name="Ada"), *words]

    with app.test_request_context():
        assert said() == ["Guten Tag", "Hallo Ada", "0 Autos", "1 Auto", "2 Autos"]
        with force_locale("en"):
            assert said() == ["Good day", "Hello Ada", "0 cars", "1 car", "2 cars"]
            assert render_template_string('{{ _("Guten Tag") }}') == "Good day"
