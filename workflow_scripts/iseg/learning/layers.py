"""What the networks of this study have in common."""

MODALITIES, CLASSES = 2, 4  # T1 and T2; air, CSF, grey and white matter


def scaled(channels: int, width: float, step: int = 1) -> int:
    """A number of hidden channels times the width: the nearest multiple of `step`, and at least one step."""
    return step * max(1, round(channels * width / step))
