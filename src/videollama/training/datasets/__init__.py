"""Training data: one file per format, all read into one form (`record.py`)."""
