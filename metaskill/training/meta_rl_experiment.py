"""Experiments that meta-learn policies: an environment, a family of tasks, a learner."""

import dataclasses

from metaskill.checking import Checked
from metaskill.meta.maml_rl import MAMLRL
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import EnvConfig, FamilyConfig, make_tasks


@dataclasses.dataclass(frozen=True)
class MetaRLExperiment(Checked):
    """Meta-learning on one environment and one family of its tasks."""

    env: EnvConfig
    family: FamilyConfig
    trainer: TrainerConfig
    meta: MAMLRLConfig = dataclasses.field(default_factory=MAMLRLConfig)
    hparams: MAMLRLHparams = dataclasses.field(default_factory=MAMLRLHparams)

    def make_learner(self) -> MAMLRL:
        """Build the environment, the family and the learner on them."""
        env, family = make_tasks(self.env, self.family)
        return MAMLRL(env, self.meta, family)


def baselines_of(
    config: MetaRLExperiment, hparams: MAMLRLHparams | None = None
) -> dict[str, MetaRLExperiment]:
    """Return the runs that meta-learning is held against.

    `oracle` is told the task and `pretrained` learns the policy that is best on average;
    neither takes inner steps. An iteration of theirs has the episodes before adaptation
    only, and they train for as many iterations.

    Args:
        config: The meta-learner's.
        hparams: Theirs, where others than the meta-learner's are better for them: an oracle
            that fails makes any adaptation look good.
    """
    played = config.meta.inner_steps + 1
    trainer = dataclasses.replace(config.trainer, env_steps=config.trainer.env_steps // played)
    meta = dataclasses.replace(config.meta, inner_steps=0, num_latents=0)
    # Without steps no step sizes are learned, and without latents they are not all that adapts.
    if config.meta.order == "learned_alpha" or config.meta.num_latents:
        meta = dataclasses.replace(meta, order="full")
    untold = dataclasses.replace(
        config, trainer=trainer, meta=meta, hparams=hparams or config.hparams
    )
    return {
        "oracle": dataclasses.replace(
            untold,
            env=dataclasses.replace(config.env, privileged=True),
            meta=dataclasses.replace(meta, policy_obs=("privileged_state",)),
        ),
        "pretrained": untold,
    }
