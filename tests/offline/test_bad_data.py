"""Whatever was done to a data set, reading it ends in a sentence and does nothing."""

import pathlib

from benchmarks.bad_data import Damage, check, read_damaged


def test_no_damage_is_read_or_ends_in_a_traceback() -> None:
    endings = check(examples=250, chosen_seed=1)
    assert [ending for ending in endings if not ending.is_right] == []
    kinds = {ending.kind for ending in endings}
    assert {"flip bytes", "an archive: object array", "a shard's name in the manifest"} <= kinds


def test_the_check_knows_a_data_set_that_was_read(tmp_path: pathlib.Path) -> None:
    ending = read_damaged(Damage("none", lambda _: None), tmp_path)
    assert ending.error == ""
    assert not ending.is_right
