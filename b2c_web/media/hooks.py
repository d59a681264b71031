"""What features on the right say about files. Filled in their `init_app`."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping

from b2c_web.accounts.models import User
from b2c_web.media.models import MediaPurpose

MaySomebody = Callable[[User, uuid.UUID], bool]

# may this person see, or add, files of the thing with this id? Nobody may where nothing is registered
may_see: dict[MediaPurpose, MaySomebody] = {}
may_add: dict[MediaPurpose, MaySomebody] = {}

# holds the row of the thing with this id until the end of the transaction, so that its files are counted one by one
lock: dict[MediaPurpose, Callable[[uuid.UUID], object]] = {}

# Asked by the clean-up with ids of files that are old enough to go: which of them are in use? Runs in its
# transaction, with the files locked. As long as nothing is registered, nothing counts as unused.
referred: list[Callable[[Collection[uuid.UUID]], Iterable[uuid.UUID]]] = []


def is_seen_by(user: User, purpose: MediaPurpose, purpose_id: uuid.UUID) -> bool:
    """May this person see files of that thing?"""
    return purpose in may_see and may_see[purpose](user, purpose_id)


def is_added_to_by(user: User, purpose: MediaPurpose, purpose_id: uuid.UUID) -> bool:
    """May this person add files to that thing?"""
    return purpose in may_add and may_add[purpose](user, purpose_id)


def add_referred(function: Callable[[Collection[uuid.UUID]], Iterable[uuid.UUID]]) -> None:
    """Register who uses files; doing it twice changes nothing."""
    if function not in referred:
        referred.append(function)


def registered() -> dict[str, list[str]]:
    """Everything that is filled in, for the test that prints all hooks."""
    found = {"media.referred": [_name(function) for function in referred]}
    answers: Mapping[MediaPurpose, Callable[..., object]]
    for word, answers in (("may_see", may_see), ("may_add", may_add), ("lock", lock)):
        for purpose, function in answers.items():
            found[f"media.{word}[{purpose.value}]"] = [_name(function)]
    return found


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
