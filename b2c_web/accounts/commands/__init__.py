"""What can be done with an account. Each is one transaction; none calls another."""

from b2c_web.accounts.commands.addresses import add_address, edit_address, remember_contact, remove_address
from b2c_web.accounts.commands.codes import CODE_ENTRY, CODE_REQUEST, enter_code, request_code
from b2c_web.accounts.commands.passwords import check_password, remove_password, set_password
from b2c_web.accounts.commands.profile import (
    confirm_email,
    request_email_code,
    set_language,
    update_profile,
)

__all__ = [
    "CODE_ENTRY",
    "CODE_REQUEST",
    "add_address",
    "check_password",
    "confirm_email",
    "edit_address",
    "enter_code",
    "remember_contact",
    "remove_address",
    "remove_password",
    "request_code",
    "request_email_code",
    "set_language",
    "set_password",
    "update_profile",
]
