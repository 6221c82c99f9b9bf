"""Whatever is typed, a command runs or refuses in one line.

`python -m benchmarks.malformed_inputs` draws more.
"""

import pytest

from benchmarks.malformed_inputs import check, check_contents


def test_no_input_ends_in_a_traceback() -> None:
    endings = check(examples=60, chosen_seed=1)
    assert [ending for ending in endings if not ending.is_right] == []
    # Neither all refused nor all let through: the inputs reach deep enough to mean something.
    codes = [ending.code for ending in endings]
    assert codes.count(0) > 5
    assert codes.count(2) > 20


@pytest.mark.fault(16)
def test_every_line_with_a_known_mistake_is_refused_and_writes_nothing() -> None:
    endings = check_contents(examples=60, chosen_seed=1)
    assert [ending for ending in endings if not ending.is_right] == []
    assert len(endings) == 60
