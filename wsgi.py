"""Builds the application, nothing else: `gunicorn wsgi:app`, `flask --app wsgi …`."""

from portal.app import create_app

app = create_app()
