"""SPiRL (Pertsch et al. 2020): SAC whose policy is kept near a prior instead of random."""

import dataclasses
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.envs.policy import Reactive
from metaskill.learner import RETURN, Metrics
from metaskill.networks.distributions import TanhGaussian
from metaskill.ranges import Above, AtLeast, OneOf
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.rl.sac_loss import ENTROPY, Regularizer
from metaskill.rl.sac_state import SACState
from metaskill.skills.guide import Guide
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv

REGULARIZERS = ("prior", "standard", "entropy")


@dataclasses.dataclass(frozen=True)
class GuidanceConfig(Checked):
    """What a guide is used for.

    Attributes:
        regularizer: What the policy is kept near: the `prior`; `standard`, N(0, I) in every
            state; or, as in SAC, nothing: `entropy`.
        start_at_prior: Whether the policy begins as the prior, or untrained.
        largest_skill: The largest component of a skill.
        observation: What the guide sees.
    """

    regularizer: Annotated[str, OneOf(REGULARIZERS)] = "prior"
    start_at_prior: bool = True
    largest_skill: Annotated[float, Above(0)] = 4.0
    observation: str = "state"


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class GuidedHparams(SACHparams):
    """What a sweep may vary without recompiling: SAC's, and what stands for the entropy's.

    The divergence's weight is `entropy_weight` at first, and adjusted with
    `entropy_learning_rate`.

    Attributes:
        target_divergence: The divergence that the weight is adjusted towards, nats (delta).
            Pertsch et al. have 1 in a maze and 5 for blocks and a kitchen.
    """

    target_divergence: Annotated[float | Array, AtLeast(0)] = 5.0


def near_prior(guide: Guide) -> Regularizer:
    """Keep the policy near the guide's prior, by KL(pi(.|s) || p_a(.|s)), exactly.

    The divergence of Gaussians: squashing is one-to-one and changes none.
    """

    def cost(distribution: Any, _: Array, obs: Float[Array, "batch obs"]) -> Array:
        divergence: Array = distribution.kl(guide.propose(obs))
        return divergence

    return Regularizer(cost, _target)


def near_standard() -> Regularizer:
    """Keep the policy near N(0, I) in every state: skills without a prior."""

    def cost(distribution: Any, _: Array, obs: Float[Array, "batch obs"]) -> Array:
        del obs
        zeros = jnp.zeros_like(distribution.mean)
        divergence: Array = distribution.kl(TanhGaussian(zeros, zeros))
        return divergence

    return Regularizer(cost, _target)


def _target(hparams: Any, action_size: int) -> float | Array:
    del action_size
    target: float | Array = hparams.target_divergence
    return target


class GuidedSAC:
    """SAC on the actions of a guide: skills, or the robot's own.

        maximize E[Q - alpha KL(pi(.|s) || p_a(.|s))],
        y = r~ + gamma (Q'(s', a') - alpha KL'),    log alpha <- log alpha - lambda (delta - KL)

    r~ sums the rewards of an action's H control steps, and gamma is the discount per action.
    The warm-up, replay and updates are counted in actions; what the learner reports as steps
    are control steps, so that runs with skills and without compare.
    """

    headline = RETURN
    step_unit = "environment steps"

    def __init__(
        self,
        env: OptionEnv[GuidedOptions],
        sac: SACConfig,
        config: GuidanceConfig,
        sample_context: SampleContext | None = None,
    ):
        """Put the parts together.

        Args:
            env: The environment of a guide's options.
            sac: The static part of SAC; the policy's network is the prior's.
            config: What the guide is used for.
            sample_context: Draws each episode's context; the nominal one by default.
        """
        self.env: Env = env
        self.guide = env.options.guide
        self._length = env.length
        self.config = config
        regularizer = {
            "prior": near_prior(self.guide),
            "standard": near_standard(),
            "entropy": ENTROPY,
        }[config.regularizer]
        # The environment has normalized what the prior sees, and the policy is to see the same.
        sac = dataclasses.replace(
            sac,
            normalize_observations=False,
            random_warm_up=sac.random_warm_up and not config.start_at_prior,
        )
        self.core = SAC(env, sac, sample_context, regularizer=regularizer, policy=self.guide.policy)
        self.sample_context = self.core.sample_context

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self.core.num_worlds

    @property
    def steps_per_iteration(self) -> int:
        """Control steps in one call of `step`, where no episode ends within an action."""
        return self.core.steps_per_iteration * self._length

    def init(self, key: PRNGKeyArray, hparams: GuidedHparams) -> SACState:
        """Return the state before training: the policy is the prior, if so configured."""
        state = self.core.init(key, hparams)
        if not self.config.start_at_prior:
            return state
        params = {**state.networks.params, "policy": self.guide.params}
        networks = dataclasses.replace(state.networks, params=params)
        return dataclasses.replace(state, networks=networks)

    def step(self, state: SACState) -> tuple[SACState, Metrics]:
        """Do one iteration of SAC."""
        state, metrics = self.core.step(state)
        metrics["update_to_data"] = metrics["update_to_data"] / self._length
        if self.config.regularizer != "entropy":
            assert isinstance(state.hparams, GuidedHparams)
            divergence = metrics["loss/regularizer_cost"]
            metrics["divergence"] = divergence
            metrics["divergence_over_target"] = divergence / state.hparams.target_divergence
        return state, metrics

    def evaluate(self, state: SACState, key: PRNGKeyArray) -> Metrics:
        """Return statistics of whole episodes of the deterministic policy; lengths in actions."""
        return self.core.evaluate(state, key)

    def policy(self, state: SACState) -> Reactive:
        """Return the trained policy; its actions are skills, or the robot's own."""
        return self.core.policy(state)
