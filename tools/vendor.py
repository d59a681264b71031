"""Copies what the browser gets from the installed npm packages into static/vendor/, and cuts the fonts of papers.

Run by `make setup`.
"""

import shutil
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CLONE))  # found as a script, too

from tools.lean_bootstrap import lean  # noqa: E402

PACKAGES = CLONE / "node_modules"
VENDOR = CLONE / "static" / "vendor"

FONTS = "@fontsource-variable"
# Where each file goes below static/vendor/, and where it comes from below node_modules/.
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "signature_pad.min.js": "signature_pad/dist/signature_pad.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap.bundle.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "fonts/figtree-latin-wght-normal.woff2": f"{FONTS}/figtree/files/figtree-latin-wght-normal.woff2",
    "fonts/figtree-latin-ext-wght-normal.woff2": f"{FONTS}/figtree/files/figtree-latin-ext-wght-normal.woff2",
    "fonts/familjen-grotesk-latin-wght-normal.woff2": (
        f"{FONTS}/familjen-grotesk/files/familjen-grotesk-latin-wght-normal.woff2"
    ),
    "fonts/familjen-grotesk-latin-ext-wght-normal.woff2": (
        f"{FONTS}/familjen-grotesk/files/familjen-grotesk-latin-ext-wght-normal.woff2"
    ),
    "licenses/htmx.txt": "htmx.org/LICENSE",
    "licenses/signature_pad.txt": "signature_pad/LICENSE",
    "licenses/bootstrap.txt": "bootstrap/LICENSE",
    "licenses/figtree.txt": f"{FONTS}/figtree/LICENSE",
    "licenses/familjen-grotesk.txt": f"{FONTS}/familjen-grotesk/LICENSE",
}
# The weights that papers are written in, each from a variable font: to cut one out takes half a second.
WEIGHTS = {
    "print/figtree-latin-400.ttf": ("fonts/figtree-latin-wght-normal.woff2", 400),
    "print/figtree-latin-600.ttf": ("fonts/figtree-latin-wght-normal.woff2", 600),
    "print/figtree-latin-ext-400.ttf": ("fonts/figtree-latin-ext-wght-normal.woff2", 400),
    "print/familjen-grotesk-latin-700.ttf": ("fonts/familjen-grotesk-latin-wght-normal.woff2", 700),
}


def fill(packages: Path = PACKAGES, vendor: Path = VENDOR) -> None:
    """Makes `vendor` hold exactly FILES, Bootstrap without what we never use, and WEIGHTS.

    Raises FileNotFoundError when a package lacks one of them.
    """
    draft = vendor.with_name("vendor.new")
    shutil.rmtree(draft, ignore_errors=True)
    for target, source in FILES.items():
        (draft / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(packages / source, draft / target)
    stylesheet = draft / "bootstrap.min.css"
    stylesheet.write_text(lean(stylesheet.read_text()))
    for target, (font, weight) in WEIGHTS.items():
        (draft / target).parent.mkdir(exist_ok=True)
        cut(draft / font, weight, draft / target)
    shutil.rmtree(vendor, ignore_errors=True)
    draft.rename(vendor)


def cut(source: Path, weight: int, target: Path) -> None:
    """One weight of a variable font as a font of its own."""
    from fontTools.ttLib import TTFont  # setup asks for `complete` before it is installed
    from fontTools.varLib.instancer import instantiateVariableFont

    font = TTFont(source, recalcTimestamp=False)
    instantiateVariableFont(font, {"wght": weight}, inplace=True, static=True)
    font.flavor = None
    font.save(target)


def complete(vendor: Path = VENDOR) -> bool:
    """Whether every file is there."""
    return all((vendor / target).is_file() for target in (*FILES, *WEIGHTS))


if __name__ == "__main__":
    fill()
    print(f"{len(FILES) + len(WEIGHTS)} files in {VENDOR.relative_to(CLONE)}/")
