"""Proximal policy optimization (Schulman et al. 2017) as a learner."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import (
    Env,
    Names,
    Observation,
    require_observations,
    see,
    seen_size,
    together,
)
from metaskill.envs.policy import Reactive
from metaskill.learner import RETURN, Metrics
from metaskill.networks.mlp import MLP
from metaskill.networks.normalizer import (
    RunningStatistics,
    init_statistics,
    normalize,
    update_statistics,
)
from metaskill.networks.policy import GaussianPolicy
from metaskill.rl.annealing import annealed
from metaskill.rl.evaluation import evaluate_policy
from metaskill.rl.failures import failure_metrics
from metaskill.rl.finite import accept_if, all_finite
from metaskill.rl.hooks import Hooks, fresh_rewards, loss_and_gradient
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.rl.ppo_loss import Batch, ppo_loss
from metaskill.rl.returns import generalized_advantages
from metaskill.rl.rollout import (
    MemorylessExplorer,
    Transition,
    Worker,
    finished_episode_metrics,
    rollout,
    start_worker,
    trajectory_failures,
)

Params = dict[str, Any]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PPOState:
    """Everything that training continues from.

    Attributes:
        params: Parameters of `policy` and `value`.
        optimizer: Adam's moments.
        statistics: Running moments of the observations, by their name.
        workers: The worlds (axis: env).
        intrinsic: The model behind the reward, where it is transformed; else None.
        hparams: Hyperparameters.
        key: Source of randomness.
        iteration: Iterations done.
    """

    params: Params
    optimizer: optax.OptState
    statistics: dict[str, RunningStatistics]
    workers: Worker
    intrinsic: Any
    hparams: PPOHparams
    key: PRNGKeyArray
    iteration: Int[Array, ""]


class PPO:
    """PPO on one environment and one distribution of contexts."""

    headline = RETURN
    step_unit = "environment steps"
    env_fields = ("workers",)

    def __init__(
        self,
        env: Env,
        config: PPOConfig,
        sample_context: SampleContext | None = None,
        hooks: Hooks | None = None,
    ):
        """Build the networks.

        Args:
            env: The environment.
            config: Static configuration.
            sample_context: Draws each episode's context; the nominal one by default.
            hooks: Where other algorithms enter; nowhere by default.

        Raises:
            UserError: If the environment lacks an observation that is asked for.
        """
        require_observations(env, config, "policy_obs", "value_obs")
        self.env = env
        self.config = config
        self.sample_context = sample_context or (lambda _: env.nominal_context())
        self.hooks = hooks or Hooks()
        self.network = GaussianPolicy(
            env.action_size,
            config.policy_hidden,
            config.activation,
            config.distribution,
            config.initial_std,
        )
        self.value = MLP(config.value_hidden, 1, config.activation)
        self._optimizer = optax.scale_by_adam(eps=1e-5)

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self.config.num_envs

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in one call of `step`."""
        return self.config.steps_per_iteration

    def init(self, key: PRNGKeyArray, hparams: PPOHparams) -> PPOState:
        """Return the untrained state."""
        policy_key, value_key, workers_key, key, intrinsic_key = jax.random.split(key, 5)
        config, env = self.config, self.env
        params = {
            "policy": self.network.init(policy_key, jnp.zeros(seen_size(env, config.policy_obs))),
            "value": self.value.init(value_key, jnp.zeros(seen_size(env, config.value_obs))),
        }
        worker_keys = jax.random.split(workers_key, self.config.num_envs)
        intrinsic = self.hooks.intrinsic
        return PPOState(
            params=params,
            optimizer=self._optimizer.init(params),
            statistics={
                together(names): init_statistics(seen_size(env, names)) for names in self._observed
            },
            workers=jax.vmap(lambda k: start_worker(self.env, self.sample_context, k))(worker_keys),
            intrinsic=None if intrinsic is None else intrinsic.init(intrinsic_key),
            hparams=jax.tree.map(jnp.float32, hparams),
            key=key,
            iteration=jnp.zeros((), jnp.int32),
        )

    def step(self, state: PPOState) -> tuple[PPOState, Metrics]:
        """Collect experience with the current policy, then improve the policy on it."""
        update_key, key, intrinsic_key = jax.random.split(state.key, 3)

        def act(obs: Observation, key: PRNGKeyArray) -> tuple[Array, dict[str, Array]]:
            distribution = self._distribution(state.params, state.statistics, obs)
            raw = distribution.sample(key)
            choice = {"raw_action": raw, "log_prob": distribution.log_prob(raw)}
            return distribution.to_action(raw), choice

        workers, trajectory = jax.vmap(
            lambda worker: rollout(
                self.env,
                self.sample_context,
                MemorylessExplorer(act),
                worker,
                self.config.rollout_length,
            )
        )(state.workers)
        intrinsic, reward, intrinsic_metrics = fresh_rewards(
            self.hooks, state.intrinsic, _flat(trajectory), intrinsic_key
        )
        trajectory = dataclasses.replace(trajectory, reward=reward.reshape(trajectory.reward.shape))
        batch = self._make_batch(state, trajectory)
        params, optimizer, losses, skipped = self._update(state, batch, update_key)
        # The statistics change only now: ratios in the update are then exactly 1 at
        # first, because the policy saw the same normalized observations when it acted.
        statistics = {
            together(names): update_statistics(
                state.statistics[together(names)], see(trajectory.obs, names)
            )
            for names in self._observed
        }
        # Experience that no gradient survived is no example of what is normal either.
        statistics = accept_if(
            all_finite(statistics) & (skipped == 0), statistics, state.statistics
        )
        metrics = {
            **finished_episode_metrics(trajectory),
            **failure_metrics(trajectory_failures(trajectory)),
            **{f"loss/{name}": value for name, value in losses.items()},
            **{f"env/{name}": jnp.mean(value) for name, value in trajectory.metrics.items()},
            **intrinsic_metrics,
            "skipped_updates": skipped,
            "value_mean": jnp.mean(batch.value_target),
        }
        hparams, iteration = state.hparams, state.iteration + 1
        return PPOState(
            params, optimizer, statistics, workers, intrinsic, hparams, key, iteration
        ), metrics

    def evaluate(self, state: PPOState, key: PRNGKeyArray) -> Metrics:
        """Return statistics of whole episodes under the deterministic policy."""
        return evaluate_policy(
            self.env,
            self.sample_context,
            self.policy(state),
            key,
            self.config.num_eval_episodes,
        )

    def policy(self, state: PPOState) -> Reactive:
        """Return the trained policy: the mode of its distribution."""
        return Reactive(lambda obs: self._distribution(state.params, state.statistics, obs).mode())

    @property
    def _observed(self) -> set[Names]:
        return {self.config.policy_obs, self.config.value_obs}

    def _distribution(
        self, params: Params, statistics: dict[str, RunningStatistics], obs: Observation
    ) -> Any:
        seen = _normalized(statistics, obs, self.config.policy_obs)
        return self.network.apply(params["policy"], seen)

    def _make_batch(self, state: PPOState, trajectory: Transition) -> Batch:
        """Attach advantages and value targets; axes (env, time) become one."""

        def value_of(obs: Observation) -> Array:
            seen = _normalized(state.statistics, obs, self.config.value_obs)
            return self.value.apply(state.params["value"], seen)[..., 0]

        value = value_of(trajectory.obs)
        advantage = jax.vmap(generalized_advantages, in_axes=(0, 0, 0, 0, 0, None, None))(
            state.hparams.reward_scale * trajectory.reward,
            value,
            value_of(trajectory.next_obs),
            trajectory.terminated,
            trajectory.done,
            state.hparams.discount,
            state.hparams.gae_lambda,
        )
        weigh = self.hooks.sample_weight
        batch = Batch(
            policy_obs=_normalized(state.statistics, trajectory.obs, self.config.policy_obs),
            value_obs=_normalized(state.statistics, trajectory.obs, self.config.value_obs),
            raw_action=trajectory.choice["raw_action"],
            log_prob=trajectory.choice["log_prob"],
            advantage=advantage,
            value_target=advantage + value,
            weight=jnp.ones_like(value) if weigh is None else jax.vmap(weigh)(trajectory),
        )
        return _flat(batch)

    def _update(
        self, state: PPOState, batch: Batch, key: PRNGKeyArray
    ) -> tuple[Params, optax.OptState, Metrics, Float[Array, ""]]:
        """Make `num_epochs` passes of `num_minibatches` gradient steps.

        Returns:
            Parameters, optimizer, metrics averaged over the steps, and the number of steps
            that were skipped because loss or gradient was not finite.
        """
        hparams = state.hparams
        n_minibatches = self.config.num_minibatches

        def gradient_step(
            carry: tuple[Params, optax.OptState], inputs: tuple[Batch, PRNGKeyArray]
        ) -> tuple[tuple[Params, optax.OptState], tuple[Metrics, Array]]:
            params, optimizer = carry
            minibatch, key = inputs
            entropy_key, auxiliary_key = jax.random.split(key)
            loss, metrics, grads = loss_and_gradient(
                lambda params: ppo_loss(
                    params, minibatch, hparams, self.network, self.value, entropy_key
                ),
                self.hooks,
                params,
                minibatch,
                auxiliary_key,
            )
            norm = optax.tree.norm(grads)
            scale = jnp.minimum(1.0, hparams.max_grad_norm / (norm + 1e-8))
            grads = jax.tree.map(lambda g: g * scale, grads)
            rate = annealed(hparams.learning_rate, hparams.annealing_updates, optimizer.count)
            begun = optimizer.count.astype(jnp.float32) >= hparams.value_only_updates
            rates = {"policy": jnp.where(begun, rate, 0.0), "value": rate}
            # optax raises a float to an integer power, which strict promotion refuses.
            with jax.numpy_dtype_promotion("standard"):
                updates, optimizer = self._optimizer.update(grads, optimizer, params)
            params = {name: _moved(params[name], updates[name], rates[name]) for name in rates}
            finite = all_finite((loss, norm))
            carry = accept_if(finite, (params, optimizer), carry)
            return carry, ({**metrics, "grad_norm": norm}, (~finite).astype(jnp.float32))

        def epoch(
            carry: tuple[Params, optax.OptState], key: PRNGKeyArray
        ) -> tuple[tuple[Params, optax.OptState], tuple[Metrics, Array]]:
            shuffle_key, losses_key = jax.random.split(key)
            order = jax.random.permutation(shuffle_key, self.config.steps_per_iteration)
            minibatches = jax.tree.map(
                lambda x: x[order].reshape(n_minibatches, -1, *x.shape[1:]), batch
            )
            keys = jax.random.split(losses_key, n_minibatches)
            return jax.lax.scan(gradient_step, carry, (minibatches, keys))

        (params, optimizer), (metrics, skipped) = jax.lax.scan(
            epoch, (state.params, state.optimizer), jax.random.split(key, self.config.num_epochs)
        )
        return params, optimizer, jax.tree.map(jnp.mean, metrics), jnp.sum(skipped)


def _normalized(
    statistics: dict[str, RunningStatistics], obs: Observation, names: Names
) -> Float[Array, "*batch seen"]:
    return normalize(statistics[together(names)], see(obs, names))


def _moved(params: Any, updates: Any, rate: Float[Array, ""]) -> Any:
    """Go a step against the updates."""
    return jax.tree.map(lambda p, u: p - rate * u, params, updates)


def _flat(tree: Any) -> Any:
    """Make axes (env, time) one."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)
