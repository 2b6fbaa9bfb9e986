"""Stored data sets: where they are looked for, checksums, damaged files, downloads."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from pictures import RED, png

from companion.data import DATA_SETS, ImageSet, check, find, load, read_class_folders
from companion.data import formats as stores
from companion.data.catalogue import DataSet, Form
from companion.data.roots import search_path, verify
from companion.errors import CompanionError


def idx(values: np.ndarray) -> bytes:
    sizes = np.array(values.shape, ">i4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem, count in (("train", 6), ("t10k", 4)):
        images = np.arange(count * 28 * 28).reshape(count, 28, 28) % 256
        (raw / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (raw / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(count))))
    return tmp_path


read_mnist = stores.read_idx_folder("MNIST", "mnist")


def test_idx_files_are_read_as_they_were_written(small_mnist):
    loaded = read_mnist(small_mnist, stores.Request())
    assert loaded.images.shape == (10, 1, 28, 28)
    assert loaded.labels.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    assert loaded.images[1, 0].flatten().tolist() == [k % 256 for k in range(784, 1568)]
    assert len(read_mnist(small_mnist, stores.Request("test"))) == 4


@pytest.mark.parametrize("left", [0, 10, 200])
def test_a_packed_idx_file_cut_short_is_named(small_mnist, left):
    file = small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(
        CompanionError, match=r"train-images-idx3-ubyte(\.gz)?' (cannot be read|is cut short).*Fetch it"
    ):
        read_mnist(small_mnist, stores.Request())


@pytest.mark.parametrize("left", [0, 3, 9, 500])
def test_an_unpacked_idx_file_cut_short_is_named(small_mnist, left):
    packed = small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes())[:left])
    packed.unlink()
    with pytest.raises(CompanionError, match=r"train-images-idx3-ubyte' is cut short"):
        read_mnist(small_mnist, stores.Request())


def test_packed_bytes_that_were_changed_are_named(small_mnist):
    file = small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz"
    content = bytearray(file.read_bytes())
    content[30:60] = b"\xff" * 30
    file.write_bytes(content)
    with pytest.raises(CompanionError, match=r"train-images-idx3-ubyte\.gz' cannot be read"):
        read_mnist(small_mnist, stores.Request())


def test_a_file_with_a_wrong_checksum_is_named_before_it_is_read(small_mnist, own_folders, monkeypatch):
    monkeypatch.setenv("COMPANION_DATA", str(small_mnist))
    for use in (lambda: load("mnist"), lambda: check("mnist")):
        with pytest.raises(
            CompanionError, match=r"train-images-idx3-ubyte\.gz' is damaged: its checksum is \w{32}, exp"
        ):
            use()


def test_a_missing_file_of_a_set_is_named(small_mnist, own_folders, monkeypatch):
    (small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz").unlink()
    monkeypatch.setenv("COMPANION_DATA", str(small_mnist))
    with pytest.raises(CompanionError, match=r"train-images-idx3-ubyte\.gz' of 'mnist' is missing below"):
        load("mnist")


def test_both_kinds_of_checksum_are_told_by_their_length(tmp_path):
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    verify(file, "900150983cd24fb0d6963f7d28e17f72")
    verify(file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    with pytest.raises(CompanionError, match="is damaged"):
        verify(file, "0" * 64)


def test_roots_are_searched_in_their_order_and_the_cache_last(own_folders, monkeypatch):
    first, second, cache = (own_folders / name for name in ("first", "second", "cache"))
    monkeypatch.setenv("COMPANION_DATA", f"{first}:{second}")
    assert search_path() == [first, second, cache]
    for root in (cache, second, first):
        (root / "MNIST" / "raw").mkdir(parents=True)
        assert find("mnist").root == root


def test_a_better_form_in_a_later_root_wins_over_a_lesser_form_in_an_earlier(own_folders, monkeypatch):
    first, second = own_folders / "first", own_folders / "second"
    monkeypatch.setenv("COMPANION_DATA", f"{first}:{second}")
    (first / "cifar10").mkdir(parents=True)
    (first / "cifar10" / "lossless_train.webp").touch()
    assert find("cifar10").root == first
    (second / "cifar-10-batches-py").mkdir(parents=True)
    assert find("cifar10").root == second


# Downloads


def test_a_failed_download_leaves_nothing_behind(tmp_path):
    def download(folder: Path) -> None:
        (folder / "half.bin").write_bytes(b"half")
        raise RuntimeError("the connection was closed")

    with pytest.raises(CompanionError, match=r"The download failed \(the connection was closed\).*COMPANION_DATA"):
        stores.fetch(download, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cancelled_download_leaves_nothing_behind(tmp_path):
    def download(folder: Path) -> None:
        (folder / "half.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stores.fetch(download, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_download_is_complete_before_it_appears_and_replaces_what_was_there(tmp_path):
    cache = tmp_path / "cache"
    (cache / "SET").mkdir(parents=True)
    (cache / "SET" / "old").touch()

    def download(folder: Path) -> None:
        assert folder.parent == cache
        (folder / "SET").mkdir()
        (folder / "SET" / "new").touch()
        assert (cache / "SET" / "old").exists()

    stores.fetch(download, cache)
    assert [file.name for file in (cache / "SET").iterdir()] == ["new"]
    assert [entry.name for entry in cache.iterdir()] == ["SET"]


def test_a_set_is_downloaded_only_when_asked_and_then_found_in_the_cache(own_folders, monkeypatch):
    calls = []

    def download(folder: Path) -> None:
        calls.append(folder)
        (folder / "pets" / "cats").mkdir(parents=True)
        (folder / "pets" / "cats" / "one.png").write_bytes(png(RED))

    def read(root: Path, request: stores.Request) -> ImageSet:
        return read_class_folders(root / "pets", size=request.size or 8)

    monkeypatch.setitem(DATA_SETS, "pets", DataSet("pets", "", (Form("pets", read, {}),), download))
    with pytest.raises(CompanionError, match="is not on this machine"):
        load("pets")
    assert len(load("pets", download=True)) == 1
    assert len(load("pets", download=True)) == 1
    assert len(calls) == 1
    assert find("pets").root == own_folders / "cache"
