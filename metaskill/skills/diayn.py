"""DIAYN (Eysenbach et al. 2019): skills that a discriminator tells apart by their states."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.envs.env import Observation
from metaskill.errors import UserError, nearest
from metaskill.learner import Metrics
from metaskill.networks.mlp import MLP
from metaskill.networks.normalizer import init_statistics, normalize, update_statistics
from metaskill.ranges import Sizes
from metaskill.rl.hooks import Experience
from metaskill.skills.model import FitConfig, Model, fit, start_model
from metaskill.skills.skill_env import SkillEnv


@dataclasses.dataclass(frozen=True)
class DIAYNConfig(Checked):
    """The static part.

    Attributes:
        sees: What the discriminator sees: `state`, all that the policy sees but the skill;
            `position`, x and y (the prior of the paper's section 4.2); or `displacement`, how
            they changed in the control step, so that skills differ in how they move.
        hidden: Hidden layers of the discriminator.
        fit: How it is fitted.
    """

    sees: str = "state"
    hidden: Sizes = (256, 256)
    fit: FitConfig = dataclasses.field(default_factory=FitConfig)


class DIAYN:
    """The reward that skills be told apart, with the discriminator that tells them.

        r(s, a, s'; z) = log q(z | s') - log p(z)

    with N skills, all as likely: -log p(z) = log N, without which rewards are negative and
    ending an episode early pays. Both the reward and the discriminator's cross-entropy are
    at s'. The reward's mean is a lower bound of I(s'; z), at most log N.
    """

    def __init__(self, env: SkillEnv, config: DIAYNConfig):
        """Build the discriminator.

        Raises:
            UserError: If the skills are not discrete, or the discriminator is to see
                what there is not.
        """
        if not env.space.is_discrete:
            raise UserError(
                "DIAYN tells discrete skills apart: choose a skill space of kind 'one_hot'."
            )
        sizes = {"state": env.observation_sizes["state"], "position": 2, "displacement": 2}
        if config.sees not in sizes:
            raise UserError(
                f"a discriminator sees no {config.sees!r}: {nearest(config.sees, sizes)}"
            )
        self._size = sizes[config.sees]
        self.config = config
        self.space = env.space
        self.n_skills = env.space.size
        self.largest_reward = math.log(self.n_skills)
        self.discriminator = MLP(config.hidden, self.n_skills, "relu")

    def init(self, key: PRNGKeyArray) -> Model:
        """Return the untrained discriminator."""
        params = self.discriminator.init(key, jnp.zeros(self._size))
        return start_model(params, {"seen": init_statistics(self._size)})

    def update(
        self, model: Model, experience: Experience, key: PRNGKeyArray
    ) -> tuple[Model, Metrics]:
        """Fit the discriminator by cross-entropy."""
        seen = self._seen(experience.obs, experience.next_obs)
        statistics = {"seen": update_statistics(model.statistics["seen"], seen)}
        model = dataclasses.replace(model, statistics=statistics)

        def loss(params: object, batch: tuple[Array, Array]) -> tuple[Array, Metrics]:
            seen, skill = batch
            log_q = self._log_q(dataclasses.replace(model, params=params), seen)
            cross_entropy = -jnp.mean(jnp.sum(log_q * skill, axis=-1))
            return cross_entropy, {"discriminator_loss": cross_entropy}

        model, metrics = fit(model, loss, (seen, experience.obs["skill"]), self.config.fit, key)
        accuracy = self.diagnose(model, experience)["discriminator_accuracy"]
        return model, {**metrics, "discriminator_accuracy": jnp.mean(accuracy)}

    def reward(
        self, model: Model, experience: Experience, key: PRNGKeyArray
    ) -> Float[Array, " batch"]:
        """Return log q(z | s') + log N, nats."""
        del key
        log_q = self._log_q(model, self._seen(experience.obs, experience.next_obs))
        return jnp.sum(log_q * experience.obs["skill"], axis=-1) + math.log(self.n_skills)

    def diagnose(self, model: Model, experience: Experience) -> dict[str, Float[Array, " batch"]]:
        """Return, for each transition, whether the discriminator is right; chance is 1/N."""
        log_q = self._log_q(model, self._seen(experience.obs, experience.next_obs))
        right = jnp.argmax(log_q, axis=-1) == jnp.argmax(experience.obs["skill"], axis=-1)
        return {"discriminator_accuracy": right.astype(jnp.float32)}

    def infer(
        self, model: Model, obs: Observation, next_obs: Observation
    ) -> Float[Array, "*batch skill"]:
        """Return log q(z | s') of every skill, of the transitions between two observations."""
        return self._log_q(model, self._seen(obs, next_obs))

    def _seen(self, obs: Observation, next_obs: Observation) -> Float[Array, "*batch seen"]:
        if self.config.sees == "state":
            return next_obs["state"]
        position = next_obs["position"]
        return position if self.config.sees == "position" else position - obs["position"]

    def _log_q(self, model: Model, seen: Float[Array, "*batch seen"]) -> Array:
        inputs = normalize(model.statistics["seen"], seen)
        return jax.nn.log_softmax(self.discriminator.apply(model.params, inputs))
