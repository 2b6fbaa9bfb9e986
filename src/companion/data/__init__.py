"""Image data sets by name, any folder of class folders, and the paper's few-sample splits.

::

    from companion.data import few_sample_split, load

    digits = load("digits")                                   # 1797 images, 8 x 8, ships with scikit-learn
    split = few_sample_split(digits.labels, per_class=20, split_seed=42, largest=100)
    train, test = digits[split.train], digits[split.test]
"""

from companion.data.catalogue import DATA_SETS, DataSet, check, find, load
from companion.data.folders import read_class_folders
from companion.data.images import ImageSet
from companion.data.splits import Split, few_sample_split, permute_labels

__all__ = [
    "DATA_SETS",
    "DataSet",
    "ImageSet",
    "Split",
    "check",
    "few_sample_split",
    "find",
    "load",
    "permute_labels",
    "read_class_folders",
]
