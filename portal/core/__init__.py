"""Plumbing without one business noun: database, scope, clock, jobs, events, storage, errors."""
