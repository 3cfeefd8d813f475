"""Each role's start page, the menu, help; the rail of every page. Reads only."""

__all__: list[str] = []  # nothing stands above it but the application
