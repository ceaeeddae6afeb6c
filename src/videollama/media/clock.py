"""Times as players show them."""


def clock(seconds: float) -> str:
    """A time as players show it, with tenths: "1:05.3", "1:01:05.3"."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    leading = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{leading}:{rest // 10:02}.{rest % 10}"
