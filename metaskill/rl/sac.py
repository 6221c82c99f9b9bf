"""Soft actor-critic (Haarnoja et al. 2018b) as a learner."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

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
from metaskill.networks.critic import Critics
from metaskill.networks.normalizer import init_statistics, normalize, update_statistics
from metaskill.networks.policy import StateDependentGaussianPolicy
from metaskill.rl.evaluation import evaluate_policy
from metaskill.rl.failures import failure_metrics
from metaskill.rl.finite import accept_if, all_finite
from metaskill.rl.hooks import Hooks, fresh_rewards, loss_and_gradient
from metaskill.rl.replay import Experience, init_replay, insert, remember, sample
from metaskill.rl.rollout import (
    MemorylessExplorer,
    Worker,
    finished_episode_metrics,
    rollout,
    start_worker,
    trajectory_failures,
)
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.rl.sac_loss import ENTROPY, Batch, Params, Regularizer, sac_loss
from metaskill.rl.sac_state import Networks, SACState, Statistics, move_towards


class SAC:
    """SAC on one environment and one distribution of contexts.

    Replay holds observations and rewards as the environment gave them: they are normalized
    and scaled when they are sampled, so that what is old is seen as what is new.
    """

    headline = RETURN
    step_unit = "environment steps"

    def __init__(
        self,
        env: Env,
        config: SACConfig,
        sample_context: SampleContext | None = None,
        hooks: Hooks | None = None,
        regularizer: Regularizer = ENTROPY,
        policy: StateDependentGaussianPolicy | None = None,
    ):
        """Build the networks.

        Args:
            env: The environment.
            config: Static configuration.
            sample_context: Draws each episode's context; the nominal one by default.
            hooks: Where other algorithms enter; nowhere by default.
            regularizer: What keeps the policy from being greedy.
            policy: The policy's network; that of the configuration by default.

        Raises:
            UserError: If the environment lacks an observation that is asked for.
        """
        require_observations(env, config, "policy_obs", "critic_obs")
        self.env = env
        self.config = config
        self.sample_context = sample_context or (lambda _: env.nominal_context())
        self.hooks = hooks or Hooks()
        self.regularizer = regularizer
        self.network = policy or StateDependentGaussianPolicy(
            env.action_size,
            config.policy_hidden,
            config.activation,
            initial_std=config.initial_std,
        )
        self.critic = Critics(config.critic_hidden, config.activation)
        self._optimizer = optax.scale_by_adam()

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self.config.num_envs

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in one call of `step`."""
        return self.config.steps_per_iteration

    def init(self, key: PRNGKeyArray, hparams: SACHparams) -> SACState:
        """Return the untrained state, with an empty replay."""
        policy_key, critic_key, workers_key, key, intrinsic_key = jax.random.split(key, 5)
        config, env = self.config, self.env
        params = {
            "policy": self.network.init(policy_key, jnp.zeros(seen_size(env, config.policy_obs))),
            "critic": self.critic.init(
                critic_key,
                jnp.zeros(seen_size(env, config.critic_obs)),
                jnp.zeros(self.env.action_size),
            ),
            "log_entropy_weight": jnp.log(jnp.float32(hparams.entropy_weight)),
        }
        worker_keys = jax.random.split(workers_key, self.config.num_envs)
        workers = jax.vmap(lambda k: start_worker(self.env, self.sample_context, k))(worker_keys)
        networks = Networks(params, params["critic"], self._optimizer.init(params))
        statistics = {
            together(names): init_statistics(seen_size(env, names)) for names in self._observed
        }
        _, trajectory = jax.eval_shape(
            lambda: self._collect(networks, statistics, workers, jnp.ones((), bool))
        )
        one_transition = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[2:], leaf.dtype), remember(trajectory)
        )
        empty = init_replay(one_transition, self.config.slots_per_env)
        intrinsic = self.hooks.intrinsic
        return SACState(
            networks=networks,
            statistics=statistics,
            workers=workers,
            replay=jax.tree.map(
                lambda leaf: jnp.broadcast_to(leaf, (self.config.num_envs, *leaf.shape)), empty
            ),
            intrinsic=None if intrinsic is None else intrinsic.init(intrinsic_key),
            hparams=jax.tree.map(jnp.float32, hparams),
            key=key,
            iteration=jnp.zeros((), jnp.int32),
            updates=jnp.zeros(()),
        )

    def step(self, state: SACState) -> tuple[SACState, Metrics]:
        """Collect experience with the current policy, then learn from what replay holds."""
        sample_key, update_key, key, intrinsic_key = jax.random.split(state.key, 4)
        warming_up = state.iteration < self.config.warm_up_iterations
        workers, trajectory = self._collect(
            state.networks, state.statistics, state.workers, warming_up
        )
        statistics = state.statistics
        if self.config.normalize_observations:
            statistics = {
                together(names): update_statistics(
                    state.statistics[together(names)], see(trajectory.obs, names)
                )
                for names in self._observed
            }
            statistics = accept_if(all_finite(statistics), statistics, state.statistics)
        replay = jax.vmap(insert)(state.replay, remember(trajectory))
        # All batches at once: then the loop of updates need not carry the replay.
        n_updates, batch_size = self.config.updates_per_iteration, self.config.batch_size
        experience = sample(replay, sample_key, n_updates * batch_size)
        intrinsic, reward, intrinsic_metrics = fresh_rewards(
            self.hooks, state.intrinsic, experience, intrinsic_key
        )
        batches = jax.tree.map(
            lambda leaf: leaf.reshape(n_updates, batch_size, *leaf.shape[1:]),
            dataclasses.replace(experience, reward=reward),
        )
        networks, losses, skipped = self._update(state, statistics, batches, update_key)
        # Under `vmap` a condition would compute both sides: learning in vain is as cheap.
        learned = (networks, intrinsic)
        networks, intrinsic = accept_if(~warming_up, learned, (state.networks, state.intrinsic))
        n_learned = jnp.where(warming_up, 0.0, n_updates - skipped)
        of_learning = {**{f"loss/{name}": v for name, v in losses.items()}, **intrinsic_metrics}
        updates = state.updates + n_learned
        metrics = {
            **finished_episode_metrics(trajectory),
            **failure_metrics(trajectory_failures(trajectory)),
            **{name: jnp.where(warming_up, jnp.nan, v) for name, v in of_learning.items()},
            **{f"env/{name}": jnp.mean(value) for name, value in trajectory.metrics.items()},
            "skipped_updates": jnp.where(warming_up, 0.0, skipped),
            "updates": updates,
            "update_to_data": n_learned / self.config.steps_per_iteration,
            "replay_filled": jnp.mean(replay.filled),
        }
        return SACState(
            networks=networks,
            statistics=statistics,
            workers=workers,
            replay=replay,
            intrinsic=intrinsic,
            hparams=state.hparams,
            key=key,
            iteration=state.iteration + 1,
            updates=updates,
        ), metrics

    def evaluate(self, state: SACState, key: PRNGKeyArray) -> Metrics:
        """Return statistics of whole episodes under the deterministic policy."""
        return evaluate_policy(
            self.env,
            self.sample_context,
            self.policy(state),
            key,
            self.config.num_eval_episodes,
        )

    def policy(self, state: SACState) -> Reactive:
        """Return the trained policy: the mode of its distribution."""
        return Reactive(
            lambda obs: self._distribution(state.networks.params, state.statistics, obs).mode()
        )

    @property
    def _observed(self) -> set[Names]:
        return {self.config.policy_obs, self.config.critic_obs}

    def _distribution(self, params: Params, statistics: Statistics, obs: Observation) -> Any:
        names = self.config.policy_obs
        seen = normalize(statistics[together(names)], see(obs, names))
        return self.network.apply(params["policy"], seen)

    def _collect(
        self,
        networks: Networks,
        statistics: Statistics,
        workers: Worker,
        at_random: Bool[Array, ""],
    ) -> tuple[Worker, Any]:
        """Follow the policy, or uniformly random actions if so configured, in every world."""

        def act(obs: Observation, key: PRNGKeyArray) -> tuple[Array, dict[str, Array]]:
            random_key, policy_key = jax.random.split(key)
            distribution = self._distribution(networks.params, statistics, obs)
            chosen = distribution.to_action(distribution.sample(policy_key))
            if not self.config.random_warm_up:
                return chosen, {"action": chosen}
            random = jax.random.uniform(random_key, chosen.shape, minval=-1.0, maxval=1.0)
            action = jnp.where(at_random, random, chosen)
            return action, {"action": action}

        return jax.vmap(
            lambda worker: rollout(
                self.env,
                self.sample_context,
                MemorylessExplorer(act),
                worker,
                self.config.rollout_length,
            )
        )(workers)

    def _make_batch(
        self, experience: Experience, statistics: Statistics, hparams: SACHparams
    ) -> Batch:
        """Normalize what was sampled."""

        def normalized(obs: Observation, names: Names) -> Array:
            return normalize(statistics[together(names)], see(obs, names))

        weigh = self.hooks.sample_weight
        return Batch(
            policy_obs=normalized(experience.obs, self.config.policy_obs),
            critic_obs=normalized(experience.obs, self.config.critic_obs),
            next_policy_obs=normalized(experience.next_obs, self.config.policy_obs),
            next_critic_obs=normalized(experience.next_obs, self.config.critic_obs),
            action=experience.choice["action"],
            reward=hparams.reward_scale * experience.reward,
            terminated=experience.terminated,
            weight=jnp.ones_like(experience.reward) if weigh is None else weigh(experience),
        )

    def _update(
        self, state: SACState, statistics: Statistics, experience: Experience, key: PRNGKeyArray
    ) -> tuple[Networks, Metrics, Float[Array, ""]]:
        """Make a gradient step on every batch (leading axis of the experience).

        Returns:
            Networks, metrics averaged over the steps, and the number of steps that were
            skipped because loss or gradient was not finite.
        """
        hparams = state.hparams
        rates = {
            "policy": hparams.policy_learning_rate,
            "critic": hparams.critic_learning_rate,
            "log_entropy_weight": hparams.entropy_learning_rate,
        }

        def gradient_step(
            networks: Networks, inputs: tuple[Experience, PRNGKeyArray]
        ) -> tuple[Networks, tuple[Metrics, Array]]:
            experience, key = inputs
            loss_key, auxiliary_key = jax.random.split(key)
            batch = self._make_batch(experience, statistics, hparams)
            loss, metrics, grads = loss_and_gradient(
                lambda params: sac_loss(
                    params,
                    networks.target,
                    batch,
                    hparams,
                    self.network,
                    self.critic,
                    loss_key,
                    self.regularizer,
                ),
                self.hooks,
                networks.params,
                batch,
                auxiliary_key,
            )
            norm = optax.tree.norm(grads)
            # optax raises a float to an integer power, which strict promotion refuses.
            with jax.numpy_dtype_promotion("standard"):
                steps, optimizer = self._optimizer.update(grads, networks.optimizer)
            params = {
                name: jax.tree.map(
                    lambda p, s, rate=rate: p - rate * s, networks.params[name], steps[name]
                )
                for name, rate in rates.items()
            }
            target = move_towards(networks.target, params["critic"], hparams.target_rate)
            finite = all_finite((loss, norm))
            networks = accept_if(finite, Networks(params, target, optimizer), networks)
            return networks, ({**metrics, "grad_norm": norm}, (~finite).astype(jnp.float32))

        keys = jax.random.split(key, self.config.updates_per_iteration)
        networks, (metrics, skipped) = jax.lax.scan(
            gradient_step, state.networks, (experience, keys)
        )
        return networks, jax.tree.map(jnp.mean, metrics), jnp.sum(skipped)
