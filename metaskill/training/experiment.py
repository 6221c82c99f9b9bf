"""An experiment: everything that determines a run, as one frozen configuration."""

import dataclasses
import types
import typing
from typing import Any, Protocol, TypeVar

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.errors import UserError, nearest
from metaskill.learner import Learner
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.tasks.randomizations import find_randomization


@dataclasses.dataclass(frozen=True)
class EnvConfig:
    """Which environment, on which engine.

    Attributes:
        name: A name in `metaskill list`.
        engine: `auto`, `native` or `mjx`.
        options: The environment's own options, by name.
        randomization: What varies from episode to episode: a name in `metaskill list`.
        privileged: Whether to observe `privileged_state` too, which holds all that varies:
            for a value function that knows more than the policy, and for oracles.
    """

    name: str
    engine: str = "auto"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    randomization: str = "none"
    privileged: bool = False

    def make(self) -> tuple[Env, SampleContext]:
        """Make the environment, and the sampler of its episodes' contexts.

        Raises:
            UserError: If a name or an option does not exist, or cannot be had together.
        """
        for option, field in (("engine", "engine"), ("parameters", "randomization")):
            if option in self.options:
                raise UserError(
                    f"config.env.options has {option!r}, which config.env.{field} decides: "
                    "set that one."
                )
        randomization = find_randomization(self.randomization)
        env = randomization.make_env(self.name, self.privileged, engine=self.engine, **self.options)
        return env, randomization.sampler(env)


_MAY_BE_ZERO = (
    "seed",
    "members_at_once",
    "seconds_per_checkpoint",
    "skips_tolerated",
    "rollbacks_tolerated",
)


@dataclasses.dataclass(frozen=True)
class TrainerConfig:
    """How long to train, and how often to look up from it.

    Attributes:
        env_steps: Steps of each member of the population, in the learner's `step_unit`:
            environment steps where it has an environment.
        seed: Seed of the first member; the others count up from it.
        population: Members trained side by side in one program.
        members_at_once: Up to how many members' arithmetic is batched; 0 for all. With 1 they
            take turns in the one program, each bit for bit as in a run of its own.
        iterations_per_chunk: Iterations between two returns to Python.
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

    env_steps: int
    seed: int = 0
    population: int = 1
    members_at_once: int = 0
    iterations_per_chunk: int = 10
    chunks_per_evaluation: int = 5
    chunks_per_checkpoint: int = 5
    seconds_per_checkpoint: int = 15
    checkpoints_kept: int = 3
    skips_tolerated: int = 10
    rollbacks_tolerated: int = 3

    def __post_init__(self) -> None:
        """Refuse counts that make no sense."""
        for field in dataclasses.fields(self):
            least = 0 if field.name in _MAY_BE_ZERO else 1
            if getattr(self, field.name) < least:
                raise UserError(
                    f"config.trainer.{field.name} is {getattr(self, field.name)}: "
                    f"it must be at least {least}."
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
class PPOExperiment:
    """PPO on one environment."""

    env: EnvConfig
    trainer: TrainerConfig
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    hparams: PPOHparams = dataclasses.field(default_factory=PPOHparams)

    def make_learner(self) -> PPO:
        """Build the environment and PPO on it."""
        env, sample_context = self.env.make()
        return PPO(env, self.ppo, sample_context)


ConfigT = TypeVar("ConfigT")

_LARGEST_INTEGER = 2**63 - 1


def with_values(config: ConfigT, values: dict[str, Any], path: str = "config") -> ConfigT:
    """Replace fields of nested frozen dataclasses by a nested dictionary's values.

    Args:
        config: The configuration to start from.
        values: New values by field name; fields that are not named stay.
        path: What to call this configuration in errors.

    Raises:
        UserError: If a name is not a field or a value is not of the field's type.
    """
    hints = typing.get_type_hints(type(config))
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"{path} has no field {name!r}: {nearest(name, hints)}")
        current = getattr(config, name)
        where = f"{path}.{name}"
        if dataclasses.is_dataclass(current):
            if not isinstance(value, dict):
                raise UserError(f"{where} is a group of fields: set one of them, {where}.FIELD.")
            changes[name] = with_values(current, value, where)
        else:
            changes[name] = _checked(value, hints[name], where)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _checked(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as the type that `hint` allows."""
    if isinstance(value, list):  # JSON has no tuples.
        value = tuple(value)
    origin = typing.get_origin(hint)
    allowed = typing.get_args(hint) if origin in (typing.Union, types.UnionType) else (hint,)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    classes = tuple(typing.get_origin(kind) or kind for kind in allowed)
    concrete = tuple(kind for kind in classes if isinstance(kind, type))
    if not isinstance(value, concrete) or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join(kind.__name__ for kind in concrete if kind.__module__ == "builtins")
        raise UserError(f"{where} must be {names}, not {value!r}.")
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise UserError(f"{where} is {value}: no count is that large, choose a smaller one.")
    return value
