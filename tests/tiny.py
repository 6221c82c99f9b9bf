"""A tiny experiment of every kind: what contract tests and `benchmarks.same_numbers` run."""

import dataclasses
import pathlib

import jax

from metaskill.envs.point_mass import PointMass
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.offline.collect import collect
from metaskill.offline.dataset import write_dataset
from metaskill.offline.learner import FittingConfig
from metaskill.offline.policies import make_policy
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.cloning import CloningConfig
from metaskill.skills.dads import DADSConfig
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig
from metaskill.skills.model import FitConfig
from metaskill.skills.space import SkillSpace
from metaskill.skills.spirl_model import EmbeddingConfig
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import Experiment, PPOExperiment, TrainerConfig
from metaskill.training.fine_tuning_experiment import FineTuningExperiment
from metaskill.training.guided_experiment import GuidedExperiment
from metaskill.training.hierarchy_experiment import HierarchyExperiment
from metaskill.training.meta_rl_experiment import MetaRLExperiment
from metaskill.training.progress import NoProgress
from metaskill.training.sac_experiment import SACExperiment
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source
from metaskill.training.supervised_experiment import ProblemConfig, SupervisedExperiment
from metaskill.training.task_distribution import EnvConfig, FamilyConfig
from metaskill.training.trainer import train
from metaskill.training.unsupervised_meta_rl_experiment import UnsupervisedMetaRLExperiment

PLANE = EnvConfig("point_mass", options={"episode_length": 5})
TRAINER = TrainerConfig(env_steps=64, iterations_per_chunk=1)
PPO = PPOConfig(
    num_envs=4,
    rollout_length=8,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)
SAC = SACConfig(
    num_envs=4,
    rollout_length=2,
    updates_per_iteration=2,
    batch_size=8,
    replay_capacity=64,
    warm_up_steps=8,
    policy_hidden=(8,),
    critic_hidden=(8,),
    num_eval_episodes=2,
)
FIT = FitConfig(2, 8)
DIAYN = SkillExperiment(
    PLANE,
    TRAINER,
    SkillSpace("one_hot", 3),
    "diayn",
    diayn=DIAYNConfig(hidden=(8,), fit=FIT),
    ppo=PPO,
    sac=SAC,
    discovery=DiscoveryConfig(3, 2),
)
MAML = MetaRLExperiment(
    PLANE,
    FamilyConfig("navigation"),
    TRAINER,
    MAMLRLConfig(num_tasks=2, num_episodes=2, hidden=(8,), num_eval_tasks=2),
)
SINUSOID = SupervisedExperiment(
    ProblemConfig("sinusoid"),
    TRAINER,
    SupervisedConfig(tasks_per_update=4, updates_per_iteration=3, eval_steps=1, num_eval_tasks=4),
    SupervisedHparams(num_tasks=4),
)


def experiments(folder: pathlib.Path) -> dict[str, Experiment]:
    """Return the experiments by name; what some start from is trained into a folder.

    Args:
        folder: An empty folder.
    """
    collect_data(folder / "data")
    embedding, cloning = (_fitted(folder, model) for model in ("skills", "cloning"))
    skills = _trained(folder, "diayn", DIAYN)
    skills_sac = _trained(folder, "diayn_sac", dataclasses.replace(DIAYN, core="sac"))
    replace = dataclasses.replace
    guided = GuidedExperiment(PLANE, embedding, TRAINER, sac=SAC)
    hierarchy = HierarchyExperiment(PLANE, skills, TRAINER, option_length=2, ppo=PPO, sac=SAC)
    return {
        "ppo": PPOExperiment(PLANE, TRAINER, PPO, PPOHparams(entropy_weight=0.01)),
        "ppo_randomized": PPOExperiment(
            EnvConfig("half_cheetah", "native", {"episode_length": 5}, "dactyl", privileged=True),
            TRAINER,
            replace(PPO, value_obs=("privileged_state",)),
        ),
        "sac": SACExperiment(PLANE, TRAINER, SAC),
        "diayn": DIAYN,
        "diayn_sac": skills_sac.config,
        "dads": replace(
            DIAYN,
            space=SkillSpace("box", 2),
            algorithm="dads",
            dads=DADSConfig(hidden=(8,), fit=FIT),
            redraw_probability=0.1,
        ),
        "fine_tuning": FineTuningExperiment(PLANE, skills, TRAINER, ppo=PPO),
        "fine_tuning_sac": FineTuningExperiment(PLANE, skills_sac, TRAINER, sac=SAC),
        "hierarchy": hierarchy,
        "hierarchy_sac": replace(hierarchy, core="sac"),
        "maml": MAML,
        "maml_oracle": replace(
            MAML,
            env=replace(PLANE, privileged=True),
            meta=replace(MAML.meta, inner_steps=0, policy_obs=("privileged_state",)),
        ),
        "maml_latents": replace(MAML, meta=replace(MAML.meta, num_latents=2, order="head_only")),
        "promp": replace(
            MAML,
            meta=replace(MAML.meta, outer="promp", order="learned_alpha", num_minibatches=2),
            hparams=MAMLRLHparams(exploration=1.0),
        ),
        "unsupervised_maml": UnsupervisedMetaRLExperiment(
            PLANE, skills, FamilyConfig("navigation"), TRAINER, MAML.meta
        ),
        "sinusoid": SINUSOID,
        **{
            f"sinusoid_{order}": replace(SINUSOID, meta=replace(SINUSOID.meta, order=order))
            for order in ("first", "head_only", "learned_alpha")
        },
        "sinusoid_reptile": replace(
            SINUSOID, meta=replace(SINUSOID.meta, outer_rule="reptile", inner_optimizer="adam")
        ),
        "embedding": embedding.config,
        "cloning": cloning.config,
        "spirl": guided,
        "spirl_flat": replace(guided, source=cloning),
    }


def collect_data(folder: pathlib.Path) -> None:
    """Write random episodes of the plane."""
    env = PointMass(episode_length=5)
    batches = collect(
        env, lambda _: env.nominal_context(), make_policy("random", env), jax.random.key(0), 6
    )
    write_dataset(folder, "point_mass", (batch.episodes for batch in batches))


def _fitted(folder: pathlib.Path, model: str) -> Source[DataExperiment]:
    config = DataExperiment(
        DataConfig(str(folder / "data"), hold_out_every=3),
        TrainerConfig(env_steps=3, iterations_per_chunk=1),
        model,
        EmbeddingConfig(2, 2, lstm_size=4, prior_hidden=(8,)),
        CloningConfig(hidden=(8,)),
        FittingConfig(batch_size=8, updates_per_iteration=3, num_eval_windows=8),
    )
    return _trained(folder, model, config)


def _trained(folder: pathlib.Path, name: str, config: Experiment) -> Source:
    source = Source(name, config, str(folder / name))
    source.folder.create(name, config)
    train(config, source.folder, NoProgress())
    return source
