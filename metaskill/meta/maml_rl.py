"""Policies that adapt to a task in a gradient step: MAML, ProMP and E-MAML as one learner."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Context, Env, Observation, require_observations, see, seen_size
from metaskill.envs.policy import Reactive
from metaskill.learner import Headline, Metrics
from metaskill.meta.baseline import normalized_advantages
from metaskill.meta.episodes import play_episodes
from metaskill.meta.in_parts import divided
from metaskill.meta.latents import better_noise, stratified_noise
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.meta.maml_rl_state import MAMLRLState, TaskExperience, experience_of_tasks
from metaskill.meta.outer_objective import OuterObjective
from metaskill.meta.policy_gradient import Experience, Params, Scalar
from metaskill.meta.promp import adam_epochs
from metaskill.meta.trpo import trust_region_step
from metaskill.networks.normalizer import init_statistics, normalize, update_statistics
from metaskill.networks.policy import GaussianPolicy
from metaskill.rl.failures import Failures, failure_metrics
from metaskill.rl.finite import accept_if, all_finite
from metaskill.tasks.family import TaskFamily

_EVALUATED_STEPS = 3
_HELD_OUT_SEED = 0


class MAMLRL:
    """Meta-learning by policy gradients on one environment and one family of tasks.

    An iteration plays episodes of some tasks, adapts to each task by inner steps on
    fresh episodes, plays episodes of the adapted policies, and moves the parameters
    before adaptation so that the adapted ones get better.

    Observations are not normalized by running moments, which would be one more thing that
    differs between what a task was adapted to and what is differentiated: as in the papers not
    at all, or by moments that never change (`normalize_obs`).
    """

    headline = Headline("eval/return", "episode_return", "return after adaptation")
    step_unit = "environment steps"

    def __init__(self, env: Env, config: MAMLRLConfig, family: TaskFamily):
        """Build the policy.

        Args:
            env: The environment.
            config: Static configuration.
            family: The tasks.

        Raises:
            UserError: If the environment lacks the observation that is asked for.
        """
        require_observations(env, config, "policy_obs")
        self.env = env
        self.config = config
        self.family = family
        self.network = GaussianPolicy(
            env.action_size,
            config.hidden,
            config.activation,
            "gaussian",
            config.initial_std,
            config.num_latents,
        )
        self.objective = OuterObjective(config, self.network)
        self._adam = optax.scale_by_adam(eps=1e-8)

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self.config.num_tasks * self.config.num_episodes

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in one call of `step`, those after a termination included."""
        config = self.config
        episodes = config.num_tasks * config.num_episodes * (config.inner_steps + 1)
        return episodes * self.env.episode_length

    def init(self, key: PRNGKeyArray, hparams: MAMLRLHparams) -> MAMLRLState:
        """Return the untrained state."""
        policy_key, key = jax.random.split(key)
        hparams = jax.tree.map(jnp.float32, hparams)
        obs = jnp.zeros(seen_size(self.env, self.config.policy_obs))
        seen = jnp.concatenate([obs, jnp.zeros(self.config.num_latents)])
        params: dict[str, Any] = {"policy": self.network.init(policy_key, seen)}
        if self.config.order == "learned_alpha":
            params["inner_lr"] = jax.tree.map(
                lambda leaf: jnp.full_like(leaf, hparams.inner_lr), params["policy"]
            )
        untrained = MAMLRLState(
            params=params,
            optimizer=self._adam.init(params),
            scale=init_statistics(obs.size),
            hparams=hparams,
            key=key,
            iteration=jnp.zeros((), jnp.int32),
        )
        return self._measured(untrained) if self.config.normalize_obs else untrained

    def step(self, state: MAMLRLState) -> tuple[MAMLRLState, Metrics]:
        """Experience some tasks before and after adaptation, then improve the adaptation."""
        task_key, episode_key, key = jax.random.split(state.key, 3)
        tasks = jax.vmap(self.family.sample)(jax.random.split(task_key, self.config.num_tasks))
        keys = jax.random.split(episode_key, self.config.num_tasks)
        batch = self.experience(state, tasks, keys)
        params, optimizer, losses = self.outer_step(state, batch)
        finite = all_finite(params)
        params, optimizer = accept_if(finite, (params, optimizer), (state.params, state.optimizer))
        after = jnp.mean(batch.after.episodes.total_return)
        before = [
            jnp.mean(batch.before.episodes.total_return[:, i])
            for i in range(self.config.inner_steps)
        ]
        metrics = {
            "episode_return": after,
            **{f"return_{i}": value for i, value in enumerate([*before, after])},
            "skipped_updates": (~finite).astype(jnp.float32),
            "policy_std": jnp.mean(jnp.exp(params["policy"]["params"]["log_std"])),
            **failure_metrics(_all_failures(batch)),
            **{f"loss/{name}": value for name, value in losses.items()},
        }
        state = dataclasses.replace(
            state, params=params, optimizer=optimizer, key=key, iteration=state.iteration + 1
        )
        return state, metrics

    def evaluate(self, state: MAMLRLState, key: PRNGKeyArray) -> Metrics:
        """Return the adaptation curve: mean returns on held-out tasks after 0 to 3 inner steps.

        Tasks are the same in all evaluations, so that seeds and baselines differ by what they
        learned, and not by how hard their tasks are. Every step has fresh episodes. The
        policies are stochastic, as in the papers. `eval/return` is the return after one step.
        """
        n_tasks = self.config.num_eval_tasks
        task_keys = jax.random.split(jax.random.key(_HELD_OUT_SEED), n_tasks)
        tasks = jax.vmap(self.family.sample_held_out)(task_keys)
        _, returns, failures = jax.vmap(
            lambda task, k: self._adapt(state, task, k, _EVALUATED_STEPS)
        )(tasks, jax.random.split(key, n_tasks))
        returns = jnp.mean(returns, axis=-1)
        curve = jnp.mean(returns, axis=0)
        return {
            "eval/return": curve[1],
            **{f"eval/return_{i}": curve[i] for i in range(_EVALUATED_STEPS + 1)},
            **{f"eval/return_{i}_worst": jnp.min(returns[:, i]) for i in (1, _EVALUATED_STEPS)},
            **failure_metrics(failures, "eval/"),
        }

    def policy(self, state: MAMLRLState) -> Reactive:
        """Return the policy before adaptation: the mode of its distribution, without noise."""

        def choose(obs: Observation) -> Float[Array, " action"]:
            seen = jnp.concatenate([self._see(state, obs), jnp.zeros(self.config.num_latents)])
            action: Array = self.network.apply(state.params["policy"], seen).mode()
            return action

        return Reactive(choose)

    def outer_step(
        self, state: MAMLRLState, batch: TaskExperience
    ) -> tuple[dict[str, Any], optax.OptState, Metrics]:
        """Improve the parameters on what was experienced (axis: task), by the outer rule."""
        hparams = state.hparams
        if self.config.outer == "promp":
            # The tasks are in no order, so that any part of them is a fair sample.
            return adam_epochs(
                lambda params, part: self.objective.value_and_grad(params, part, hparams),
                self._adam,
                state.params,
                state.optimizer,
                divided(batch, self.config.num_minibatches),
                hparams.learning_rate,
                self.config.num_epochs,
            )

        def slope(params: dict[str, Any]) -> tuple[Scalar, dict[str, Any]]:
            loss, gradient = self.objective.value_and_grad(params, batch, hparams)
            return -loss, jax.tree.map(jnp.negative, gradient)

        some_tasks = jax.tree.map(lambda leaf: leaf[: self.config.num_curvature_tasks], batch)
        params, report = trust_region_step(
            lambda params: -self.objective.loss(params, batch, hparams),
            lambda params: self.objective.divergence(params, batch, hparams),
            state.params,
            hparams.delta,
            slope,
            self.objective.curvature(state.params, some_tasks, hparams),
        )
        losses = {
            "improvement": report.improvement,
            "kl": report.divergence,
            "accepted": jnp.where(report.accepted, 1.0, 0.0),
            "backtracks": report.backtracks.astype(jnp.float32),
        }
        return params, state.optimizer, losses

    def experience(self, state: MAMLRLState, tasks: Context, keys: PRNGKeyArray) -> TaskExperience:
        """Play tasks, adapting to each between the inner steps, and play them once more.

        All worlds of all tasks are stepped side by side.

        Args:
            state: The meta-learned state.
            tasks: The tasks (axis: task).
            keys: Source of each task's randomness (axis: task).
        """
        step_size = self.objective.step_size(state.params, state.hparams)
        play = jax.vmap(self._play, in_axes=(0, 0, 0, None, None))

        def step(policies: Params, inputs: tuple[PRNGKeyArray, Array]) -> tuple[Params, Experience]:
            keys, noise_std = inputs
            experience = play(policies, tasks, keys, state, noise_std)
            return self.objective.inner_steps(policies, experience, step_size), experience

        split = jax.vmap(lambda key: jax.random.split(key, self.config.inner_steps + 1))
        before_keys, after_keys = jnp.split(split(keys).T, (self.config.inner_steps,))
        policies = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (*keys.shape, *leaf.shape)),
            state.params["policy"],
        )
        noise_stds = _noise_stds(state.hparams, self.config.inner_steps)
        adapted, before = jax.lax.scan(step, policies, (before_keys, noise_stds[:-1]))
        before = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), before)
        after = play(adapted, tasks, after_keys[0], state, noise_stds[-1])
        return experience_of_tasks(before, after)

    def adapt_to(
        self, state: MAMLRLState, task: Context, key: PRNGKeyArray, n_steps: int
    ) -> tuple[Params, Float[Array, "step episode"]]:
        """Adapt to one task as it is done after training, and play it in between.

        Args:
            state: The meta-learned state.
            task: The task.
            key: Source of the episodes' randomness.
            n_steps: Number of inner steps, each on fresh episodes. The first has the step
                size of training, those after it `later_steps` of that.

        Returns:
            The policy before the first step and after each (axis: step, of n_steps + 1), and
            returns of each: those of the episodes that the first step learns from, and after
            each step what comes of taking no other. With latents, whose noise may go on between
            steps, that is played once more for the returns' sake.
        """
        policies, returns, _ = self._adapt(state, task, key, n_steps)
        return policies, returns

    def _adapt(
        self, state: MAMLRLState, task: Context, key: PRNGKeyArray, n_steps: int
    ) -> tuple[Params, Float[Array, "step episode"], Failures]:
        """Adapt as `adapt_to` does, and say which episodes ended because a world broke down."""
        step_size = self.objective.step_size(state.params, state.hparams)

        def step(
            policy: Params, inputs: tuple[PRNGKeyArray, Array, Array]
        ) -> tuple[Params, tuple[Params, Array, Failures]]:
            key, noise_std, scale = inputs
            experience = self._play(policy, task, key, state, noise_std)
            scaled = jax.tree.map(lambda size: scale * size, step_size)
            adapted = self.objective.inner_step(policy, experience, scaled)
            episodes = experience.episodes
            return adapted, (policy, episodes.total_return, episodes.failures)

        keys = jax.random.split(key, n_steps + 1)
        scales = jnp.full(n_steps + 1, state.hparams.later_steps).at[0].set(1.0)
        inputs = (keys, _noise_stds(state.hparams, n_steps), scales)
        _, (policies, returns, failures) = jax.lax.scan(step, state.params["policy"], inputs)
        if self.config.num_latents and n_steps > 1:
            # What noise costs on the way is not what a policy is worth where one stops.
            def play_quietly(policy: Params, key: PRNGKeyArray) -> Float[Array, " episode"]:
                own_key = jax.random.fold_in(key, 1)
                return self._play(policy, task, own_key, state, 0.0).episodes.total_return

            between = jax.tree.map(lambda leaf: leaf[1:-1], policies)
            returns = returns.at[1:-1].set(jax.vmap(play_quietly)(between, keys[1:-1]))
        return policies, returns, failures

    def _play(
        self,
        policy: Params,
        task: Context,
        key: PRNGKeyArray,
        state: MAMLRLState,
        noise_std: float | Array,
    ) -> Experience:
        """Play a policy, with noise of that standard deviation on its latents."""
        config, hparams = self.config, state.hparams
        # A key of its own: policies without latents are to play what they always did.
        noise_key = jax.random.fold_in(key, 0)
        noise = stratified_noise(noise_key, config.num_episodes, config.num_latents)
        noise = noise_std * noise
        episodes = play_episodes(
            self.env,
            task,
            lambda obs: self._see(state, obs),
            lambda seen: self.network.apply(policy, seen),
            key,
            noise,
        )
        return Experience(
            episodes,
            normalized_advantages(episodes, hparams.discount, hparams.gae_lambda),
            better_noise(noise, episodes.total_return, hparams.latent_temperature),
        )

    def _see(self, state: MAMLRLState, obs: Observation) -> Float[Array, " obs"]:
        own = see(obs, self.config.policy_obs)
        return normalize(state.scale, own) if self.config.normalize_obs else own

    def _measured(self, untrained: MAMLRLState) -> MAMLRLState:
        """Return the untrained state with the moments of what its policy observes.

        Episodes count as a whole, with what follows a termination; single observations are
        clipped to ±10, as normalized ones are later.
        """
        task_key, episode_key, key = jax.random.split(untrained.key, 3)
        n = self.config.num_tasks
        tasks = jax.vmap(self.family.sample)(jax.random.split(task_key, n))
        play = jax.vmap(self._play, in_axes=(None, 0, 0, None, None))
        keys = jax.random.split(episode_key, n)
        policy, noise_std = untrained.params["policy"], untrained.hparams.latent_std
        played = play(policy, tasks, keys, untrained, noise_std)
        own = played.episodes.obs[..., : untrained.scale.mean.size]
        scale = update_statistics(untrained.scale, own)
        return dataclasses.replace(untrained, scale=scale, key=key)


def _noise_stds(hparams: MAMLRLHparams, n_steps: int) -> Float[Array, " step"]:
    """Return how wide the latents' noise is before each inner step, and after the last: none."""
    stds = hparams.latent_std * hparams.later_noise ** jnp.arange(n_steps + 1.0)
    return stds.at[n_steps].set(0.0)


def _all_failures(batch: TaskExperience) -> Failures:
    """Return the failures before and after adaptation, in one list by cause."""
    parts = (batch.before.episodes.failures, batch.after.episodes.failures)
    return jax.tree.map(lambda *each: jnp.concatenate([jnp.ravel(part) for part in each]), *parts)
