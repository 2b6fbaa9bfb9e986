"""Data sets: where they are looked for, how they are read, and what is said when they are damaged."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from companion.data import DATA_SETS, ImageSet, check, find, load, read_class_folders
from companion.data import formats as stores
from companion.data.catalogue import DataSet, Form
from companion.data.roots import search_path, verify
from companion.errors import CompanionError
from companion.progress import Cancelled, Progress

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def png(colour: tuple[int, int, int], size: tuple[int, int] = (20, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def vehicles(tmp_path: Path) -> Path:
    """Two classes whose order depends on case: three red airplanes, two green Motorbikes."""
    for name, colour, count in (("airplanes", RED, 3), ("Motorbikes", GREEN, 2)):
        folder = tmp_path / "vehicles" / name
        folder.mkdir(parents=True)
        for k in range(count):
            (folder / f"image_{k:04}.png").write_bytes(png(colour))
    return tmp_path / "vehicles"


def zipped(folder: Path, **extra: bytes) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as made:
        for file in sorted(folder.rglob("*.png")):
            made.write(file, file.relative_to(folder.parent))
        for name, content in extra.items():
            made.writestr(name, content)
    return archive


# Digits, and what every set can do


def test_digits_are_1797_grey_images_of_8_by_8_from_0_to_16():
    digits = load("digits")
    assert digits.images.shape == (1797, 1, 8, 8)
    assert (digits.images.dtype, digits.labels.dtype) == (torch.uint8, torch.int64)
    assert int(digits.images.max()) == digits.full_scale == 16
    assert digits.classes == tuple("0123456789")
    assert min(digits.counts().values()) == 174


def test_scaled_images_lie_between_0_and_1_and_reach_both():
    scaled = load("digits").scaled()
    assert (float(scaled.min()), float(scaled.max())) == (0, 1)


def test_standardised_images_have_channel_mean_0_and_deviation_1():
    generator = torch.Generator().manual_seed(0)
    images = ImageSet(
        "noise", torch.randint(256, (50, 3, 4, 4), generator=generator).to(torch.uint8), torch.zeros(50).long(), ("a",)
    )
    standardised = images.standardised(dtype=torch.float64)
    torch.testing.assert_close(standardised.mean((0, 2, 3)), torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(standardised.std((0, 2, 3)), torch.ones(3, dtype=torch.float64))


def test_test_images_are_standardised_by_the_training_set():
    digits = load("digits")
    train, test = digits[:100], digits[100:]
    torch.testing.assert_close(
        torch.cat([train.standardised(), test.standardised(like=train)])[:100], train.standardised()
    )
    shifted = test.standardised(like=train) - test.standardised()
    assert float(shifted.abs().max()) > 0


def test_chosen_classes_are_renumbered_in_the_order_of_the_set():
    pair = load("digits", classes=("7", "3"))
    assert pair.classes == ("3", "7")
    assert pair.counts() == {"3": 183, "7": 179}
    assert torch.equal(pair.images, load("digits").images[(load("digits").labels == 3) | (load("digits").labels == 7)])


def test_a_missing_class_is_named_with_the_nearest():
    with pytest.raises(CompanionError, match=r"Unknown class of digits 'nine'"):
        load("digits", classes=("nine",))


def test_a_set_can_be_brought_to_another_size():
    assert load("digits", size=16).images.shape == (1797, 1, 16, 16)


def test_images_that_are_not_uint8_or_do_not_match_their_labels_are_refused():
    with pytest.raises(ValueError, match=r"must be uint8 of shape \[N, C, H, W\]"):
        ImageSet("x", torch.zeros(2, 1, 8, 8), torch.zeros(2).long(), ("a",))
    with pytest.raises(ValueError, match="2 images but 3 labels"):
        ImageSet("x", torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(3).long(), ("a",))


# Names


def test_an_unknown_data_set_is_refused_with_the_nearest(own_folders):
    with pytest.raises(CompanionError, match=r"Unknown data set 'fashion_mnst'\. Did you mean 'fashion_mnist'\?"):
        load("fashion_mnst")


def test_an_unknown_part_or_fit_is_refused_with_the_nearest(vehicles):
    with pytest.raises(CompanionError, match=r"Unknown part 'tests'\. Did you mean 'test'\?"):
        load("digits", "tests")
    with pytest.raises(CompanionError, match=r"Unknown fit 'croop'\. Did you mean 'crop'\?"):
        load(f"folder:{vehicles}", fit="croop")


def test_a_set_without_an_official_split_says_so():
    with pytest.raises(CompanionError, match=r"no official parts: load it with part='all'"):
        load("digits", "train")


def test_a_set_that_is_nowhere_says_where_it_was_looked_for_and_what_to_do(own_folders):
    with pytest.raises(CompanionError) as error:
        load("fashion_mnist")
    for part in (str(own_folders / "cache"), "companion data get fashion_mnist", "COMPANION_DATA"):
        assert part in str(error.value)


# Folders and archives of class folders


def test_classes_are_sorted_in_byte_order_so_motorbikes_come_before_airplanes(vehicles):
    loaded = read_class_folders(vehicles, size=8)
    assert loaded.classes == ("Motorbikes", "airplanes")
    assert loaded.labels.tolist() == [0, 0, 1, 1, 1]
    assert loaded.images[0, :, 0, 0].tolist() == list(GREEN)
    assert loaded.images[-1, :, 0, 0].tolist() == list(RED)


def test_a_folder_and_a_zip_of_it_are_the_same_data_set(vehicles):
    folder, archive = load(f"folder:{vehicles}", size=8), load(f"folder:{zipped(vehicles)}", size=8)
    assert torch.equal(folder.images, archive.images)
    assert torch.equal(folder.labels, archive.labels)
    assert folder.classes == archive.classes


def test_a_relative_folder_is_also_looked_for_below_the_data_roots(vehicles, monkeypatch):
    monkeypatch.setenv("COMPANION_DATA", str(vehicles.parent))
    assert len(load("folder:vehicles", size=8)) == 5
    with pytest.raises(CompanionError, match=r"There is no folder or zip archive 'vehikles'"):
        load("folder:vehikles")


def test_classes_can_be_chosen_or_left_out(vehicles):
    assert load(f"folder:{vehicles}", size=8, classes=("airplanes",)).counts() == {"airplanes": 3}
    assert load(f"folder:{vehicles}", size=8, classes=()).classes == ("Motorbikes", "airplanes")
    assert read_class_folders(vehicles, size=8, leave_out=("airplanes",)).classes == ("Motorbikes",)


def test_a_missing_class_folder_is_named_with_the_nearest(vehicles):
    with pytest.raises(CompanionError, match=r"Unknown class in vehicles 'airplane'\. Did you mean 'airplanes'\?"):
        load(f"folder:{vehicles}", classes=("airplane",))


def test_a_folder_without_class_folders_says_what_was_expected(tmp_path):
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "image.png").write_bytes(png(RED))
    with pytest.raises(CompanionError, match=r"no class folders with images\. Expected CLASS/IMAGE"):
        load(f"folder:{tmp_path / 'flat'}")


def test_an_unreadable_image_is_named(vehicles):
    (vehicles / "airplanes" / "image_0001.png").write_bytes(b"this is no picture")
    with pytest.raises(CompanionError, match=r"image 'airplanes/image_0001\.png' in .* cannot be read"):
        load(f"folder:{vehicles}")


def test_a_picture_cut_in_half_is_named(vehicles):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(vehicles / "airplanes" / "image_0002.png")
    content = (vehicles / "airplanes" / "image_0002.png").read_bytes()
    (vehicles / "airplanes" / "image_0002.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(CompanionError, match=r"image_0002\.png' in .* cannot be read"):
        load(f"folder:{vehicles}")


def test_an_archive_cut_short_is_refused(vehicles):
    archive = zipped(vehicles)
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(CompanionError, match=r"vehicles\.zip' is not a complete zip archive"):
        load(f"folder:{archive}")


def test_a_damaged_member_of_an_archive_is_named(vehicles):
    archive = vehicles.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("cats/one.png", png(RED) * 40)
    content = bytearray(archive.read_bytes())
    content[60:80] = bytes(20)
    archive.write_bytes(content)
    with pytest.raises(CompanionError, match=r"image 'cats/one\.png' in .* cannot be read"):
        load(f"folder:{archive}")


@pytest.mark.parametrize("unsafe", ["../outside/one.png", "/etc/one.png", "cats/../../one.png", "..\\cats\\one.png"])
def test_an_archive_with_a_path_that_leads_outside_is_not_read(vehicles, unsafe):
    archive = zipped(vehicles, **{unsafe: png(BLUE)})
    with pytest.raises(CompanionError, match=r"'vehicles\.zip' holds the unsafe path .* leads outside"):
        load(f"folder:{archive}")


def test_hidden_files_and_files_that_are_no_pictures_are_passed_over(vehicles):
    (vehicles / "airplanes" / "._image_0000.png").write_bytes(b"resource fork")
    (vehicles / "airplanes" / "notes.txt").write_text("mine")
    assert load(f"folder:{vehicles}", size=8).counts() == {"Motorbikes": 2, "airplanes": 3}


def test_crop_keeps_the_centre_and_squash_keeps_everything(tmp_path):
    picture = Image.new("RGB", (30, 10), RED)
    picture.paste(BLUE, (10, 0, 20, 10))
    (tmp_path / "set" / "flags").mkdir(parents=True)
    picture.save(tmp_path / "set" / "flags" / "flag.png")
    cropped = load(f"folder:{tmp_path / 'set'}", size=10).images[0]
    squashed = load(f"folder:{tmp_path / 'set'}", size=10, fit="squash").images[0]
    assert bool((cropped[2] == 255).all())
    assert squashed[:, 5, 0].tolist() == list(RED)
    assert squashed[:, 5, 5].tolist() == list(BLUE)


def test_reading_can_be_cancelled(tmp_path):
    folder = tmp_path / "many" / "one"
    folder.mkdir(parents=True)
    for k in range(100):
        (folder / f"{k}.png").write_bytes(png(RED, (2, 2)))
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        load(f"folder:{folder.parent}", size=2, progress=progress)


# Stored sets: search order, checksums, damaged files


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


# Real data, through COMPANION_DATA


def test_caltech101_holds_798_motorbikes_and_then_800_airplanes(real_data: Callable[[str], None]):
    real_data("caltech101")
    pair = load("caltech101", size=16, classes=("airplanes", "Motorbikes"))
    assert pair.classes == ("Motorbikes", "airplanes")
    assert pair.counts() == {"Motorbikes": 798, "airplanes": 800}
    assert pair.fidelity == "exact"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_mnists_hold_seven_thousand_images_a_class_on_average(real_data: Callable[[str], None], name):
    real_data(name)
    assert len(check(name)) == 4
    images = load(name)
    assert images.images.shape == (70_000, 1, 28, 28)
    assert len(load(name, "test")) == 10_000
    assert sum(images.counts().values()) == 70_000
    if name == "fashion_mnist":
        assert set(images.counts().values()) == {7000}


def test_a_reduced_cifar10_says_that_it_is_a_part(real_data: Callable[[str], None]):
    real_data("cifar10")
    images = load("cifar10", "test")
    assert images.images.shape[1:] == (3, 32, 32)
    assert len(images) == 10_000 or "a part" in images.fidelity
