"""What another library says is wrong with a file, short enough for one sentence of ours."""

_LONGEST = 160


def reason_in(error: Exception) -> str:
    """The first sentence of an error, without its end; the kind of error where it says nothing.

    Errors that only wrap another are skipped: the cause tells what is wrong.
    """
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    lines = str(error).strip().splitlines()
    sentence = lines[0].split(". ")[0].rstrip(".: ") if lines else ""
    return sentence[:_LONGEST] or type(error).__name__
