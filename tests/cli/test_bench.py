"""Timing the stages of an iteration."""

import json
import pathlib

import pytest
from command_line import call

from metaskill.cli.bench import compare

TINY = [
    "--engine=native",
    "--rounds=2",
    "--config.ppo.num_envs=8",
    "--config.ppo.rollout_length=4",
    "--config.ppo.num_minibatches=2",
    "--config.ppo.policy_hidden=(8,)",
    "--config.ppo.value_hidden=(8,)",
]


def test_stages_are_timed_and_compared_with_an_earlier_file(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, earlier = tmp_path / "now" / "bench.json", tmp_path / "earlier.json"
    earlier.write_text(json.dumps({"figures": {"physics_over_limit": {"value": 1e9}}}))
    assert call("bench", "demo", *TINY, f"--output={output}", f"--compare={earlier}") == 1
    assert "physics_over_limit fell from 1e+09 to" in capsys.readouterr().err
    record = json.loads(output.read_text())
    for stage in ("limit", "physics", "environment", "rollout", "iteration"):
        assert record["figures"][f"{stage}_steps_per_second"]["value"] > 0
    for key in ("environment_over_physics", "iteration_over_rollout", "iteration_over_limit"):
        assert record["figures"][key]["value"] > 0
    assert record["settings"]["iteration_bytes"]["state"] > 0
    assert "commit" in json.dumps(record["provenance"])


def test_only_ratios_that_fell_by_more_than_a_tenth_are_named() -> None:
    before = {"a_over_b": 1.0, "c_over_d": 1.0, "steps_per_second": 1e9, "gone_over_b": 1.0}
    now = {"a_over_b": 0.91, "c_over_d": 0.89, "steps_per_second": 1.0}
    assert compare(before, now) == ["c_over_d fell from 1 to 0.89."]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sinusoid"], "has no environment"),
        (["demo", "--compare=nowhere.json"], "cannot read nowhere.json"),
        (["demo", "--rounds=0"], "rounds"),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("bench", *arguments) == 2
    assert message in capsys.readouterr().err
