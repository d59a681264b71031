"""What always holds of files."""

from datetime import timedelta

from b2c_web.checks import by_statement

CHECKS = (
    by_statement(
        "media: an upload is decided within an hour",
        "SELECT id::text FROM media_files WHERE state = 'UPLOADED' AND created_at < :late",
        late_after=timedelta(hours=1),
    ),
)
