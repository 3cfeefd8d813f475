"""What gunicorn's master loads before it forks: modules, which all workers share.

Two workers begin in the time of one, and one that died is back at once. Each makes the application itself after the
fork (`wsgi:app`, without --preload), for no two processes may share a connection.
"""

import portal.app  # noqa: F401
