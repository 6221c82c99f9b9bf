"""DADS (Sharma et al. 2020): skills whose outcome is predictable, and differs from others'."""

import dataclasses
import math
from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.envs.env import Observation
from metaskill.errors import UserError
from metaskill.learner import Metrics
from metaskill.networks.mlp import MLP
from metaskill.networks.normalizer import faded, init_statistics, normalize, update_statistics
from metaskill.ranges import Above, AtLeast, Count, OneOf, Sizes
from metaskill.rl.hooks import Experience
from metaskill.skills.model import FitConfig, Model, fit, start_model
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import Skill

_LOG_2PI = math.log(2.0 * math.pi)
# What is left of the changes' moments after an update, which makes them those of about ten: a
# robot that has learned not to fall changes far less than before. The authors' code has batch
# normalization there, which forgets too.
_REMEMBERED = 0.9


@dataclasses.dataclass(frozen=True)
class DADSConfig(Checked):
    """The static part.

    Attributes:
        predicts: `position`: how x and y change, given the skill alone (the x-y prior).
            `state`: how they and all of `state` change, given that state and the skill.
        dynamics: `mixture`: a network's mixture of Gaussians. `proportional`: one Gaussian, whose
            mean is the skill times a learned speed; for positions, in a square of skills.
        hidden: Hidden layers of the mixture's network.
        experts: Components of the mixture.
        prior_samples: Skills that an outcome is compared with (L).
        delta_scale: The change in a control step that counts as one standard deviation of
            the skill dynamics, in the units of what is predicted; None for the standard
            deviation of all recent changes. Skills are told apart, and so rewarded, up to
            that: a smaller one asks for faster and more regular motion.
        fall_cost: What a step that ends an episode costs (by a fall, or a broken simulation; not
            by the time limit), nats. Until skills move the robot as the skill dynamics expects,
            rewards are below 0, and falling early would pay.
        fit: How the skill dynamics is fitted.
    """

    predicts: Annotated[str, OneOf(("position", "state"), "prediction")] = "position"
    dynamics: Annotated[str, OneOf(("mixture", "proportional"), "skill dynamics")] = "mixture"
    hidden: Sizes = (256, 256)
    experts: Count = 4
    prior_samples: Count = 100
    delta_scale: Annotated[float | None, Above(0)] = None
    fall_cost: Annotated[float, AtLeast(0)] = 0.0
    fit: FitConfig = dataclasses.field(default_factory=FitConfig)


class SkillDynamics(nn.Module):
    """A mixture of Gaussians with identity covariance over normalized changes.

    Attributes:
        size: Length of what changes.
        hidden: Hidden layers.
        experts: Components.
    """

    size: int
    hidden: tuple[int, ...]
    experts: int

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "*batch input"]
    ) -> tuple[Float[Array, "*batch expert"], Float[Array, "*batch expert size"]]:
        """Return the log weights and the means of the components."""
        outputs = MLP(self.hidden, self.experts * (1 + self.size), "relu")(inputs)
        logits, means = jnp.split(outputs, [self.experts], axis=-1)
        means = means.reshape(*means.shape[:-1], self.experts, self.size)
        return jax.nn.log_softmax(logits), means


class ProportionalDynamics(nn.Module):
    """One Gaussian with identity covariance, whose mean is proportional to the skill.

        Δ ~ N(e^c z, I)

    Nothing but c is learned. Sharma et al. 2020 have a mixture, which may lay the square of skills
    over the plane with a tear; of a linear map, one direction may be lost once the other has got
    ahead. This can do neither, and cannot tell that the robot is faster one way than another.
    """

    @nn.compact
    def __call__(
        self, skill: Float[Array, "*batch size"]
    ) -> tuple[Float[Array, "*batch 1"], Float[Array, "*batch 1 size"]]:
        """Return the log weight and the mean of the only component."""
        log_speed = self.param("log_speed", nn.initializers.zeros, ())
        mean = jnp.exp(log_speed) * skill
        return jnp.zeros((*skill.shape[:-1], 1)), mean[..., None, :]


class DADS:
    """The reward that outcomes be predictable from the skill, with the model that predicts.

        r(s, z, s') = log q(s' | s, z) - log (q(s' | s, z) + sum_i q(s' | s, z_i)) / (L + 1)
                    = log(L + 1) - log(1 + sum_i exp(clip(l_i - l_z, ±50))),   z_i ~ p(z)

    with l = log q(s' | s, .), a bound of I(s'; z | s) that never passes log(L + 1). It is an
    estimate: q is not the true dynamics (the paper's appendix C). The same L skills are
    compared with at all transitions of a batch. `fall_cost` is taken from the reward of a step
    that terminates, also where rewards are evaluated.

    With the x-y prior nothing of the state is left for q to see: q(Δx, Δy | z) is the same
    in all states. That is what the paper does, and what makes planning with it so simple.
    """

    def __init__(self, env: SkillEnv, config: DADSConfig):
        """Build the skill dynamics.

        Raises:
            UserError: If proportional dynamics is asked for where it does not apply.
        """
        self.config = config
        self.space = env.space
        self.largest_reward = math.log(config.prior_samples + 1)
        self._body_size = env.observation_sizes["state"] if config.predicts == "state" else 0
        self._size = 2 + self._body_size
        self.dynamics = self._make_dynamics()

    def init(self, key: PRNGKeyArray) -> Model:
        """Return the untrained skill dynamics."""
        params = self.dynamics.init(key, jnp.zeros(self._body_size + self.space.size))
        statistics = {"delta": init_statistics(self._size)}
        if self._body_size:
            statistics["body"] = init_statistics(self._body_size)
        return start_model(params, statistics)

    def update(
        self, model: Model, experience: Experience, key: PRNGKeyArray
    ) -> tuple[Model, Metrics]:
        """Fit the skill dynamics by maximum likelihood, on what did not end an episode."""
        body, delta = self._body(experience.obs), self._delta(experience)
        kept = ~experience.terminated
        # A fall, or a simulation that broke, says nothing of how large changes are.
        usual = jnp.where(kept[:, None], delta, model.statistics["delta"].mean)
        recent = faded(model.statistics["delta"], _REMEMBERED)
        statistics = {"delta": update_statistics(recent, usual)}
        if self._body_size:
            statistics["body"] = update_statistics(model.statistics["body"], body)
        model = dataclasses.replace(model, statistics=statistics)

        def loss(params: object, batch: tuple[Array, ...]) -> tuple[Array, Metrics]:
            body, skill, delta, kept = batch
            log_q = self._log_q(dataclasses.replace(model, params=params), body, skill, delta)
            count = jnp.maximum(jnp.sum(kept), 1.0)
            negative = -jnp.sum(jnp.where(kept > 0, log_q, 0.0)) / count
            return negative, {"dynamics_loss": negative}

        examples = (body, experience.obs["skill"], delta, kept.astype(jnp.float32))
        model, metrics = fit(model, loss, examples, self.config.fit, key)
        return model, {**metrics, "delta_scale": jnp.mean(self._scale(model))}

    def reward(
        self, model: Model, experience: Experience, key: PRNGKeyArray
    ) -> Float[Array, " batch"]:
        """Return the estimate of I(s'; z | s) at each transition, less a fall's cost, nats."""
        body, delta = self._body(experience.obs), self._delta(experience)
        log_q = self._log_q(model, body, experience.obs["skill"], delta)
        keys = jax.random.split(key, self.config.prior_samples)
        # Without a state to see, the model's outputs are the same for the whole batch.
        body = body if self._body_size else body[:1]

        def of_another(key: PRNGKeyArray) -> Float[Array, " batch"]:
            skill = self.space.sample(key)
            return self._log_q(model, body, skill, delta)

        others = jax.lax.map(of_another, keys)
        ratios = jnp.exp(jnp.clip(others - log_q, -50.0, 50.0))
        estimate = self.largest_reward - jnp.log1p(jnp.sum(ratios, axis=0))
        return estimate - jnp.where(experience.terminated, self.config.fall_cost, 0.0)

    def diagnose(self, model: Model, experience: Experience) -> dict[str, Float[Array, " batch"]]:
        """Return the distance between predicted and true change, relative to the latter's scale."""
        body, skill = self._body(experience.obs), experience.obs["skill"]
        log_weight, means = self._components(model, body, skill)
        predicted = jnp.sum(jnp.exp(log_weight)[..., None] * means, axis=-2)
        error = predicted - self._delta(experience) / self._scale(model)
        return {"prediction_error": jnp.sqrt(jnp.mean(jnp.square(error), axis=-1))}

    def predict(
        self, model: Model, position: Float[Array, "2"], body: Float[Array, " body"], skill: Skill
    ) -> tuple[Float[Array, "2"], Float[Array, " body"]]:
        """Return position and `state` after a control step: those of the mixture's mean.

        With the x-y prior the state stays as it was.
        """
        seen = body if self._body_size else body[:0]
        log_weight, means = self._components(model, seen, skill)
        delta = jnp.sum(jnp.exp(log_weight)[:, None] * means, axis=0) * self._scale(model)
        changed = body + delta[2:] if self._body_size else body
        return position + delta[:2], changed

    def _make_dynamics(self) -> SkillDynamics | ProportionalDynamics:
        config, space = self.config, self.space
        if config.dynamics == "mixture":
            return SkillDynamics(self._size, config.hidden, config.experts)
        if config.predicts != "position" or (space.kind, space.size) != ("box", 2):
            raise UserError(
                "proportional skill dynamics is of positions in a square of skills: choose "
                "predicts='position' and SkillSpace('box', 2), or dynamics='mixture'."
            )
        return ProportionalDynamics()

    def _scale(self, model: Model) -> Float[Array, " size"]:
        if self.config.delta_scale is not None:
            return jnp.full(self._size, self.config.delta_scale)
        return jnp.maximum(model.statistics["delta"].std, 1e-6)

    def _body(self, obs: Observation) -> Float[Array, "batch body"]:
        body = obs["state"]
        return body if self._body_size else body[..., :0]

    def _delta(self, experience: Experience) -> Float[Array, "batch size"]:
        obs, next_obs = experience.obs, experience.next_obs
        moved = next_obs["position"] - obs["position"]
        return jnp.concatenate([moved, self._body(next_obs) - self._body(obs)], axis=-1)

    def _components(
        self, model: Model, body: Float[Array, "*batch body"], skill: Float[Array, "*batch skill"]
    ) -> tuple[Float[Array, "*batch expert"], Float[Array, "*batch expert size"]]:
        seen = normalize(model.statistics["body"], body) if self._body_size else body
        skill = jnp.broadcast_to(skill, (*seen.shape[:-1], self.space.size))
        return self.dynamics.apply(model.params, jnp.concatenate([seen, skill], axis=-1))

    def _log_q(
        self,
        model: Model,
        body: Float[Array, "*batch body"],
        skill: Float[Array, "*batch skill"],
        delta: Float[Array, "*batch size"],
    ) -> Float[Array, "*batch"]:
        """Return log q of changes, per unit of the normalized change."""
        log_weight, means = self._components(model, body, skill)
        error = (delta / self._scale(model))[..., None, :] - means
        log_expert = -0.5 * jnp.sum(jnp.square(error), axis=-1)
        constant = 0.5 * self._size * _LOG_2PI
        return jax.nn.logsumexp(log_weight + log_expert, axis=-1) - constant
