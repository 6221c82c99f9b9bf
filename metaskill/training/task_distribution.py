"""The front door of the task distribution: which MDPs a learner meets, from a configuration.

    nominal <- config.env.context <- config.env.randomization <- family

Each stands on those before it. An entry of the context that two of them set is refused.
"""

import dataclasses
from typing import Any

from metaskill.checking import Checked
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.envs.given_context import drawn_entries
from metaskill.errors import UserError
from metaskill.tasks.families import make_family
from metaskill.tasks.family import TaskFamily
from metaskill.tasks.randomizations import find_randomization


@dataclasses.dataclass(frozen=True)
class EnvConfig(Checked):
    """Which environment, on which engine.

    Attributes:
        name: A name in `metaskill list`.
        engine: `auto`, `native` or `mjx`.
        options: The environment's own options, by name.
        randomization: What varies from episode to episode: a name in `metaskill list`.
        context: Entries of the nominal context that are others than the environment's, by group
            and name, such as {"reward": {"target_velocity": 2.5}}.
        privileged: Whether to observe `privileged_state` too, which holds all that varies:
            for a value function that knows more than the policy, and for oracles.
    """

    name: str
    engine: str = "auto"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    randomization: str = "none"
    privileged: bool = False
    context: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

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
        env = randomization.make_env(
            self.name, self.privileged, self.context, engine=self.engine, **self.options
        )
        sample_context = randomization.sampler(env)
        if self.context:
            self._require_undrawn(env, sample_context)
        return env, sample_context

    def _require_undrawn(self, env: Env, sample_context: SampleContext) -> None:
        for group, name in sorted(drawn_entries(sample_context, env.nominal_context())):
            if name in self.context.get(group, {}):
                raise UserError(
                    f"config.env.context.{group}.{name} is given, and the randomization "
                    f"{self.randomization} draws it for each episode: leave one out."
                )


@dataclasses.dataclass(frozen=True)
class FamilyConfig(Checked):
    """Which tasks.

    Attributes:
        name: A name in `tasks.families.FAMILIES`.
        options: The family's own options, by name.
    """

    name: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


NO_FAMILY = FamilyConfig("nominal")
"""The environment's own task alone."""


def make_tasks(env: EnvConfig, family: FamilyConfig) -> tuple[Env, TaskFamily]:
    """Make an environment, and a family of tasks that stands on its context and randomization.

    Raises:
        UserError: If a name or an option does not exist, or two of the parts set one entry.
    """
    made, sample_context = env.make()
    tasks = make_family(family.name, made, **family.options)
    nominal = made.nominal_context()
    for name in sorted(tasks.entries_over(nominal) & env.context.get("reward", {}).keys()):
        raise UserError(
            f"config.env.context.reward.{name} is given, and the task family {family.name} sets "
            "it: leave one out."
        )
    return made, tasks.over(nominal, sample_context)


def make_world(env: EnvConfig, family: FamilyConfig) -> tuple[Env, SampleContext]:
    """Make an environment, and the sampler of the contexts that a single policy learns in.

    Raises:
        UserError: As `make_tasks`.
    """
    if family == NO_FAMILY:
        return env.make()
    made, tasks = make_tasks(env, family)
    return made, tasks.sample
