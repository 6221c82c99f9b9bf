"""An experiment: everything that determines a run, as one frozen configuration."""

import dataclasses
from typing import Any, Protocol

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.learner import Learner
from metaskill.ranges import LARGEST_SEED, Count, Seed, Whole
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.task_distribution import NO_FAMILY, EnvConfig, FamilyConfig, make_world


@dataclasses.dataclass(frozen=True)
class TrainerConfig(Checked):
    """How long to train, and how often to look up from it.

    Attributes:
        env_steps: Steps of each member of the population, in the learner's `step_unit`:
            environment steps where it has an environment. Training makes the nearest number
            of whole iterations.
        seed: Seed of the first member; the others count up from it.
        population: Members trained side by side in one program.
        members_at_once: Up to how many members' arithmetic is batched; 0 for all. With 1 they
            take turns in the one program, each bit for bit as in a run of its own.
        iterations_per_chunk: Iterations between two returns to Python. The last chunk is as
            short as `env_steps` asks for.
        chunks_per_evaluation: Chunks between two evaluations.
        chunks_per_checkpoint: Chunks between two checkpoints.
        seconds_per_checkpoint: Seconds of training between two checkpoints at least: one that
            falls due sooner is left out, so that large states do not slow short chunks down.
        checkpoints_kept: Newest checkpoints that stay on disk, beside the best.
        skips_tolerated: Updates that may be skipped in a chunk, by one member, because they
            were not finite; beyond, the run goes back to its last checkpoint.
        rollbacks_tolerated: Times that a member goes back to the same checkpoint, each time
            with new keys, before it is given up.
    """

    env_steps: Count
    seed: Seed = 0
    population: Count = 1
    members_at_once: Whole = 0
    iterations_per_chunk: Count = 10
    chunks_per_evaluation: Count = 5
    chunks_per_checkpoint: Count = 5
    seconds_per_checkpoint: Whole = 15
    checkpoints_kept: Count = 3
    skips_tolerated: Whole = 10
    rollbacks_tolerated: Whole = 3

    def __post_init__(self) -> None:
        """Refuse counts that make no sense, and seeds beyond the last one."""
        super().__post_init__()
        if self.seed + self.population > LARGEST_SEED + 1:
            raise UserError(
                f"a population of {self.population} counts its seeds up from {self.seed}, beyond "
                f"{LARGEST_SEED}: choose a smaller seed."
            )


@dataclasses.dataclass(frozen=True)
class Required:
    """A figure that an experiment must show.

    Attributes:
        metric: The evaluation metric that it is read from, one value a seed.
        source: Where the bar comes from.
        at_least: The smallest interquartile mean over seeds that passes; None for a
            figure that is only reported.
    """

    metric: str
    source: str
    at_least: float | None = None


class Experiment(Protocol):
    """A frozen dataclass that can make its learner."""

    @property
    def hparams(self) -> Any:
        """The learner's traced hyperparameters."""
        ...

    @property
    def trainer(self) -> TrainerConfig:
        """How long to train."""
        ...

    def make_learner(self) -> Learner:
        """Build the learner, checking the configuration."""
        ...


@dataclasses.dataclass(frozen=True)
class PPOExperiment(Checked):
    """PPO on one environment, and on a family of its tasks."""

    env: EnvConfig
    trainer: TrainerConfig
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    hparams: PPOHparams = dataclasses.field(default_factory=PPOHparams)
    family: FamilyConfig = NO_FAMILY

    def make_learner(self) -> PPO:
        """Build the environment and PPO on it."""
        env, sample_context = make_world(self.env, self.family)
        return PPO(env, self.ppo, sample_context)
