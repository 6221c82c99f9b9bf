"""What meta-learning of policies improves: adapted policies, as a function of those before."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from metaskill.meta.adapt import InnerLoop, descend, inner_direction
from metaskill.meta.in_parts import map_in_parts, value_and_grad_in_parts
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.meta.maml_rl_state import Adaptation, TaskExperience
from metaskill.meta.policy_gradient import (
    Experience,
    Params,
    Scalar,
    clipped_loss,
    exploration_loss,
    kl_from_behaviour,
    mean_kl,
    surrogate_loss,
)
from metaskill.meta.promp import proximal_loss
from metaskill.meta.surrogates import find_surrogate, lvc
from metaskill.meta.trpo import Product, gauss_newton_product
from metaskill.networks.policy import GaussianPolicy


class OuterObjective:
    """The outer loss of TRPO or of ProMP, with E-MAML's term, and its trust region.

    Everywhere `params` holds the policy before adaptation, as `MAMLRLState.params`, and is
    adapted anew, on stored experience.
    """

    def __init__(self, config: MAMLRLConfig, policy: GaussianPolicy):
        """Say how to adapt which policy."""
        self.config = config
        self.policy = policy
        head = "latents" if config.num_latents else f"Dense_{len(config.hidden)}."
        self.inner = InnerLoop(
            config.order,
            config.inner_steps,
            is_head=lambda path: head in path,
        )
        self._surrogate = find_surrogate(config.surrogate)

    def step_size(self, params: dict[str, Any], hparams: MAMLRLHparams) -> Any:
        """Return the inner step size: one scalar, or with Meta-SGD one a parameter."""
        return params.get("inner_lr", hparams.inner_lr)

    def inner_step(self, policy: Params, experience: Experience, step_size: Any) -> Params:
        """Return a policy after an inner step on one task's experience.

        Where there was noise on the latents, they go by that too: both what single actions
        tell and what whole episodes tell estimate where the latents should go.
        """
        direction, _ = inner_direction(
            self.inner,
            lambda p, e: surrogate_loss(self._surrogate, self.policy, p, e),
            policy,
            experience,
            self.inner.transform.init(policy),
        )
        after = descend(policy, step_size, direction)
        if not self.config.num_latents:
            return after
        latents = after["params"]["latents"] + experience.latent_step
        return {"params": {**after["params"], "latents": latents}}

    def adapt(
        self, params: dict[str, Any], before: Experience, hparams: MAMLRLHparams
    ) -> Adaptation:
        """Adapt to one task: take the inner steps on its experience (axis: step)."""
        step_size = self.step_size(params, hparams)

        def step(policy: Params, experience: Experience) -> tuple[Params, tuple[Scalar, Scalar]]:
            seen = (
                kl_from_behaviour(self.policy, policy, experience),
                exploration_loss(self.policy, policy, experience),
            )
            return self.inner_step(policy, experience, step_size), seen

        adapted, (kl, exploration) = jax.lax.scan(step, params["policy"], before)
        return Adaptation(
            adapted, jnp.sum(kl) / max(self.config.inner_steps, 1), jnp.sum(exploration)
        )

    def inner_steps(self, policies: Params, experience: Experience, step_size: Any) -> Params:
        """Return the policies of all tasks after an inner step on their own (axis: task)."""
        return self._of_each_task(
            lambda own: self.inner_step(own[0], own[1], step_size), (policies, experience)
        )

    def loss(self, params: dict[str, Any], batch: TaskExperience, hparams: MAMLRLHparams) -> Scalar:
        """Return what the outer step descends: the adapted policies' loss, through adaptation.

        For TRPO it is minus the mean of ratio * A after adaptation, for ProMP its proximal
        loss. E-MAML's term gives what was sampled before adaptation credit for the
        return after it, relative to that of the other tasks.
        """
        return jnp.mean(self._of_each_task(lambda t: self._task_loss(params, t, hparams), batch))

    def value_and_grad(
        self, params: dict[str, Any], batch: TaskExperience, hparams: MAMLRLHparams
    ) -> tuple[Scalar, dict[str, Any]]:
        """Return the loss and its gradient."""
        part_size = min(self._tasks_at_once, len(batch.credit))
        return value_and_grad_in_parts(
            lambda p, task: self._task_loss(p, task, hparams), params, batch, part_size
        )

    def divergence(
        self, params: dict[str, Any], batch: TaskExperience, hparams: MAMLRLHparams
    ) -> Scalar:
        """Return the mean over tasks of KL(adapted policy that acted || adapted policy)."""

        def of_task(task: TaskExperience) -> Scalar:
            adapted = self.adapt(params, task.before, hparams).params
            return kl_from_behaviour(self.policy, adapted, task.after)

        return jnp.mean(self._of_each_task(of_task, batch))

    def curvature(
        self, params: dict[str, Any], batch: TaskExperience, hparams: MAMLRLHparams
    ) -> Product:
        """Return x to F x, with F the Hessian of the divergence at the parameters that acted."""

        def distributions(params: dict[str, Any]) -> Any:
            def of_task(task: TaskExperience) -> Any:
                adapted = self.adapt(params, task.before, hparams).params
                return self.policy.apply(adapted, task.after.episodes.obs)

            return self._of_each_task(of_task, batch)

        def divergence(after: Any) -> Scalar:
            return jnp.mean(jax.vmap(mean_kl)(batch.after, after))

        return gauss_newton_product(distributions, divergence, params)

    @property
    def _tasks_at_once(self) -> int:
        on_cpu = jax.default_backend() == "cpu"
        return self.config.tasks_at_once or (1 if on_cpu else self.config.num_tasks)

    def _of_each_task(self, function: Callable[[Any], Any], tasks: Any) -> Any:
        return map_in_parts(function, tasks, self._tasks_at_once)

    def _task_loss(
        self, params: dict[str, Any], task: TaskExperience, hparams: MAMLRLHparams
    ) -> Scalar:
        adaptation = self.adapt(params, task.before, hparams)
        if self.config.outer == "promp":
            clipped = clipped_loss(self.policy, adaptation.params, task.after, hparams.clip)
            loss = proximal_loss(clipped, adaptation.kl, hparams.kl_weight)
        else:
            loss = surrogate_loss(lvc, self.policy, adaptation.params, task.after)
        return loss + hparams.exploration * task.credit * adaptation.exploration
