"""The product's texts: German stands in the code, English in translations/en/parts/*.po.

compile   merge the parts into the catalogue that the application reads, when one of them is newer
check     fail unless every text has English with the same placeholders, and every English entry is used
missing   print a skeleton of the entries that lack English; PATH... narrows it to files below those paths
stats     count texts and translations

German needs no catalogue: gettext answers a text that it does not know with the text itself, and its
plural rule without a catalogue (one, or not one) is the German one.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported late: `stale` must answer before anything is installed
    from babel.messages.catalog import Catalog, Message

CLONE = Path(__file__).resolve().parents[1]
PYTHON = [("b2c_web/**.py", "python")]
TEMPLATES = [("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]
JINJA = {"extensions": "jinja2.ext.do,jinja2.ext.loopcontrols", "silent": "false"}
OWN_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_l": None,
    "lazy_gettext": None,
    "lazy_ngettext": (1, 2),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[#0 +-]*\d*(?:\.\d+)?[a-zA-Z]|\{(\w+)[^{}]*\}")
GERMAN_LETTER = re.compile(r"[äöüÄÖÜß]")
JINJA_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Project:
    """Where the texts of a project stand."""

    root: Path = CLONE

    @property
    def parts(self) -> Path:
        return self.root / "translations" / "en" / "parts"

    @property
    def catalogue(self) -> Path:
        return self.root / "translations" / "en" / "LC_MESSAGES" / "messages.mo"

    def part_files(self) -> list[Path]:
        return sorted(self.parts.glob("*.po"))


@dataclass
class English:
    """The entries of all parts, and what is wrong with them as a whole."""

    catalogue: "Catalog"
    origin: dict[object, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    by_part: dict[str, int] = field(default_factory=dict)


def stale(project: Project) -> bool:
    """Whether a part changed, came or went since the catalogue was compiled."""
    if not project.parts.exists():
        return False
    newest = max(path.stat().st_mtime_ns for path in [project.parts, *project.part_files()])
    return not project.catalogue.exists() or project.catalogue.stat().st_mtime_ns < newest


def compile_parts(project: Project) -> None:
    """Writes the catalogue; a reader sees the old or the new one, never half of one."""
    from babel.messages.mofile import write_mo

    content = BytesIO()
    write_mo(content, read_english(project).catalogue)
    folder = project.catalogue.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
        draft.write(content.getvalue())
    Path(draft.name).chmod(0o644)
    Path(draft.name).replace(project.catalogue)


def read_english(project: Project) -> English:
    """All parts as one catalogue. Raises babel's PoFileError for a part that cannot be read."""
    from babel.messages.catalog import Catalog

    english = English(Catalog(locale="en"))
    for path in project.part_files():
        entries = list(_read_part(path))
        english.by_part[path.name] = len(entries)
        for message in entries:
            _merge(english, message, path.name)
    return english


def _read_part(path: Path) -> Iterator["Message"]:
    from babel.messages.catalog import Catalog, Message
    from babel.messages.pofile import PoFileParser

    found: list[Message] = []

    class Listing(Catalog):
        # A catalogue keeps the first of two entries with one text and says nothing; we want to hear of it.
        def __setitem__(self, text: object, message: Message) -> None:
            found.append(message)

    with path.open("rb") as lines:
        PoFileParser(Listing(locale="en"), ignore_obsolete=True, abort_invalid=True).parse(lines)
    return (message for message in found if message.id)


def _merge(english: English, message: "Message", part: str) -> None:
    key = _key(message)
    known = english.catalogue.get(key[0], message.context)
    if known is None:
        english.catalogue[message.id] = message
        english.origin[key] = part
    elif english.origin[key] == part:
        english.faults.append(f"{part}: twice: {_shown(message)}")
    elif known.string != message.string or known.id != message.id:
        english.faults.append(f"{part} and {english.origin[key]} disagree: {_shown(message)}")


def _key(message: "Message") -> tuple[str, str | None]:
    text = message.id if isinstance(message.id, str) else message.id[0]
    return text, message.context


def _shown(message: "Message") -> str:
    where = "".join(f" ({path}:{line})" for path, line in message.locations[:1])
    return f"{_key(message)[0]!r}{where}"


def read_german(project: Project) -> "Catalog":
    """Every text of the code and the templates, with its places."""
    from babel.messages.catalog import Catalog

    texts = Catalog(locale="en")
    for method, options in ((PYTHON, {}), (TEMPLATES, {pattern: JINJA for pattern, _ in TEMPLATES})):
        _extract(project, texts, method, options)
    return texts


def _extract(
    project: Project, texts: "Catalog", method: list[tuple[str, str]], options: dict[str, dict[str, str]]
) -> None:
    from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

    found = extract_from_dir(
        str(project.root), method, options, {**DEFAULT_KEYWORDS, **OWN_KEYWORDS}, directory_filter=_not_hidden
    )
    for path, line, text, _comments, context in found:
        flags = {"template"} if path.startswith("templates") else set()
        texts.add(text, None, [(path, line)], flags=flags, context=context)


def _not_hidden(folder: str) -> bool:
    name = Path(folder).name
    return not name.startswith(".") and name not in {"node_modules", "instance", "static", "tests"}


def faults(project: Project) -> list[str]:
    """Everything that `check` objects to, one sentence each."""
    german, english = read_german(project), read_english(project)
    found = list(english.faults)
    for message in _entries(german):
        translation = english.catalogue.get(_key(message)[0], message.context)
        found += _faults_of(message, translation)
    for message in _entries(english.catalogue):
        if german.get(_key(message)[0], message.context) is None:
            found.append(f"{english.origin[_key(message)]}: no longer used: {_shown(message)}")
    return found + _bare_german(project)


def _entries(catalogue: "Catalog") -> Iterable["Message"]:
    return (message for message in catalogue if message.id)


def _faults_of(german: "Message", english: "Message | None") -> list[str]:
    if english is None or english.fuzzy or not all(_forms(english.string)):
        return [f"no English: {_shown(german)}"]
    if len(_forms(german.id)) != len(_forms(english.id)):
        return [f"plural in one language only: {_shown(german)}"]
    if _forms(german.id) != _forms(english.id):
        return [f"another German plural in the English part: {_shown(german)}"]
    pairs = list(zip(_forms(german.id), _forms(english.string), strict=True))
    if any(_placeholders(ours) != _placeholders(theirs) for ours, theirs in pairs):
        return [f"other placeholders in English: {_shown(german)}"]
    formatted = "template" in german.flags or any(_placeholders(text) for text in _forms(german.id))
    if formatted and not all(_can_be_formatted(text) for pair in pairs for text in pair):
        return [f"a lone % (write %%): {_shown(german)}"]
    return []


def _forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _placeholders(text: str) -> set[str]:
    return {percent or brace for percent, brace in PLACEHOLDER.findall(text)}


class _Anything(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 1


def _can_be_formatted(text: str) -> bool:
    try:
        text % _Anything()
    except (TypeError, ValueError):
        return False
    return True


def _bare_german(project: Project) -> list[str]:
    """Template lines with a German letter outside every Jinja expression: text that English would not see."""
    found = []
    for path in sorted((project.root / "templates").rglob("*.*")):
        blanked = JINJA_CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), path.read_text())
        for number, line in enumerate(blanked.splitlines(), 1):
            if GERMAN_LETTER.search(line):
                found.append(f"German outside _(): {path.relative_to(project.root)}:{number}: {line.strip()}")
    return found


def run_check(project: Project, paths: list[str]) -> int:
    found = faults(project)
    for sentence in found:
        print(sentence)
    print(f"{len(found)} faults" if found else "every text has its English")
    return 1 if found else 0


def run_compile(project: Project, paths: list[str]) -> int:
    if stale(project):
        compile_parts(project)
        print(f"{project.catalogue.relative_to(project.root)} compiled")
    return 0


def run_missing(project: Project, paths: list[str]) -> int:
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    english = read_english(project).catalogue
    lacking = Catalog(locale="en", fuzzy=False)
    for message in _entries(read_german(project)):
        known = english.get(_key(message)[0], message.context)
        if (known is None or not all(_forms(known.string))) and _below(message, paths):
            lacking.add(message.id, None, message.locations, context=message.context)
    content = BytesIO()
    write_po(content, lacking, omit_header=True, width=110)
    sys.stdout.write(content.getvalue().decode())
    return 0


def _below(message: "Message", paths: list[str]) -> bool:
    return not paths or any(place.startswith(path) for place, _line in message.locations for path in paths)


def run_stats(project: Project, paths: list[str]) -> int:
    english = read_english(project)
    for part, count in english.by_part.items():
        print(f"{count:6} {part}")
    print(f"{len(english.catalogue):6} English, {len(read_german(project))} German")
    return 0


COMMANDS: dict[str, Callable[[Project, list[str]], int]] = {
    "compile": run_compile,
    "check": run_check,
    "missing": run_missing,
    "stats": run_stats,
}


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Runs one command; the exit code is 1 when `check` found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("path", nargs="*", help="only texts of files below these (missing)")
    given = parser.parse_args(arguments)
    return COMMANDS[given.command](project or Project(), given.path)


if __name__ == "__main__":
    sys.exit(main())
