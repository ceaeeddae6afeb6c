"""Finding the moment in many files that a sentence describes, or that another clip resembles."""
