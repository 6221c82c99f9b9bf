"""The trainer: exact resumption, preemption, divergence, and the files of a run."""

import atexit
import dataclasses
import importlib
import importlib.util
import json
import os
import pathlib
import pkgutil
import shutil
import signal
import tempfile
from collections.abc import Iterator

import jax
import numpy as np
import pytest
from past_data import (
    collect_point_mass,
    data_experiment,
    guided_experiment,
    train_into,
)

from metaskill.errors import Preempted, UserError
from metaskill.meta.maml_rl_config import MAMLRLConfig
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.rl.ppo_config import PPOConfig
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.dads import DADSConfig
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig
from metaskill.skills.model import FitConfig
from metaskill.skills.space import SkillSpace
from metaskill.training import checkpoint, state_arrays
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import Experiment, PPOExperiment, TrainerConfig
from metaskill.training.fine_tuning_experiment import FineTuningExperiment
from metaskill.training.hierarchy_experiment import HierarchyExperiment
from metaskill.training.meta_rl_experiment import MetaRLExperiment
from metaskill.training.metrics import read_rows
from metaskill.training.population import members_of
from metaskill.training.prepared import PreparedLearner
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.sac_experiment import SACExperiment
from metaskill.training.signals import stop_on_signals
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source
from metaskill.training.supervised_experiment import ProblemConfig, SupervisedExperiment
from metaskill.training.task_distribution import EnvConfig, FamilyConfig
from metaskill.training.trainer import STOPPING, Outcome, train_population

PPO = PPOConfig(
    num_envs=4,
    rollout_length=8,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)
ITERATIONS_PER_CHUNK = 2
STEPS_PER_CHUNK = PPO.steps_per_iteration * ITERATIONS_PER_CHUNK


def experiment(environment: str, chunks: int, population: int = 1) -> PPOExperiment:
    engine = "native"
    return PPOExperiment(
        env=EnvConfig(environment, engine, {"episode_length": 5}),
        trainer=TrainerConfig(
            env_steps=chunks * STEPS_PER_CHUNK,
            population=population,
            iterations_per_chunk=ITERATIONS_PER_CHUNK,
            chunks_per_evaluation=1,
            chunks_per_checkpoint=1,
            seconds_per_checkpoint=0,
        ),
        ppo=PPO,
    )


class Listening(NoProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


class SignalAfter(Listening):
    """Sends this process a signal after some chunks, as a person or a cluster would."""

    def __init__(self, chunks: int, number: signal.Signals = signal.SIGTERM):
        super().__init__()
        self.left = chunks
        self.number = number

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


class DieAfter(NoProgress):
    """Ends a run between two chunks without letting it save."""

    def __init__(self, chunks: int):
        self.left = chunks

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def run(path: pathlib.Path, config: Experiment, progress=None, experiment: str = "test") -> Outcome:
    """Train as `train` does; runs of one configuration share programs, which take long to make."""
    folder = RunFolder(path)
    folder.create(experiment, config)
    progress = progress or NoProgress()
    if repr(config) not in _programs:
        _programs.clear()
        _programs[repr(config)] = Chunks(config.make_learner(), config.trainer)
    with stop_on_signals(lambda: progress.say(STOPPING)) as stop:
        return train_population(_programs[repr(config)], members_of(config), folder, progress, stop)


_programs: dict[str, Chunks] = {}


def leaves(state: object) -> list[np.ndarray]:
    keyless = jax.tree.map(
        lambda leaf: (
            jax.random.key_data(leaf)
            if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            else leaf
        ),
        state,
    )
    return [np.asarray(leaf) for leaf in jax.tree.leaves(keyless)]


def assert_same_run(a: pathlib.Path, b: pathlib.Path, states: tuple) -> None:
    """Compare two runs bit for bit: all that was learned, and all that was logged."""
    for one, other in zip(*map(leaves, states), strict=True):
        np.testing.assert_array_equal(one, other)
    rows = [list(read_rows(path / "metrics.jsonl")) for path in (a, b)]
    for row in rows[0] + rows[1]:
        del row["seconds"]
    assert rows[0] == rows[1]
    assert rows[0]


def sac_experiment(environment: str, population: int = 1) -> SACExperiment:
    """Random actions in the first iterations, and a replay that is full before the end."""
    sac = SACConfig(
        num_envs=4,
        rollout_length=2,
        updates_per_iteration=2,
        batch_size=8,
        replay_capacity=48,
        warm_up_steps=16,
        policy_hidden=(8,),
        critic_hidden=(8,),
        num_eval_episodes=2,
    )
    return SACExperiment(
        env=EnvConfig(environment, "native", {"episode_length": 5}),
        trainer=TrainerConfig(
            env_steps=4 * ITERATIONS_PER_CHUNK * sac.steps_per_iteration,
            population=population,
            iterations_per_chunk=ITERATIONS_PER_CHUNK,
            chunks_per_evaluation=1,
            chunks_per_checkpoint=1,
            seconds_per_checkpoint=0,
        ),
        sac=sac,
    )


def supervised_experiment() -> SupervisedExperiment:
    updates = 2
    return SupervisedExperiment(
        problem=ProblemConfig("sinusoid", {"hidden": (8,)}),
        trainer=TrainerConfig(
            env_steps=4 * ITERATIONS_PER_CHUNK * updates,
            iterations_per_chunk=ITERATIONS_PER_CHUNK,
            chunks_per_evaluation=1,
            chunks_per_checkpoint=1,
            seconds_per_checkpoint=0,
        ),
        meta=SupervisedConfig(
            tasks_per_update=4, updates_per_iteration=updates, eval_steps=1, num_eval_tasks=4
        ),
        hparams=SupervisedHparams(num_tasks=4),
    )


def meta_rl_experiment() -> MetaRLExperiment:
    meta = MAMLRLConfig(num_tasks=2, num_episodes=2, hidden=(8,), num_eval_tasks=2)
    steps_per_iteration = 2 * 2 * 2 * 5  # Tasks, episodes, before and after, steps.
    return MetaRLExperiment(
        env=EnvConfig("point_mass", options={"episode_length": 5}),
        family=FamilyConfig("navigation"),
        trainer=TrainerConfig(
            env_steps=4 * ITERATIONS_PER_CHUNK * steps_per_iteration,
            iterations_per_chunk=ITERATIONS_PER_CHUNK,
            chunks_per_evaluation=1,
            chunks_per_checkpoint=1,
            seconds_per_checkpoint=0,
        ),
        meta=meta,
    )


def skill_experiment(algorithm: str, core: str) -> SkillExperiment:
    with_ppo, with_sac = experiment("point_mass", chunks=4), sac_experiment("point_mass")
    return SkillExperiment(
        env=with_ppo.env,
        trainer=(with_sac if core == "sac" else with_ppo).trainer,
        space=SkillSpace("one_hot", 2),
        algorithm=algorithm,
        diayn=DIAYNConfig(hidden=(8,), fit=FitConfig(2, 8)),
        dads=DADSConfig(hidden=(8,), prior_samples=2, fit=FitConfig(2, 8)),
        core=core,
        ppo=with_ppo.ppo,
        sac=with_sac.sac,
        discovery=DiscoveryConfig(2, 1),
        redraw_probability=0.1,
    )


def fine_tuning_experiment() -> FineTuningExperiment:
    skills = skill_experiment("diayn", "ppo")
    trainer = dataclasses.replace(skills.trainer, population=2)
    return FineTuningExperiment(skills.env, Source("diayn", skills), trainer, ppo=skills.ppo)


def hierarchy_experiment() -> HierarchyExperiment:
    skills = skill_experiment("diayn", "ppo")
    return HierarchyExperiment(
        skills.env, Source("diayn", skills), skills.trainer, option_length=2, ppo=skills.ppo
    )


PAST = pathlib.Path(tempfile.mkdtemp(prefix="metaskill-past-"))
atexit.register(shutil.rmtree, PAST, ignore_errors=True)


@pytest.fixture(scope="module")
def past_data() -> None:
    """What learners from past data read: the data, and skills learned from them."""
    collect_point_mass(PAST / "data")
    train_into(PAST / "skills", data_experiment(PAST / "data", "skills"))


# A tiny experiment of every learner in the library, of four chunks of iterations with a
# checkpoint after each. A learner that is missing here fails the suite.
LEARNERS = {
    "ppo": experiment("point_mass", chunks=4),
    "ppo_ant": experiment("ant", chunks=4),
    "ppo_population": experiment("point_mass", chunks=4, population=2),
    "sac_ant": sac_experiment("ant"),
    "sac_population": sac_experiment("point_mass", population=2),
    "maml_supervised": supervised_experiment(),
    "maml_rl": meta_rl_experiment(),
    "diayn": skill_experiment("diayn", "ppo"),
    "diayn_sac": skill_experiment("diayn", "sac"),
    "dads": skill_experiment("dads", "ppo"),
    "dads_sac": skill_experiment("dads", "sac"),
    "fine_tuning": fine_tuning_experiment(),
    "hierarchy": hierarchy_experiment(),
    "skill_prior": data_experiment(PAST / "data", "skills"),
    "cloning": data_experiment(PAST / "data", "cloning"),
    "spirl": guided_experiment(PAST / "skills", data_experiment(PAST / "data", "skills")),
}

# The parts of these are resumed in others too.
SLOW = {"sac_population", "diayn_sac", "dads_sac", "hierarchy"}


@pytest.fixture(scope="module", autouse=True)
def trained_skills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Train, where learners look for them, the skills that some start from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("skills"))
        run(pathlib.Path("runs", "diayn"), skill_experiment("diayn", "ppo"), experiment="diayn")
        yield


def learner_classes() -> set[type]:
    """Find every class of the library that is a learner."""
    names = [
        module.name
        for layer in ("rl", "meta", "skills", "offline", "transfer")
        if importlib.util.find_spec(f"metaskill.{layer}")
        for module in pkgutil.walk_packages(
            importlib.import_module(f"metaskill.{layer}").__path__, f"metaskill.{layer}."
        )
    ]
    return {
        value
        for module in map(importlib.import_module, names)
        for value in vars(module).values()
        if isinstance(value, type)
        and not getattr(value, "_is_protocol", False)
        and all(hasattr(value, name) for name in ("init", "step", "evaluate"))
    }


def test_every_learner_of_the_library_is_tested_here(past_data: None) -> None:
    learners = [config.make_learner() for config in LEARNERS.values()]
    tested = {
        type(learner.made_for(0) if isinstance(learner, PreparedLearner) else learner)
        for learner in learners
    }
    assert learner_classes() <= tested


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in LEARNERS],
)
def test_a_stopped_run_ends_bit_for_bit_like_one_that_was_not(
    tmp_path: pathlib.Path, name: str, past_data: None
) -> None:
    whole = run(tmp_path / "whole", LEARNERS[name])
    progress = SignalAfter(2)
    with pytest.raises(Preempted, match="stopped at iteration 6"):
        run(tmp_path / "parts", LEARNERS[name], progress)
    assert "stopping after this chunk" in progress.said[0]
    resumed = run(tmp_path / "parts", LEARNERS[name])
    assert_same_run(tmp_path / "whole", tmp_path / "parts", (whole.state, resumed.state))


@pytest.mark.parametrize("name", ["ppo_population", "dads", "fine_tuning"])
def test_a_checkpoint_may_be_older_than_a_hyperparameter(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def without_discount(state: object) -> dict[str, np.ndarray]:
        arrays = state_arrays.to_arrays(state)
        return {name: a for name, a in arrays.items() if not name.endswith("hparams.discount")}

    whole = run(tmp_path / "whole", LEARNERS[name])
    with monkeypatch.context() as older:
        older.setattr(checkpoint, "to_arrays", without_discount)
        with pytest.raises(Preempted):
            run(tmp_path / "older", LEARNERS[name], SignalAfter(2))
    newer = run(tmp_path / "older", LEARNERS[name])
    assert_same_run(tmp_path / "whole", tmp_path / "older", (whole.state, newer.state))


def sparsely_saved(chunks: int) -> PPOExperiment:
    config = experiment("point_mass", chunks)
    trainer = dataclasses.replace(config.trainer, chunks_per_checkpoint=3, seconds_per_checkpoint=0)
    return dataclasses.replace(config, trainer=trainer)


def test_what_was_logged_but_not_saved_is_done_again(tmp_path: pathlib.Path) -> None:
    config = sparsely_saved(chunks=6)
    whole = run(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", config, DieAfter(5))
    assert Checkpoints(tmp_path / "parts" / "checkpoints").iterations() == [6]
    assert len(list(read_rows(tmp_path / "parts" / "metrics.jsonl"))) == 10
    resumed = run(tmp_path / "parts", config)
    assert_same_run(tmp_path / "whole", tmp_path / "parts", (whole.state, resumed.state))


def test_short_chunks_are_not_slowed_by_checkpoints(tmp_path: pathlib.Path) -> None:
    config = experiment("point_mass", chunks=3)
    trainer = dataclasses.replace(config.trainer, seconds_per_checkpoint=3600)
    run(tmp_path / "run", dataclasses.replace(config, trainer=trainer))
    assert Checkpoints(tmp_path / "run" / "checkpoints").iterations() == [6]  # The last.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_where_no_checkpoint_was_due(
    tmp_path: pathlib.Path, number: signal.Signals
) -> None:
    config = sparsely_saved(chunks=6)
    before = signal.getsignal(number)
    with pytest.raises(Preempted, match="the same command goes on"):
        run(tmp_path / "run", config, SignalAfter(1, number))
    assert Checkpoints(tmp_path / "run" / "checkpoints").iterations() == [4]
    assert signal.getsignal(number) == before


@dataclasses.dataclass(frozen=True)
class Fragile(PPOExperiment):
    """PPO whose member of seed 1 refuses its updates in iterations 7 and 8.

    The member whose first key is still its own, that is: new keys mend it, if at all.
    """

    mends: bool = True

    def make_learner(self):
        experiment = self

        class FragilePPO(type(super().make_learner())):
            def init(self, key, hparams):
                return super().init(key, hparams), key

            def step(self, state):
                inner, origin = state
                after, metrics = super().step(inner)
                own_key = jax.random.key_data(origin)[-1] == 1
                ill = own_key if experiment.mends else True
                breaks = ill & (inner.iteration >= 6) & (inner.iteration < 8)
                skipped = jax.numpy.where(breaks, 20.0, 0.0)
                return (after, origin), {**metrics, "skipped_updates": skipped}

            def evaluate(self, state, key):
                return super().evaluate(state[0], key)

        env, sample_context = self.env.make()
        return FragilePPO(env, self.ppo, sample_context)


def fragile(mends: bool) -> Fragile:
    return Fragile(**vars(experiment("point_mass", chunks=6, population=2)), mends=mends)


def test_divergence_goes_back_to_the_last_checkpoint_with_new_keys(tmp_path: pathlib.Path) -> None:
    progress = Listening()
    outcome = run(tmp_path / "run", fragile(mends=True), progress)
    assert progress.said == [
        "seed 1: updates that are not finite, until iteration 8; going back to iteration 6, "
        "with new keys."
    ]
    rows = list(read_rows(tmp_path / "run" / "metrics.jsonl"))
    assert [(row["iteration"], row["seed"]) for row in rows] == [
        (iteration, seed) for iteration in range(1, 13) for seed in (0, 1)
    ]
    assert {row["iteration"]: row["rollbacks"] for row in rows} == {
        iteration: int(iteration > 6) for iteration in range(1, 13)
    }
    # The healthy member never noticed.
    healthy = run(tmp_path / "healthy", experiment("point_mass", chunks=6, population=2))
    for a, b in zip(leaves(healthy.state), leaves(outcome.state[0]), strict=True):
        np.testing.assert_array_equal(a[0], b[0])


def test_a_run_killed_after_going_back_ends_as_if_it_had_not_been(tmp_path: pathlib.Path) -> None:
    config = fragile(mends=True)
    whole = run(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", config, DieAfter(5))
    resumed = run(tmp_path / "parts", config)
    assert_same_run(tmp_path / "whole", tmp_path / "parts", (whole.state, resumed.state))


def test_divergence_that_new_keys_do_not_mend_ends_in_a_sentence(tmp_path: pathlib.Path) -> None:
    progress = Listening()
    with pytest.raises(UserError, match=r"seed 0, seed 1: .* lower the learning rate"):
        run(tmp_path / "run", fragile(mends=False), progress)
    assert len(progress.said) == 3
    assert Checkpoints(tmp_path / "run" / "checkpoints").iterations() == [2, 4, 6]


def test_a_finished_run_is_not_trained_again(tmp_path: pathlib.Path) -> None:
    config = experiment("point_mass", chunks=1)
    first = run(tmp_path / "run", config)
    again = run(tmp_path / "run", config, DieAfter(1))
    np.testing.assert_array_equal(first.evaluation["eval/return"], again.evaluation["eval/return"])


def test_a_population_writes_a_row_a_member(tmp_path: pathlib.Path) -> None:
    config = experiment("point_mass", chunks=1, population=3)
    outcome = run(tmp_path / "run", config)
    assert outcome.evaluation["eval/return"].shape == (3,)
    rows = list(read_rows(tmp_path / "run" / "metrics.jsonl"))
    assert [(row["iteration"], row["seed"]) for row in rows] == [
        (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)
    ]  # fmt: skip
    assert len({row["loss/policy"] for row in rows}) == 6
    assert all("eval/return" in row for row in rows[3:])
    assert {path.name for path in (tmp_path / "run" / "events").iterdir()} == {
        "seed_0", "seed_1", "seed_2"
    }  # fmt: skip
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["versions"]["jax"] == jax.__version__


def test_every_iteration_of_a_run_is_one_program(tmp_path: pathlib.Path) -> None:
    """Tracing a learner's step more than once a run means that something recompiles."""
    config = experiment("point_mass", chunks=3)
    traces = 0

    class Counting(type(config.make_learner())):
        def step(self, state):
            nonlocal traces
            traces += 1
            return super().step(state)

    @dataclasses.dataclass(frozen=True)
    class CountingExperiment(PPOExperiment):
        def make_learner(self):
            env, sample_context = self.env.make()
            return Counting(env, self.ppo, sample_context)

    run(tmp_path / "run", CountingExperiment(**vars(config)))
    assert traces == 1


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: pathlib.Path) -> None:
    run(tmp_path / "run", experiment("point_mass", chunks=1))
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(UserError, match="another experiment or configuration"):
        run(tmp_path / "run", experiment("point_mass", chunks=2))
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        run(tmp_path / "mine", experiment("point_mass", chunks=1))


def test_a_run_of_an_earlier_version_goes_on(tmp_path: pathlib.Path) -> None:
    """Its configuration lacks fields that have been added since, with their defaults."""
    config = experiment("point_mass", chunks=1)
    folder = RunFolder(tmp_path / "run")
    folder.create("test", config)
    record = folder.read_config()
    del record["config"]["trainer"]["members_at_once"]
    folder.config_file.write_text(json.dumps(record))
    assert folder.create("test", config)
    trainer = dataclasses.replace(config.trainer, members_at_once=1)
    with pytest.raises(UserError, match="another experiment or configuration"):
        folder.create("test", dataclasses.replace(config, trainer=trainer))


def test_checkpoints_of_a_run_are_bounded(tmp_path: pathlib.Path) -> None:
    run(tmp_path / "run", experiment("point_mass", chunks=5))
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    assert checkpoints.best() is not None
    assert checkpoints.iterations() == sorted({checkpoints.best(), 6, 8, 10})
