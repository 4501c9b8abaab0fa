"""What the published data set contains, as counted from its lists: images, positives, studies and slides."""

# Images of each official list.
IMAGES: dict[str, dict[str, int]] = {
    "chest": {"train_20": 783, "val_20": 196, "test_WithLabel": 1161, "test_WithoutLabel": 2708},
    "colon": {"train_20": 1677, "val_20": 681, "test_WithLabel": 3296, "test_WithoutLabel": 4355},
    "endo": {"train_20": 743, "val_20": 186, "test_WithLabel": 881, "test_WithoutLabel": 2055},
}
# Images with each finding, in the order of the labels; no list tells those of test_WithoutLabel.
POSITIVES: dict[str, dict[str, tuple[int, ...]]] = {
    "chest": {
        "trainval": (255, 129, 193, 245, 163, 91, 97, 135, 135, 112, 55, 49, 34, 43, 17, 19, 12, 10, 10),
        "test_WithLabel": (428, 199, 273, 271, 224, 161, 212, 141, 151, 157, 124, 136, 44, 93, 35, 20, 13, 4, 12),
    },
    "colon": {"trainval": (887,), "test_WithLabel": (1000,)},
    "endo": {"trainval": (220, 250, 153, 108), "test_WithLabel": (196, 222, 69, 0)},
}
# Studies of endoscopy and slides of colon: of trainval and of both tests; and those that two lists share.
STUDIES: dict[str, dict[str, int]] = {
    "colon": {"trainval": 79, "test_WithLabel": 308, "test_WithoutLabel": 313},
    "endo": {"trainval": 23},
}
SHARED: dict[tuple[str, str], dict[str, int]] = {
    ("train_20", "val_20"): {"colon": 0, "endo": 22},
    ("trainval", "test_WithLabel"): {"colon": 0, "endo": 0},
    ("test_WithLabel", "test_WithoutLabel"): {"colon": 304, "endo": 1},
}
# Different images of a support set that are in its validation list, too, by shots, of all experiments.
OVERLAPS: dict[str, dict[int, str]] = {
    "chest": {1: "17-19 of 18-19 each", 5: "76-87 of 88-93 each", 10: "129-148 of 160-171 each"},
    "colon": {1: "0", 5: "0", 10: "0"},
    "endo": {1: "all but 0-5 each", 5: "106-167 each", 10: "167-188 of 289-366 each"},
}


def shares_of(task: str, pool: str) -> list[float]:
    """The share of the images of trainval or test_WithLabel that has each finding."""
    parts = ("train_20", "val_20") if pool == "trainval" else (pool,)
    return [count / sum(IMAGES[task][part] for part in parts) for count in POSITIVES[task][pool]]
