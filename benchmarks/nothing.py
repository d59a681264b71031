"""A Flask app that does nothing: the floor of a start."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page() -> str:
    return "nothing"
