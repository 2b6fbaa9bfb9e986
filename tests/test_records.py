"""Records: one JSON file a run, written whole or not at all, and read as one tidy table."""

import json
import logging
import math
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from companion.errors import CompanionError
from companion.records import Record, Records, table, write_atomically

ROWS = [
    {"arm": "network", "width": 4, "seed": 0, "test_accuracy": 0.5, "curve_loss": [2.3, 1.0, 0.1], "stopped": True},
    {"arm": "network", "width": 4, "seed": 1, "test_accuracy": math.nan, "curve_loss": [2.3], "stopped": False},
    {"arm": "baseline", "test_accuracy": 0.25},
]


def record(**parameters) -> Record:
    return Record("few_data", "quick", {"per_class": 5, "widths": [4, 16], **parameters}, ROWS, {"date": "today"}, 1.5)


# Keys


def test_the_key_depends_on_the_experiment_and_the_parameters_alone():
    key = record().key
    assert Record("few_data", "quick", {"widths": [4, 16], "per_class": 5}, [], {"date": "later"}).key == key
    assert record(per_class=6).key != key
    assert Record("sugar", "quick", record().parameters, ROWS).key != key
    assert len(key) == 12
    assert int(key, 16) >= 0


def test_a_tuple_and_a_list_of_the_same_values_have_the_same_key():
    assert record(widths=(4, 16)).key == record(widths=[4, 16]).key


def test_the_key_of_known_parameters_is_the_same_in_every_process_and_version():
    assert Record("few_data", "quick", {"per_class": 5, "widths": [4, 16]}, []).key == "869692317f5e"


# Reading back


def test_a_record_comes_back_with_curves_and_with_nothing_where_there_was_no_number(tmp_path):
    path = Records(tmp_path).write(record())
    assert path == tmp_path / "few_data" / record().file_name
    (back,) = Records(tmp_path)
    assert (back.parameters, back.provenance, back.seconds) == (record().parameters, {"date": "today"}, 1.5)
    assert back.rows[0] == ROWS[0]
    assert back.rows[1]["test_accuracy"] is None
    assert back.rows[2] == {"arm": "baseline", "test_accuracy": 0.25} | dict.fromkeys(
        ("width", "seed", "curve_loss", "stopped")
    )


def test_numbers_of_numpy_and_torch_are_stored_as_numbers_with_six_digits(tmp_path):
    rows = [{"a": np.float32(1 / 3), "b": torch.tensor(2), "c": np.array([1, 2]), "d": math.inf, "e": np.int64(3)}]
    Records(tmp_path).write(Record("x", "quick", {}, rows))
    (back,) = Records(tmp_path)
    assert back.rows == [{"a": 0.333333, "b": 2, "c": [1, 2], "d": None, "e": 3}]


def test_writing_the_same_key_again_replaces_the_record(tmp_path):
    Records(tmp_path).write(record())
    Records(tmp_path).write(Record("few_data", "quick", record().parameters, ROWS[:1]))
    (back,) = Records(tmp_path)
    assert len(back.rows) == 1


def test_a_record_is_found_by_its_key(tmp_path):
    records = Records(tmp_path)
    records.write(record())
    assert records.find(record()).rows[0] == ROWS[0]
    assert records.find(record().key) is not None
    assert records.find(record(per_class=6)) is None


def test_an_empty_or_missing_folder_holds_no_records(tmp_path):
    assert list(Records(tmp_path / "nowhere")) == []
    assert table(tmp_path / "nowhere").empty


def test_the_folder_of_records_is_named_by_the_environment(own_folders):
    assert Records().folder == own_folders / "records"
    assert Records("elsewhere").folder == Path("elsewhere")


def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(tmp_path):
    (tmp_path / "few_data").write_text("a file where the folder should be")
    with pytest.raises(CompanionError, match=r"cannot be written to .*few_data.*Choose another folder"):
        Records(tmp_path).write(record())


# Damage


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda text: text[: len(text) // 2], "not a complete record"),
        (lambda text: "", "not a complete record"),
        (lambda text: "[]", "not a complete record"),
        (lambda text: text.replace('"format": 1', '"format": 99'), "another version"),
        (lambda text: text.replace('"per_class": 5', '"per_class": 6'), "edited by hand"),
        (lambda text: text.replace("2.3,\n", "", 1).replace('"network",\n', "", 1), "not a complete record"),
        (lambda text: json.dumps(json.loads(text) | {"columns": None}), "not a complete record"),
    ],
)
def test_a_damaged_record_is_named_in_the_log_and_skipped_without_losing_others(tmp_path, caplog, damage, word):
    records = Records(tmp_path)
    records.write(record(per_class=7))
    path = records.write(record())
    path.write_text(damage(path.read_text()))
    with caplog.at_level(logging.WARNING):
        kept = list(records)
    assert [one.parameters["per_class"] for one in kept] == [7]
    assert str(path) in caplog.text
    assert word in caplog.text


def test_bytes_that_are_no_text_are_skipped_too(tmp_path, caplog):
    path = Records(tmp_path).write(record())
    path.write_bytes(b"\xff\xfe\x00")
    assert list(Records(tmp_path)) == []
    assert path.name in caplog.text


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "file.json"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "new \ud800")
    assert [file.name for file in tmp_path.iterdir()] == ["file.json"]
    assert target.read_text() == "old"


def _write_for_ever(folder: str) -> None:
    rows = [{"seed": seed, "curve": [0.5] * 2000} for seed in range(50)]
    for k in range(10**6):
        Records(folder).write(Record("few_data", "quick", {"k": k % 3}, rows))


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3])
def test_a_writer_killed_at_any_moment_leaves_whole_records_or_none(tmp_path, pause):
    writer = get_context("fork").Process(target=_write_for_ever, args=(str(tmp_path),))
    writer.start()
    while not (tmp_path / "few_data").is_dir():
        time.sleep(0.01)
    time.sleep(pause)
    writer.kill()
    writer.join()
    records, files = list(Records(tmp_path)), list(tmp_path.glob("few_data/*.json"))
    assert len(records) == len(files), "a file that is there is whole"
    assert all(len(one.rows) == 50 for one in records)


def _write_many(folder: str, text: str) -> None:
    for _ in range(30):
        Records(folder).write(Record("few_data", "quick", {"k": 1}, [{"who": text * 20_000}]))


def test_two_writers_of_the_same_key_leave_one_whole_record(tmp_path):
    context = get_context("fork")
    writers = [context.Process(target=_write_many, args=(str(tmp_path), who)) for who in "ab"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert all(len(one.rows) == 1 for one in Records(tmp_path))
    for writer in writers:
        writer.join()
    (last,) = Records(tmp_path)
    assert last.rows[0]["who"] in ("a" * 20_000, "b" * 20_000)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [file.suffix for file in (tmp_path / "few_data").iterdir()] == [".json"]


# The table


def test_the_table_holds_the_parameters_in_every_row_and_a_rows_own_column_wins():
    rows = table([record(width=99)])
    assert rows["per_class"].tolist() == [5, 5, 5]
    assert rows["width"].iloc[:2].tolist() == [4, 4]
    assert pd.isna(rows["width"].iloc[2]), "a baseline has no width, whatever was declared"
    assert rows["scale"].tolist() == ["quick"] * 3
    assert rows["date"].tolist() == ["today"] * 3


def test_a_fresh_record_and_a_stored_one_give_the_same_table(tmp_path):
    fresh = record(width=99, seed=0)
    Records(tmp_path).write(fresh)
    pd.testing.assert_frame_equal(table([fresh]), table(tmp_path), check_dtype=False)


def test_the_tables_of_several_records_are_merged_and_can_be_selected(tmp_path):
    records = Records(tmp_path)
    records.write(record(per_class=1))
    records.write(record(per_class=2))
    records.write(Record("sugar", "standard", {"alpha": 1}, [{"gain": 2.0}]))
    assert len(table(tmp_path)) == 7
    assert sorted(table(tmp_path, experiment="few_data")["per_class"].unique()) == [1, 2]
    assert table(tmp_path, scale="standard")["gain"].tolist() == [2.0]
    assert table(tmp_path)["key"].nunique() == 3
