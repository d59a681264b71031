"""What accounts tidies up by the clock."""

from sqlalchemy import delete

from b2c_web import jobs
from b2c_web.accounts import limits, sessions
from b2c_web.accounts.models import LoginCode
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db


@jobs.periodic("accounts.purge", cron="17 * * * *")
def purge() -> None:
    """Forget ended sessions, codes that nobody can use any more, and attempts that no limit looks at."""
    with command_transaction():
        sessions.purge_sessions()
    with command_transaction():
        limits.purge_attempts()
    with command_transaction():
        db.session.execute(delete(LoginCode).where(LoginCode.expires_at < now_utc()))
