"""What flags set of an experiment: single entries, short flags, seeds, and the run of a source."""

import json
import pathlib

import jax
import numpy as np
import pytest
from command_line import TINY_DEMO, call

from metaskill.cli.experiments import find_experiment, short_flags, starting_from
from metaskill.cli.flags import override
from metaskill.cli.vary import parse_seeds, parse_vary
from metaskill.configuration import Assignment, assign
from metaskill.errors import UserError
from metaskill.training.experiment import TrainerConfig
from metaskill.training.population import Member, keys_of
from metaskill.training.run_folder import RunFolder
from metaskill.training.variations import grid, make_members


@pytest.mark.fault(1)
@pytest.mark.parametrize("name", ["maze_spirl", "ant_navigation_hierarchy", "kitchen_spirl"])
def test_a_flag_sets_one_entry_of_options(name: str) -> None:
    config = find_experiment(name)
    others, changed = override(["--config.env.options.episode_length=77", "--report"], config)
    assert changed.env.options == {**config.env.options, "episode_length": 77}
    assert others == ["--report"]
    _, replaced = override(["--config.env.options={'episode_length': 77}"], config)
    assert replaced.env.options == {"episode_length": 77}


@pytest.mark.fault(1)
def test_a_sweep_varies_one_entry_or_several() -> None:
    nav2d = find_experiment("nav2d_maml")
    axes = [parse_vary("env.options.episode_length=10,20"), parse_vary("inner_lr=.1")]
    members = make_members(nav2d, grid(axes), [0])
    assert [member.config.env.options for member in members] == [
        {**nav2d.env.options, "episode_length": length} for length in (10, 20)
    ]
    together = parse_vary("env.options.episode_length,env.options.goal_radius=(10,.1),(20,.2)")
    members = make_members(nav2d, grid([together]), [0])
    assert [member.config.env.options["goal_radius"] for member in members] == [0.1, 0.2]
    assert len({member.program for member in members}) == 2


@pytest.mark.fault(1)
def test_an_option_that_an_environment_does_not_have_is_its_own_to_refuse() -> None:
    _, config = override(["--config.env.options.sise=5"], find_experiment("nav2d_maml"))
    with pytest.raises(UserError, match="point_mass has no option 'sise'"):
        config.make_learner()


@pytest.mark.fault(1)
def test_entries_are_set_on_top_of_the_run_that_from_names(tmp_path: pathlib.Path) -> None:
    skills = find_experiment("maze_skills")
    _, other = override(["--config.embedding.size=5"], skills)
    RunFolder(tmp_path / "run").create("maze_skills", other)
    config = starting_from("maze_spirl", find_experiment("maze_spirl"), str(tmp_path / "run"))
    options = config.source.config.collection.env.options
    _, changed = override(
        ["--config.env.options.size=6", "--config.source.config.collection.env.options.size=4"],
        config,
    )
    assert changed.env.options == {**config.env.options, "size": 6}
    assert changed.source.config.collection.env.options == {**options, "size": 4}
    assert changed.source.config.embedding.size == 5
    # A run is what it was trained to be: what a flag says of it otherwise is refused, not dropped.
    with pytest.raises(UserError, match=r"collection.env.options.size is 4, and there 5"):
        changed.make_learner()


@pytest.mark.fault(12)
def test_two_names_of_one_field_are_refused_with_both_names() -> None:
    axes = [parse_vary("learning_rate=1e-3,1e-4"), parse_vary("hparams.learning_rate=1e-2,1e-5")]
    with pytest.raises(UserError) as refusal:
        make_members(find_experiment("demo"), grid(axes), [0])
    assert "--vary learning_rate and --vary hparams.learning_rate" in str(refusal.value)


@pytest.mark.fault(12)
def test_short_flags_are_names_of_fields_too() -> None:
    demo = find_experiment("demo")
    flags = short_flags("demo", demo, {"seed": 3, "engine": "mjx", "from": None})
    changed = assign(demo, flags)
    assert (changed.trainer.seed, changed.env.engine) == (3, "mjx")
    with pytest.raises(UserError, match=r"--config.trainer.seed and --seed both set"):
        assign(demo, [Assignment("--config.trainer.seed", ("trainer", "seed"), 4), *flags])


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--vary=clip=.1,.2", "--config.hparams.clip=.3"],
            "hparams.clip and --vary clip both",
        ),
        (["--vary=seed=0:2", "--config.trainer.seed=3"], "--config.trainer.seed and --vary seed"),
        (["--vary=env.engine=native,mjx", "--engine=mjx"], "--engine and --vary env.engine"),
        (["--vary=clip,hparams.clip=(.1,.2),(.3,.4)"], "--vary clip and --vary hparams.clip"),
        (["--vary=env.options={}", "--config.env.options.a=1"], "set as a whole too, by --vary"),
    ],
)
def test_a_sweep_overrides_no_flag_in_silence(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("sweep", "demo", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.fault(13)
def test_every_seed_of_32_bits_has_randomness_of_its_own() -> None:
    seeds = [0, 1, 2**31 - 1, 2**31, 3_000_000_000, 2**32 - 1]
    keys = jax.random.key_data(keys_of([Member(0, seed, None, "") for seed in seeds]))
    assert len(np.unique(np.asarray(keys), axis=0)) == len(seeds)
    alone = [jax.random.key_data(jax.random.key(seed)) for seed in seeds]
    np.testing.assert_array_equal(keys, alone)


@pytest.mark.fault(13)
@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 1.5, "first"])
def test_other_seeds_are_refused(seed: object) -> None:
    with pytest.raises(UserError, match=r"TrainerConfig\.seed"):
        TrainerConfig(1, seed=seed)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="gives no seeds"):
        parse_seeds(f"seed={seed}")


@pytest.mark.fault(13)
def test_members_count_up_from_the_seed_to_the_last_one() -> None:
    assert TrainerConfig(1, seed=2**32 - 2, population=2).population == 2
    with pytest.raises(UserError, match="choose a smaller seed"):
        TrainerConfig(1, seed=2**32 - 2, population=3)


@pytest.mark.fault(13)
def test_the_last_seed_trains(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    assert call("train", "demo", *TINY_DEMO, f"--seed={2**32 - 1}", f"--workdir={run}") == 0
    assert json.loads((run / "config.json").read_text())["config"]["trainer"]["seed"] == 2**32 - 1
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {row["seed"] for row in rows} == {2**32 - 1}


def test_the_fields_of_an_experiment_are_listed_with_their_ranges(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("list", "demo") == 0
    lines = capsys.readouterr().out.splitlines()
    (discount,) = (line for line in lines if line.startswith("--config.hparams.discount="))
    assert discount.endswith("float, between 0 and 1")
    assert call("list", "dem") == 2
