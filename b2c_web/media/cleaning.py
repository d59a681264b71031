"""What goes by itself: files that nobody refers to, uploads that never arrived, photos past their time."""

import uuid
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from b2c_web import jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.media import hooks
from b2c_web.media.models import MediaFile

BATCH = 500


def clean_up() -> int:
    """Delete what nobody refers to after MEDIA_UNREFERRED_HOURS and everything after MEDIA_KEEP_DAYS; how many files.

    In batches, each a transaction of its own: its rows are locked, then everybody is asked whether they use them, so
    that nothing is deleted which somebody refers to at that moment. The contents go by a job of the transaction.
    """
    deleted, after = 0, uuid.UUID(int=0)
    while True:
        with command_transaction():
            batch = _batch(after)
            if not batch:
                return deleted
            after = batch[-1].id
            deleted += _delete(_unused(batch))


def _batch(after: uuid.UUID) -> list[MediaFile]:
    statement = select(MediaFile).where(MediaFile.id > after, MediaFile.created_at < _unreferred_before())
    return list(db.session.scalars(statement.order_by(MediaFile.id).limit(BATCH).with_for_update(skip_locked=True)))


def _unused(batch: list[MediaFile]) -> list[MediaFile]:
    """Past their time, never arrived, or in nobody's use, which is asked only when somebody can answer.

    One that was refused stays as long as somebody names it: there is to be seen what is missing.
    """
    past = now_utc() - timedelta(days=current_app.config["MEDIA_KEEP_DAYS"])
    ids = [file.id for file in batch]
    used = {one for ask in hooks.referred for one in ask(ids)} if hooks.referred else set(ids)
    return [one for one in batch if one.created_at < past or one.received_at is None or one.id not in used]


def _delete(files: list[MediaFile]) -> int:
    names = [name for file in files for name in file.names()]
    for file in files:
        db.session.delete(file)
    if names:
        jobs.defer("media.forget", names=names)
    return len(files)


def _unreferred_before() -> datetime:
    return now_utc() - timedelta(hours=current_app.config["MEDIA_UNREFERRED_HOURS"])
