"""The tables behind the chapter's explorers."""

from collections.abc import Sequence

import pandas as pd

from companion.data import ImageSet
from companion.few_data.measurements import sample_indices

POINT = ("arch", "width", "per_class", "weight_decay", "label_noise")
MEASURED = ("seed", "test_accuracy", "train_accuracy")


def recorded_points(table: pd.DataFrame) -> pd.DataFrame:
    """The recorded networks of the sweep over architecture, width, size, weight decay and label noise.

    Only complete sweeps (networks of 1 to 20 images a class at five sizes, digits) are taken, so that every
    combination of the controls has a record.
    """
    rows = table[(table["arm"] == "network") & (table["data"] == "digits") & (table["sizes"].map(len) == 5)]
    return rows[[*POINT, *MEASURED]].sort_values([*POINT, "seed"], ignore_index=True)


def recorded_curve(table: pd.DataFrame) -> pd.DataFrame:
    """Test errors of the multi-layer perceptron against the total number of images: columns n, error, seed."""
    rows = table[table["arm"] == "curve"]
    return pd.DataFrame({"n": rows["train_images"], "error": 1 - rows["test_accuracy"], "seed": rows["seed"]})


def training_image_rows(
    images: ImageSet, sizes: Sequence[int], split_seeds: Sequence[int], largest: int
) -> pd.DataFrame:
    """The training images themselves: one row an image for every size and split seed, pixels from 0 to 1."""
    rows = []
    for split_seed in split_seeds:
        for per_class in sizes:
            chosen = images[sample_indices(images, per_class, split_seed, largest).train]
            rows += [
                {"image": pixels, "digit": images.classes[label], "per_class": per_class, "split_seed": split_seed}
                for pixels, label in zip(chosen.scaled()[:, 0].numpy(), chosen.labels.tolist(), strict=True)
            ]
    return pd.DataFrame(rows)
