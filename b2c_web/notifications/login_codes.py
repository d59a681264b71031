"""The mail with a login code."""

from b2c_web.accounts.hooks import CodeMail
from b2c_web.notifications.commands import add_notification
from b2c_web.notifications.models import NotificationKind


def add_code_mail(mail: CodeMail) -> None:
    """Step: queue the mail with a code, in the transaction that made the code."""
    add_notification(
        NotificationKind.LOGIN_CODE,
        user_id=mail.user_id,
        recipient=mail.recipient,
        language=mail.language,
        dedupe_key=f"login-code:{mail.code_id}",
        context={"code": mail.code, "valid_minutes": mail.valid_minutes},
    )
