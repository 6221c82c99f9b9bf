"""Both engines give the same control step while fingers, blocks and handles touch.

Tolerance: see tests/physics/test_engine_parity.
"""

import pytest

from benchmarks.arm import SCENES, parity


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_native_and_mjx_agree_where_experts_are_at_work(scene: str) -> None:
    for _, figure in parity(scene):
        assert figure.passed
