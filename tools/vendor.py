"""Copies what the browser gets from the installed npm packages into static/vendor/.

Run by `make setup`. Uses the standard library only.
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


def fill(packages: Path = PACKAGES, vendor: Path = VENDOR) -> None:
    """Makes `vendor` hold exactly FILES, Bootstrap without what we never use.

    Raises FileNotFoundError when a package lacks one of them.
    """
    draft = vendor.with_name("vendor.new")
    shutil.rmtree(draft, ignore_errors=True)
    for target, source in FILES.items():
        (draft / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(packages / source, draft / target)
    stylesheet = draft / "bootstrap.min.css"
    stylesheet.write_text(lean(stylesheet.read_text()))
    shutil.rmtree(vendor, ignore_errors=True)
    draft.rename(vendor)


def complete(vendor: Path = VENDOR) -> bool:
    """Whether every file is there."""
    return all((vendor / target).is_file() for target in FILES)


if __name__ == "__main__":
    fill()
    print(f"{len(FILES)} files in {VENDOR.relative_to(CLONE)}/")
