"""Return visits: results and what follows them, the retry plan, coverage, signals. Pure."""
