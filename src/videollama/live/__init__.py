"""Watching what happens now: a rolling memory, looks at regular times, alerts, questions."""
