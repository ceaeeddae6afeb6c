"""The `videollama` command: one file per verb; parses, calls, prints."""
