"""Behaviour cloning: a policy that acts like the data, and a prior over single actions."""

import dataclasses
from typing import Annotated, Any

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.learner import Headline, Metrics
from metaskill.networks.distributions import TanhGaussian
from metaskill.networks.mlp import ACTIVATIONS
from metaskill.networks.policy import StateDependentGaussianPolicy
from metaskill.offline.windows import Window
from metaskill.ranges import OneOf, Sizes

Params = dict[str, Any]
_LIMIT = 0.999  # Where actions are cut to: those of +-1 come from infinitely far away.


@dataclasses.dataclass(frozen=True)
class CloningConfig(Checked):
    """What the cloned policy is.

    Attributes:
        hidden: Its hidden layers.
        activation: `tanh`, `relu`, `silu` or `elu`.
    """

    hidden: Sizes = (128,) * 6
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu"


class BehaviorCloning:
    """p(a | s), a Gaussian squashed into [-1, 1], by maximum likelihood.

    It is what SPiRL is compared with: as a policy to start from, and as a prior over single
    actions, the flat prior.
    """

    headline = Headline("eval/action_error", "loss/action_error", "action error", False, 4)
    window_length = 1

    def __init__(self, config: CloningConfig, observation_size: int, action_size: int):
        """Build the network.

        Args:
            config: What it is.
            observation_size: Length of an observation.
            action_size: Length of an action.
        """
        self.config = config
        self.observation_size = observation_size
        self.action_size = action_size
        self.prior = StateDependentGaussianPolicy(action_size, config.hidden, config.activation)

    def init(self, key: PRNGKeyArray) -> Params:
        """Return the untrained parameters of `prior`."""
        return {"prior": self.prior.init(key, jnp.zeros(self.observation_size))}

    def propose(self, params: Params, obs: Float[Array, "*batch obs"]) -> TanhGaussian:
        """Return the actions that the data would take in a state."""
        proposed: TanhGaussian = self.prior.apply(params["prior"], obs)
        return proposed

    def loss(
        self, params: Params, batch: Window, hparams: Any, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], Metrics]:
        """Return mean -log p(a | s), in nats per action dimension."""
        del hparams, key
        actions = batch.actions[..., 0, :]
        proposed = self.propose(params, batch.observations[..., 0, :])
        raw = jnp.arctanh(jnp.clip(actions, -_LIMIT, _LIMIT))
        nll = -jnp.mean(proposed.log_prob(raw)) / actions.shape[-1]
        error = jnp.mean(jnp.square(proposed.mode() - actions))
        return nll, {"nll": nll, "action_error": error}
