"""Leaving out of Bootstrap what we never use, and nothing else."""

import pytest

from tools.lean_bootstrap import lean


@pytest.mark.parametrize(
    "kept",
    [
        ":root{--bs-blue:#0d6efd}",
        "a{color:red}a:hover{color:blue}",
        ".btn{display:inline-block}",
        ".col-md-6{width:50%}",
        "@media (min-width:768px){.d-md-none{display:none!important}}",
        "@media (prefers-reduced-motion:reduce){.btn{transition:none}}",
        ".modal-dialog{margin:1rem}",
        ".visually-hidden:not(caption,.x){position:absolute}",
    ],
)
def test_what_we_use_stays(kept: str) -> None:
    assert lean(kept) == kept


@pytest.mark.parametrize(
    "dropped",
    [
        ".card{border:0}",
        ".card-body,.alert-link{color:red}",
        ".btn-outline-danger:hover{color:red}",
        "@media (min-width:1200px){.d-xl-none{display:none!important}}",
        "@keyframes spinner-border{to{transform:rotate(360deg)}}",
        "/*! a licence */",
    ],
)
def test_what_we_never_use_goes(dropped: str) -> None:
    assert lean(dropped) == ""


def test_a_rule_stays_when_one_of_its_selectors_is_used() -> None:
    assert lean(".card .btn,.btn{margin:0}.card{border:0}") == ".card .btn,.btn{margin:0}"
