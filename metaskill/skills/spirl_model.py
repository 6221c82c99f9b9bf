"""Skills from data (SPiRL, Pertsch et al. 2020): their embedding, decoder and prior."""

import dataclasses
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.learner import Headline, Metrics
from metaskill.networks.distributions import Gaussian
from metaskill.networks.mlp import ACTIVATIONS, MLP
from metaskill.networks.policy import StateDependentGaussianPolicy
from metaskill.networks.recurrent import SequenceDecoder, SequenceEncoder
from metaskill.offline.windows import Window
from metaskill.ranges import AtLeast, Count, OneOf, Sizes
from metaskill.skills.space import Skill

Params = dict[str, Any]
DECODERS = ("open_loop", "closed_loop")


@dataclasses.dataclass(frozen=True)
class EmbeddingConfig(Checked):
    """What skills are.

    Attributes:
        size: Length of z.
        length: Steps of a skill, H.
        decoder: `open_loop`: an LSTM makes H actions of z alone; `closed_loop`: a policy is
            told z and sees where it is.
        lstm_size: Width of the LSTMs.
        decoder_hidden: Hidden layers of the policy that is told z.
        prior_hidden: Hidden layers of the prior.
        activation: `tanh`, `relu`, `silu` or `elu`.
    """

    size: Count = 10
    length: Count = 10
    decoder: Annotated[str, OneOf(DECODERS)] = "open_loop"
    lstm_size: Count = 128
    decoder_hidden: Sizes = (128, 128, 128)
    prior_hidden: Sizes = (128,) * 6
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu"


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class EmbeddingHparams(Checked):
    """What a sweep may vary without recompiling: traced scalars.

    Attributes:
        learning_rate: RAdam's step size.
        beta: Weight of the embedding's divergence from N(0, I). Pertsch et al. have .01 for a
            maze and blocks, .0005 for a kitchen.
    """

    learning_rate: Annotated[float | Array, AtLeast(0)] = 1e-3
    beta: Annotated[float | Array, AtLeast(0)] = 1e-2


class SkillEmbedding:
    """An embedding of H actions in a vector z, and the prior of z where one is.

        q(z | a)      an LSTM over the actions
        p(a | z)      an LSTM, or a policy p(a | s, z): the decoder
        p_a(z | s)    an MLP: which skills the data would begin with here, the prior

    The prior's parameters are those of a policy, so that a policy can begin as the prior.
    """

    headline = Headline("eval/action_error", "loss/action_error", "action error", False, 4)

    def __init__(self, config: EmbeddingConfig, observation_size: int, action_size: int):
        """Build the networks.

        Args:
            config: What skills are.
            observation_size: Length of an observation.
            action_size: Length of an action.
        """
        self.config = config
        self.window_length = config.length
        self.observation_size = observation_size
        self.action_size = action_size
        self.encoder = SequenceEncoder(config.lstm_size, 2 * config.size)
        self.prior = StateDependentGaussianPolicy(
            config.size, config.prior_hidden, config.activation, distribution="gaussian"
        )
        self._open_loop = SequenceDecoder(config.lstm_size, action_size, config.length)
        self._closed_loop = MLP(config.decoder_hidden, action_size, config.activation)

    @property
    def is_closed_loop(self) -> bool:
        """Whether the decoder sees where it is."""
        return self.config.decoder == "closed_loop"

    def init(self, key: PRNGKeyArray) -> Params:
        """Return the untrained parameters of `encoder`, `decoder` and `prior`."""
        encoder_key, decoder_key, prior_key = jax.random.split(key, 3)
        obs, skill = jnp.zeros(self.observation_size), jnp.zeros(self.config.size)
        actions = jnp.zeros((self.config.length, self.action_size))
        decoder: Any = (
            self._closed_loop.init(decoder_key, jnp.concatenate([obs, skill]))
            if self.is_closed_loop
            else self._open_loop.init(decoder_key, skill)
        )
        return {
            "encoder": self.encoder.init(encoder_key, actions),
            "decoder": decoder,
            "prior": self.prior.init(prior_key, obs),
        }

    def embed(self, params: Params, actions: Float[Array, "*batch time action"]) -> Gaussian:
        """Return q(z | a), the skills that these actions may have been."""
        mean, log_std = jnp.split(self.encoder.apply(params["encoder"], actions), 2, axis=-1)
        return Gaussian(mean, jnp.clip(log_std, -10.0, 2.0))

    def propose(self, params: Params, obs: Float[Array, "*batch obs"]) -> Gaussian:
        """Return p_a(z | s), the skills that the data would begin with in a state."""
        proposed: Gaussian = self.prior.apply(params["prior"], obs)
        return proposed

    def plan(
        self, params: Params, skill: Float[Array, "*batch skill"]
    ) -> Float[Array, "*batch time action"]:
        """Return all actions of a skill; of an open-loop decoder only."""
        actions: Array = self._open_loop.apply(params["decoder"], skill)
        return actions

    def react(
        self, params: Params, obs: Float[Array, "*batch obs"], skill: Skill
    ) -> Float[Array, "*batch action"]:
        """Return a skill's action in a state; of a closed-loop decoder only."""
        inputs = jnp.concatenate([obs, skill], axis=-1)
        action: Array = self._closed_loop.apply(params["decoder"], inputs)
        return action

    def reconstruct(
        self, params: Params, obs: Float[Array, "*batch time obs"], skill: Skill
    ) -> Float[Array, "*batch time action"]:
        """Return what the decoder makes of a skill where it goes through these states."""
        if not self.is_closed_loop:
            return self.plan(params, skill)
        repeated = jnp.broadcast_to(skill[..., None, :], (*obs.shape[:-1], skill.shape[-1]))
        return self.react(params, obs, repeated)

    def loss(
        self, params: Params, batch: Window, hparams: EmbeddingHparams, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], Metrics]:
        """Compute the loss of skills and prior (Pertsch et al. 2020, equation 2, section 3.2).

            -log N(a; decoder(z), I) + beta KL(q(z|a) || N(0, I)) + KL(stop q(z|a) || p_a(z|s)),

        with z ~ q(z|a) and s the first state. As in the authors' code the first term is the
        mean over actions and their dimensions (beta's values go with that) and the divergences
        are sums over the dimensions of z. The last one covers the modes of q, and its gradient
        is the prior's alone.

        Args:
            params: Parameters of `encoder`, `decoder` and `prior`.
            batch: Windows, with normalized observations.
            hparams: Hyperparameters.
            key: Draws z.

        Returns:
            The loss, and its parts; `action_error` is the mean squared error.
        """
        posterior = self.embed(params, batch.actions)
        skill = posterior.sample(key)
        obs = batch.observations[..., :-1, :]
        actions = self.reconstruct(params, obs, skill)
        unit = Gaussian(actions, jnp.zeros(()))
        n_dimensions = actions.shape[-1]
        nll = -jnp.mean(unit.log_prob(batch.actions)) / n_dimensions
        standard = Gaussian(jnp.zeros_like(posterior.mean), jnp.zeros_like(posterior.mean))
        rate = jnp.mean(posterior.kl(standard))
        constant = jax.tree.map(jax.lax.stop_gradient, posterior)
        prior = jnp.mean(constant.kl(self.propose(params, obs[..., 0, :])))
        loss = nll + hparams.beta * rate + prior
        return loss, {
            "nll": nll,
            "rate": rate,
            "prior": prior,
            "action_error": jnp.mean(jnp.square(actions - batch.actions)),
        }
