"""A real training step, killed at random moments, gives the results of an undisturbed one."""

from pathlib import Path

from training_step import small_store, survive_kills


def test_training_survives_random_kills(tmp_path: Path) -> None:
    small_store(tmp_path)
    survive_kills(tmp_path, tmp_path, 5, 0, "--checkpoint-every", "1 steps")
