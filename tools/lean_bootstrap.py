"""Leaves out of Bootstrap's stylesheet what our pages never use, so that the first view stays small on a phone.

Dropped are the components that we draw ourselves (cards, alerts, navs ...), the colour variants of buttons, and
whatever is named after sm, xl or xxl: sizes and breakpoints. Grid, utilities, forms, dropdown, modal and
offcanvas stay, at their base size and for md and lg.
"""

import re
from collections.abc import Iterator

DROPPED = re.compile(
    r"""
    \.(?: accordion | alert | badge | breadcrumb | bs-(?:popover|tooltip) | card | carousel | display-
      | btn-(?:check|dark|group|info|light|outline|success|toolbar|warning) | figure | focus-ring
      | form-(?:control-color|floating|range|switch) | icon-link | input-group | link- | list-group
      | modal-fullscreen | nav | object-fit | offset | page-(?:item|link) | pagination | placeholder
      | popover | progress | ratio | row-cols | spinner | sticky- | tab- | table | text-bg- | toast
      | tooltip | valid- | is-valid | was-validated | vr )
  | \.[\w-]+-(?:sm|xl|xxl)(?:-|$)
    """,
    re.VERBOSE,
)
ANIMATIONS = re.compile(r"@(?:-webkit-)?keyframes (?:progress|spinner|placeholder)")


def lean(css: str) -> str:
    """`css`, minified as Bootstrap ships it, without the rules whose every selector is unused."""
    return "".join(_kept(css))


def _kept(css: str) -> Iterator[str]:
    for prelude, body in _rules(css):
        if ANIMATIONS.match(prelude):
            continue
        if prelude.startswith(("@media", "@supports")):
            inner = lean(body)
            if inner:
                yield f"{prelude}{{{inner}}}"
        elif prelude.startswith("@") or _used(prelude):
            yield f"{prelude}{{{body}}}"


def _used(selectors: str) -> bool:
    """Whether one selector of the list names no dropped class."""
    return any(not DROPPED.search(one) for one in re.split(r",(?![^(]*\))", selectors))


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """(prelude, body) of each rule on the top level; comments and @charset are skipped."""
    css = re.sub(r"/\*.*?\*/|@charset [^;]*;", "", css, flags=re.DOTALL)
    start, depth, opened = 0, 0, 0
    for place, sign in enumerate(css):
        if sign == "{":
            depth += 1
            opened = place if depth == 1 else opened
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].strip(), css[opened + 1 : place]
                start = place + 1
