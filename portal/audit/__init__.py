"""The audit trail's page; what it shows is written by core.events. Nobody calls this room."""
