"""Reinforcement learning guided by a model of past data, as an experiment."""

import dataclasses
import pathlib

import jax

from metaskill.errors import UserError
from metaskill.offline.learner import FittingState
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.skills.guide import Guide, guide_by_actions, guide_by_skills
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.spirl import GuidanceConfig, GuidedHparams, GuidedSAC
from metaskill.skills.spirl_model import SkillEmbedding
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import EnvConfig, TrainerConfig, with_values
from metaskill.training.run_folder import RunFolder
from metaskill.training.sac_experiment import SACExperiment
from metaskill.training.trainer import restore


@dataclasses.dataclass(frozen=True)
class PriorConfig:
    """Which trained model guides.

    Attributes:
        run: The folder of its run, which must stay where it is: decoder and prior are read
            from its last checkpoint whenever the guided run is trained on or looked at. By
            default runs/EXPERIMENT.
        member: Which member of its population.
        experiment: The name of the experiment that trains it: `metaskill reproduce` does,
            where it is not there.
    """

    run: str = ""
    member: int = 0
    experiment: str = ""

    @property
    def folder(self) -> RunFolder:
        """The run.

        Raises:
            UserError: If none is named.
        """
        if not (self.run or self.experiment):
            raise UserError("no model guides: name the run of one by config.prior.run.")
        return RunFolder(pathlib.Path(self.run or f"runs/{self.experiment}"))


@dataclasses.dataclass(frozen=True)
class GuidedExperiment:
    """SAC guided by what data taught.

    With a run of skills: SPiRL; without prior by `guidance.regularizer=standard` or `entropy`
    and `guidance.start_at_prior=False`. With a run of cloning: the flat prior; with
    `guidance.regularizer=entropy` behaviour cloning, then SAC.

    Attributes:
        env: The environment.
        trainer: How long to train, in control steps.
        prior: Which trained model guides.
        guidance: What it is used for.
        sac: The static part of SAC, counted in actions.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    trainer: TrainerConfig
    prior: PriorConfig
    guidance: GuidanceConfig = dataclasses.field(default_factory=GuidanceConfig)
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    hparams: GuidedHparams = dataclasses.field(default_factory=GuidedHparams)

    def make_learner(self) -> GuidedSAC:
        """Build the environment, read the guide, and put SAC on both.

        Raises:
            UserError: If the guide cannot be read, or the parts do not fit together.
        """
        env, sample_context = self.env.make()
        guide = load_guide(self.prior, self.guidance.largest_skill)
        options = GuidedOptions(env, guide, self.guidance.observation)
        return GuidedSAC(OptionEnv(options), self.sac, self.guidance, sample_context)


def ablations_of(
    config: GuidedExperiment, cloning: str, sac: SACConfig, discount: float
) -> dict[str, GuidedExperiment | SACExperiment]:
    """Return the runs that SPiRL is held against, each of which lacks a part of it.

    `no_prior` keeps the policy near N(0, I) instead of the prior. The others act without
    skills: `flat_prior` near the cloned policy, `cloning` from it, with the entropy, `sac` from
    scratch.

    Args:
        config: SPiRL.
        cloning: The name of the experiment that clones a policy of single actions.
        sac: The static part of SAC for single actions.
        discount: That of a single action.
    """
    hparams = dataclasses.replace(config.hparams, discount=discount)
    flat = dataclasses.replace(
        config, prior=PriorConfig(experiment=cloning), sac=sac, hparams=hparams
    )
    of_sac = {field.name: getattr(hparams, field.name) for field in dataclasses.fields(SACHparams)}
    return {
        "no_prior": dataclasses.replace(config, guidance=GuidanceConfig("standard", False)),
        "flat_prior": flat,
        "cloning": dataclasses.replace(flat, guidance=GuidanceConfig("entropy")),
        "sac": SACExperiment(config.env, config.trainer, sac, SACHparams(**of_sac)),
    }


def load_guide(config: PriorConfig, largest_skill: float) -> Guide:
    """Read a trained model.

    Raises:
        UserError: If the folder holds no run of one, or not that member.
    """
    run = config.folder
    if config.experiment and not run.config_file.is_file():
        raise UserError(
            f"{run.path} holds no model that guides: metaskill train {config.experiment} trains "
            "one, or name the folder of a run by --config.prior.run."
        )
    record = run.read_config()["config"]
    # Every field of it is in the record.
    anything = DataExperiment(DataConfig(""), TrainerConfig(env_steps=1))
    if "data" not in record:
        raise UserError(
            f"{run.path} learned nothing from data: train skills or a cloned policy first, and "
            "name that run by config.prior.run."
        )
    learner, population, _ = restore(with_values(anything, record), run)
    n_members = len(jax.tree.leaves(population)[0])
    if not 0 <= config.member < n_members:
        raise UserError(
            f"config.prior.member is {config.member}: {run.path} has members 0 to {n_members - 1}."
        )
    state: FittingState = jax.tree.map(lambda leaf: leaf[config.member], population)
    model = learner.model  # type: ignore[attr-defined]
    if isinstance(model, SkillEmbedding):
        return guide_by_skills(model, state.params, state.statistics, largest_skill)
    return guide_by_actions(model, state.params, state.statistics)
