"""Where servers and the `flask` command find the application. `python app.py` runs the whole product."""

import sys

if __name__ == "__main__":
    from b2c_web.runner import main

    sys.exit(main())

from b2c_web import create_app

app = create_app()
