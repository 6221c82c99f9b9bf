"""Experiments that start from a run's skills, in the plane."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.point_mass import PointMass
from metaskill.errors import UserError
from metaskill.meta.maml_rl_config import MAMLRLConfig
from metaskill.rl.ppo_config import PPOConfig
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig
from metaskill.skills.fine_tuning import FineTuning
from metaskill.skills.model import FitConfig
from metaskill.skills.space import SkillSpace
from metaskill.training import unsupervised_meta_rl_experiment
from metaskill.training.experiment import TrainerConfig
from metaskill.training.fine_tuning_experiment import FineTuningExperiment
from metaskill.training.hierarchy_experiment import HierarchyExperiment
from metaskill.training.population import hparams_of, members_of
from metaskill.training.prepared import PreparedState, own_parts
from metaskill.training.progress import NoProgress
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig, FamilyConfig
from metaskill.training.trained_skills import TrainedSkills, load_skills
from metaskill.training.trainer import train
from metaskill.training.unsupervised_meta_rl_experiment import UnsupervisedMetaRLExperiment

SKILLS = SkillExperiment(
    env=EnvConfig("point_mass", options={"episode_length": 10}),
    trainer=TrainerConfig(env_steps=32, population=2, iterations_per_chunk=1),
    space=SkillSpace("one_hot", 3),
    algorithm="diayn",
    diayn=DIAYNConfig(hidden=(8,), fit=FitConfig(2, 8)),
    ppo=PPOConfig(
        num_envs=4,
        rollout_length=8,
        num_minibatches=2,
        policy_hidden=(8,),
        value_hidden=(8,),
        num_eval_episodes=2,
    ),
    discovery=DiscoveryConfig(3, 2),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Two members, trained for an iteration."""
    source = Source("tiny", SKILLS, str(tmp_path_factory.mktemp("skills") / "run"))
    source.folder.create("tiny", SKILLS)
    train(SKILLS, source.folder, NoProgress())
    return source


@pytest.fixture(scope="module")
def skills(source: Source) -> TrainedSkills:
    return load_skills(source)


def fine_tuning(source: Source, **changes) -> FineTuningExperiment:
    trainer = dataclasses.replace(SKILLS.trainer, population=2)
    config = FineTuningExperiment(SKILLS.env, source, trainer, ppo=SKILLS.ppo)
    return dataclasses.replace(config, **changes)


@pytest.fixture(scope="module")
def tuned(source: Source) -> tuple[FineTuning, PreparedState]:
    """The second member before fine-tuning."""
    config = fine_tuning(source)
    learner = config.make_learner()
    state = jax.jit(learner.init)(jax.random.key(1), hparams_of(config, 1))
    own, own_state = own_parts(learner, state)
    assert isinstance(own, FineTuning)
    return own, own_state


def test_only_what_executes_skills_is_kept(skills: TrainedSkills) -> None:
    assert skills.population.workers is None
    assert skills.population.optimizer is None
    assert jax.tree.leaves(skills.population.params)[0].shape[0] == 2


def test_fine_tuning_begins_as_the_best_skill_of_its_own_member(skills, tuned) -> None:
    learner, state = tuned
    trained = jax.tree.map(lambda leaf: leaf[1], skills.population)
    obs = {"state": jnp.array([0.3, -0.2])}
    told = {**obs, "skill": state.skill}
    expected = skills.learner.policy(trained).choose(told)
    np.testing.assert_allclose(learner.policy(state).choose(obs), expected, rtol=1e-6)
    value = jax.tree.leaves(state.core.params["value"])
    for own, theirs in zip(value, jax.tree.leaves(trained.params["value"]), strict=True):
        np.testing.assert_array_equal(own, theirs)


def test_fine_tuning_begins_with_the_noise_of_an_untrained_policy(skills, tuned) -> None:
    log_std = tuned[1].core.params["policy"]["params"]["log_std"]
    np.testing.assert_allclose(jnp.exp(log_std), SKILLS.ppo.initial_std, rtol=1e-6)
    assert not jnp.array_equal(log_std, skills.population.params["policy"]["params"]["log_std"][1])


def test_a_policy_that_does_not_learn_yet_acts_as_before(tuned) -> None:
    """Though its episodes are all told one skill, which running moments would take for the mean."""
    learner, state = tuned
    hparams = dataclasses.replace(state.core.hparams, value_only_updates=jnp.float32(1e6))
    still = dataclasses.replace(state, core=dataclasses.replace(state.core, hparams=hparams))
    step, obs = jax.jit(learner.step), {"state": jnp.array([0.3, -0.2])}
    after = step(step(still)[0])[0]
    np.testing.assert_array_equal(
        learner.policy(after).choose(obs), learner.policy(still).choose(obs)
    )


def test_the_best_skill_has_the_highest_return(tuned) -> None:
    learner, state = tuned
    choice_key, _ = jax.random.split(jax.random.key(1))
    returns = learner.returns_of_skills(choice_key)
    assert returns.shape == (3,)
    assert int(jnp.argmax(returns)) == int(jnp.argmax(state.skill))
    assert learner.choosing_steps == 3 * 2 * 10


def test_what_is_fine_tuned_is_watched_on_the_plain_environment(tuned) -> None:
    assert isinstance(tuned[0].env, PointMass)


def test_fine_tuning_with_sac_keeps_only_its_own_entropy_weight() -> None:
    sac = SACConfig(
        num_envs=2, replay_capacity=16, warm_up_steps=0, policy_hidden=(4,), critic_hidden=(4,)
    )
    skills = dataclasses.replace(SKILLS, core="sac", sac=sac).make_learner()
    trained = jax.jit(skills.init)(jax.random.key(0), SKILLS.hparams)
    env, sample_context = SKILLS.env.make()
    learner = FineTuning(
        lambda env, sample: SAC(env, sac, sample), env, sample_context, skills, trained
    )
    state = jax.jit(learner.init)(jax.random.key(1), SACHparams(entropy_weight=0.5))
    own, theirs = state.core.networks, trained.networks
    assert float(own.params["log_entropy_weight"]) == pytest.approx(np.log(0.5))
    for name in ("policy", "critic"):
        jax.tree.map(np.testing.assert_array_equal, own.params[name], theirs.params[name])
    jax.tree.map(np.testing.assert_array_equal, own.target, theirs.params["critic"])


def test_seeds_take_turns_with_the_sources_members(source: Source) -> None:
    trainer = dataclasses.replace(SKILLS.trainer, seed=1, population=3)
    members = members_of(fine_tuning(source, trainer=trainer))
    assert [member.hparams.origin for member in members] == [1, 0, 1]


def test_a_controller_acts_through_the_skills_of_its_own_member(source, skills) -> None:
    config = HierarchyExperiment(
        SKILLS.env,
        source,
        SKILLS.trainer,
        option_length=4,
        family=FamilyConfig("navigation"),
        ppo=SKILLS.ppo,
    )
    learner = config.make_learner()
    assert learner.step_unit == "options"
    assert learner.env.episode_length == 3
    state = jax.jit(learner.init)(jax.random.key(0), hparams_of(config, 1))
    assert int(state.origin) == 1
    start = learner.made_for(state.origin).env.reset(
        jax.random.key(0), learner.env.nominal_context()
    )
    obs = start.inner.obs
    trained = jax.tree.map(lambda leaf: leaf[1], skills.population)
    np.testing.assert_allclose(
        learner.made_for(state.origin).env.options.policy.choose(obs),
        skills.learner.policy(trained).choose(obs),
    )
    after, metrics = jax.eval_shape(learner.step, state)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert "loss/policy" in metrics


def test_sac_may_control_skills_that_ppo_discovered(source: Source) -> None:
    sac = SACConfig(num_envs=2, replay_capacity=16, policy_hidden=(4,), critic_hidden=(4,))
    config = HierarchyExperiment(SKILLS.env, source, SKILLS.trainer, core="sac", sac=sac)
    learner = config.make_learner()
    state = jax.eval_shape(learner.init, jax.random.key(0), hparams_of(config, 0))
    assert "loss/critic" in jax.eval_shape(learner.step, state)[1]


def test_skills_may_be_tasks(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    meta = MAMLRLConfig(num_tasks=2, num_episodes=2, hidden=(4,), num_eval_tasks=2)
    config = UnsupervisedMetaRLExperiment(
        SKILLS.env, source, FamilyConfig("navigation"), SKILLS.trainer, meta
    )
    learner = config.make_learner()
    state = jax.eval_shape(learner.init, jax.random.key(0), hparams_of(config, 1))
    assert "return_1" in jax.eval_shape(learner.step, state)[1]
    dads = dataclasses.replace(SKILLS, algorithm="dads").make_learner()
    monkeypatch.setattr(
        unsupervised_meta_rl_experiment, "load_skills", lambda _: TrainedSkills(dads, None)
    )
    with pytest.raises(UserError, match="start from a run of DIAYN"):
        config.make_learner()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ppo": PPOConfig(policy_hidden=(4,))}, r"policy_hidden is \(4,\)"),
        ({"env": EnvConfig("half_cheetah")}, "does not observe or act as point_mass"),
    ],
)
def test_networks_and_robots_that_do_not_fit_are_refused(
    source: Source, changes: dict, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fine_tuning(source, **changes).make_learner()


def test_a_reward_that_there_is_not_is_refused(source: Source) -> None:
    config = HierarchyExperiment(SKILLS.env, source, SKILLS.trainer, reward="objective")
    with pytest.raises(UserError, match="one reward only"):
        config.make_learner()
    with pytest.raises(UserError, match="did you mean 'objective'"):
        dataclasses.replace(config, reward="objectve").make_learner()
    with pytest.raises(UserError, match="no core"):
        dataclasses.replace(config, core="ddpg").make_learner()
