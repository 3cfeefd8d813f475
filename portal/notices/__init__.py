"""Messages in the portal: whoever works at a unit is told, in the same transaction."""

from portal.notices.queries import Message, list_notices, unread, waits
from portal.notices.service import Letter, To, tell, tell_many

__all__ = ["Letter", "Message", "To", "list_notices", "tell", "tell_many", "unread", "waits"]
