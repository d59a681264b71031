"""What the worker does with files. Each is safe to run twice."""

import uuid

from b2c_web.jobs import job, periodic


@job("media.process")
def process(media_id: str) -> None:
    from b2c_web.media.processing import process_lane

    process_lane(uuid.UUID(media_id))


@job("media.forget")
def forget(names: list[str]) -> None:
    """Delete contents that no row names any more."""
    from b2c_web.media.commands import media_store

    for name in names:
        media_store().delete(name)


@periodic("media.clean_up", cron="41 * * * *")
def clean_up() -> None:
    """Delete files that nobody refers to, uploads that never arrived, and what is past its time."""
    from b2c_web.media.cleaning import clean_up as tidy

    tidy()
