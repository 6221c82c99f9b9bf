"""Reinforcement learning guided by a model of past data, as an experiment."""

import dataclasses

from metaskill.checking import Checked
from metaskill.offline.learner import DataModel, FittingState, OfflineLearner
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.skills.cloning import BehaviorCloning
from metaskill.skills.guide import Guide, guide_by_actions, guide_by_skills
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.spirl import GuidanceConfig, GuidedHparams, GuidedSAC
from metaskill.skills.spirl_model import SkillEmbedding
from metaskill.training.data_experiment import DataExperiment
from metaskill.training.experiment import TrainerConfig
from metaskill.training.prepared import PreparedHparams, PreparedLearner
from metaskill.training.sac_experiment import SACExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig


@dataclasses.dataclass(frozen=True)
class GuidedExperiment(Checked):
    """SAC guided by what data taught.

    With a run of skills: SPiRL; without prior by `guidance.regularizer=standard` or `entropy`
    and `guidance.start_at_prior=False`. With a run of cloning: the flat prior; with
    `guidance.regularizer=entropy` behaviour cloning, then SAC.

    Attributes:
        env: The environment.
        source: Where the model comes from that guides.
        trainer: How long to train, in control steps.
        guidance: What it is used for.
        sac: The static part of SAC, counted in actions.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    source: Source[DataExperiment]
    trainer: TrainerConfig
    guidance: GuidanceConfig = dataclasses.field(default_factory=GuidanceConfig)
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    hparams: GuidedHparams = dataclasses.field(default_factory=GuidedHparams)

    def make_learner(self) -> PreparedLearner:
        """Build the environment, load the model, and put SAC on both.

        Raises:
            UserError: If there is no model, or the parts do not fit together.
        """
        fitted, population = self.source.load()
        assert isinstance(fitted, OfflineLearner)
        model = fitted.model
        env, sample_context = self.env.make()

        def make(trained: FittingState) -> GuidedSAC:
            guide = self._guide_by(model, trained)
            options = GuidedOptions(env, guide, self.guidance.observation)
            return GuidedSAC(OptionEnv(options), self.sac, self.guidance, sample_context)

        # A guide is used without its optimizer.
        return PreparedLearner(make, dataclasses.replace(population, optimizer=None))

    def hparams_of_seed(self, seed: int) -> PreparedHparams:
        """Return the hyperparameters of a member: seeds take turns with the source's members."""
        return PreparedHparams(self.hparams, self.source.origin_of(seed))

    def _guide_by(self, model: DataModel, trained: FittingState) -> Guide:
        if isinstance(model, SkillEmbedding):
            largest = self.guidance.largest_skill
            return guide_by_skills(model, trained.params, trained.statistics, largest)
        assert isinstance(model, BehaviorCloning)
        return guide_by_actions(model, trained.params, trained.statistics)


def ablations_of(
    config: GuidedExperiment, cloning: Source[DataExperiment], sac: SACConfig, discount: float
) -> dict[str, GuidedExperiment | SACExperiment]:
    """Return the runs that SPiRL is held against, each of which lacks a part of it.

    `no_prior` keeps the policy near N(0, I) instead of the prior. The others act without
    skills: `flat_prior` near the cloned policy, `cloning` from it, with the entropy, `sac` from
    scratch.

    Args:
        config: SPiRL.
        cloning: Where a cloned policy of single actions comes from.
        sac: The static part of SAC for single actions.
        discount: That of a single action.
    """
    hparams = dataclasses.replace(config.hparams, discount=discount)
    flat = dataclasses.replace(config, source=cloning, sac=sac, hparams=hparams)
    of_sac = {field.name: getattr(hparams, field.name) for field in dataclasses.fields(SACHparams)}
    return {
        "no_prior": dataclasses.replace(config, guidance=GuidanceConfig("standard", False)),
        "flat_prior": flat,
        "cloning": dataclasses.replace(flat, guidance=GuidanceConfig("entropy")),
        "sac": SACExperiment(config.env, config.trainer, sac, SACHparams(**of_sac)),
    }
