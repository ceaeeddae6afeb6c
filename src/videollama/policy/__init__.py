"""Guards: what is asked and answered, looked at before a person reads it."""
