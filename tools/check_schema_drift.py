"""Builds a database by the migrations and holds it against the models and against what the schema promises."""

import os
import sys

from flask_migrate import check, upgrade

from b2c_web import create_app
from b2c_web.db_server import ephemeral_server
from b2c_web.flask_extensions import db


def main() -> int:
    """Exit code 1 when models and migrations differ, or when `flask schema validate` misses something."""
    with ephemeral_server() as server:
        app = create_app(dict(os.environ) | {"DATABASE_URL": server.url(), "B2C_ENV": "test"})
        with app.app_context():
            upgrade()
            check()
            db.engine.dispose()
        result = app.test_cli_runner().invoke(args=["schema", "validate"])
        with app.app_context():
            db.engine.dispose()
    print(result.output)
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
