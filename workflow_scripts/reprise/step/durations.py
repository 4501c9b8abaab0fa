"""Durations as people say them."""


def duration_text(seconds: float) -> str:
    """A duration as `1 h 02 min`, `3 min 05 s` or `4.2 s`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
