"""Data sets that are folders or archives with one folder a class, and what is said when they are damaged."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import BLUE, GREEN, RED, png
from PIL import Image

from companion.data import load, read_class_folders
from companion.errors import CompanionError
from companion.progress import Cancelled, Progress


def zipped(folder: Path, **extra: bytes) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as made:
        for file in sorted(folder.rglob("*.png")):
            made.write(file, file.relative_to(folder.parent))
        for name, content in extra.items():
            made.writestr(name, content)
    return archive


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
