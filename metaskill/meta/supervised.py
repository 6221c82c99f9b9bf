"""Supervised meta-learning as a learner: MAML (Finn et al. 2017) and its kin."""

import dataclasses

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.learner import Headline, Metrics
from metaskill.meta.adapt import (
    InnerLoop,
    Params,
    StepSize,
    adapt,
    adaptation_curve,
    descend,
    reptile_direction,
)
from metaskill.meta.in_parts import map_in_parts, value_and_grad_in_parts
from metaskill.meta.problem import SampleTask, SupervisedProblem, Task
from metaskill.meta.supervised_config import (
    INNER_OPTIMIZERS,
    SupervisedConfig,
    SupervisedHparams,
)
from metaskill.rl.annealing import annealed
from metaskill.rl.finite import accept_if, all_finite


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class MetaParams:
    """What the outer loop learns.

    Attributes:
        initial: The parameters from which every task is adapted to.
        inner_lr: A step size for each of them; None where it is a hyperparameter.
    """

    initial: Params
    inner_lr: Params | None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SupervisedState:
    """Everything that training continues from.

    Attributes:
        params: What is learned.
        optimizer: Adam's moments.
        hparams: Hyperparameters.
        key: Source of randomness.
        iteration: Iterations done.
    """

    params: MetaParams
    optimizer: optax.OptState
    hparams: SupervisedHparams
    key: PRNGKeyArray
    iteration: Int[Array, ""]


class SupervisedLearner:
    """Meta-learning on a family of supervised tasks.

    The steps it counts are outer updates, the papers' iterations: data points would make the
    same schedule look longer with every shot and way.
    """

    step_unit = "meta-updates"

    def __init__(self, problem: SupervisedProblem, config: SupervisedConfig):
        """Prepare the inner loops of training and evaluation."""
        self.problem = problem
        self.config = config
        self.inner = InnerLoop(
            order=config.order,
            max_steps=config.max_inner_steps,
            transform=INNER_OPTIMIZERS[config.inner_optimizer](),
            is_head=problem.is_head,
        )
        self._optimizer = optax.scale_by_adam()

    @property
    def headline(self) -> Headline:
        """What the problem is judged by at a glance."""
        return self.problem.headline

    @property
    def steps_per_iteration(self) -> int:
        """Outer updates in one call of `step`."""
        return self.config.updates_per_iteration

    def init(self, key: PRNGKeyArray, hparams: SupervisedHparams) -> SupervisedState:
        """Return the untrained state."""
        params_key, shape_key, key = jax.random.split(key, 3)
        inputs = jax.eval_shape(self.problem.sample, shape_key).support.inputs
        initial = self.problem.network.init(params_key, jnp.zeros(inputs.shape, inputs.dtype))
        hparams = SupervisedHparams(
            inner_lr=jnp.asarray(hparams.inner_lr, jnp.float32),
            outer_lr=jnp.asarray(hparams.outer_lr, jnp.float32),
            annealing_updates=jnp.asarray(hparams.annealing_updates, jnp.float32),
            reptile_epsilon=jnp.asarray(hparams.reptile_epsilon, jnp.float32),
            inner_steps=jnp.asarray(hparams.inner_steps, jnp.int32),
            num_tasks=jnp.asarray(hparams.num_tasks, jnp.int32),
        )
        inner_lr = None
        if self.config.order == "learned_alpha":
            inner_lr = jax.tree.map(lambda p: jnp.full_like(p, hparams.inner_lr), initial)
        params = MetaParams(initial, inner_lr)
        return SupervisedState(
            params=params,
            optimizer=self._optimizer.init(params),
            hparams=hparams,
            key=key,
            iteration=jnp.zeros((), jnp.int32),
        )

    def step(self, state: SupervisedState) -> tuple[SupervisedState, Metrics]:
        """Make some outer updates; metrics are their means."""
        state, metrics = jax.lax.scan(
            lambda state, _: self.update(state), state, length=self.config.updates_per_iteration
        )
        skipped = jnp.sum(metrics["skipped_updates"])
        metrics = jax.tree.map(jnp.mean, metrics) | {"skipped_updates": skipped}
        return dataclasses.replace(state, iteration=state.iteration + 1), metrics

    def update(self, state: SupervisedState) -> tuple[SupervisedState, Metrics]:
        """Draw tasks, and change the parameters so that they adapt to them better."""
        tasks_key, key = jax.random.split(state.key)
        n_tasks = self.config.tasks_per_update
        tasks = jax.vmap(self.problem.sample)(jax.random.split(tasks_key, n_tasks))
        if self.config.outer_rule == "reptile":
            params, optimizer, metrics = self._reptile(state, tasks)
        else:
            params, optimizer, metrics = self._outer_gradient_step(state, tasks)
        finite = all_finite(params)
        params, optimizer = accept_if(finite, (params, optimizer), (state.params, state.optimizer))
        metrics["skipped_updates"] = (~finite).astype(jnp.float32)
        return dataclasses.replace(state, params=params, optimizer=optimizer, key=key), metrics

    def value_and_grad(
        self, params: MetaParams, tasks: Task, hparams: SupervisedHparams
    ) -> tuple[Float[Array, ""], MetaParams]:
        """Return the mean loss after adaptation, over the tasks that count, and its gradient.

        mean_i L_i(theta - alpha grad L_i(theta; support_i); query_i), equation 1 of Finn et
        al. 2017 with more inner steps where `inner_steps` says so.

        Args:
            params: Meta-parameters.
            tasks: Tasks (axis: task).
            hparams: Hyperparameters.
        """

        def weighted_loss(params: MetaParams, weighted: tuple[Task, Array]) -> Float[Array, ""]:
            task, weight = weighted
            adapted = self._adapt(params, task, hparams)
            return weight * self.problem.batch_loss(adapted, task.query)

        weights = self.config.tasks_per_update * self._task_weights(hparams)
        return value_and_grad_in_parts(weighted_loss, params, (tasks, weights), self._tasks_at_once)

    def evaluate(self, state: SupervisedState, key: PRNGKeyArray) -> Metrics:
        """Adapt to meta-test tasks of every set-up and report each measure after each step.

        Metrics are named like `eval/k5_mse_1` (set-up, measure, inner steps), the mean over
        tasks; `eval/k5_mse_1_median` is their median, which a few diverging tasks do not move.
        `eval/k5_diverged` is the share of tasks on which the last step is not finite.
        """
        metrics, worst = {}, jnp.inf
        keys = jax.random.split(key, len(self.problem.held_out))
        for (setup, sample), setup_key in zip(self.problem.held_out.items(), keys, strict=True):
            curves = self.test_curves(state, sample, setup_key)
            for name, values in curves.items():
                finite = jnp.isfinite(values)
                means = jnp.mean(values, axis=0)
                medians = jnp.median(
                    jnp.where(finite, values, -worst if self.headline.higher_is_better else worst),
                    axis=0,
                )
                for i in range(self.config.eval_steps + 1):
                    metrics[f"eval/{setup}_{name}_{i}"] = means[i]
                    metrics[f"eval/{setup}_{name}_{i}_median"] = medians[i]
            metrics[f"eval/{setup}_diverged"] = jnp.mean(~finite[:, -1], dtype=jnp.float32)
        return metrics

    def test_curves(
        self, state: SupervisedState, sample: SampleTask, key: PRNGKeyArray
    ) -> dict[str, Float[Array, "task step"]]:
        """Return every measure on the queries of new tasks, after 0, 1, ... inner steps."""
        inner = dataclasses.replace(self.inner, max_steps=self.config.eval_steps)
        inner_lr = self._inner_lr(state.params, state.hparams)

        def of_task(key: PRNGKeyArray) -> dict[str, Float[Array, " step"]]:
            task = sample(key)
            _, curve = adaptation_curve(
                inner,
                self.problem.batch_loss,
                state.params.initial,
                task.support,
                inner_lr,
                lambda params: self.problem.measure(params, task.query),
            )
            return curve

        keys = jax.random.split(key, self.config.num_eval_tasks)
        at_once = min(self.config.eval_tasks_at_once, self.config.num_eval_tasks)
        return jax.lax.map(of_task, keys, batch_size=at_once)

    def _outer_gradient_step(
        self, state: SupervisedState, tasks: Task
    ) -> tuple[MetaParams, optax.OptState, Metrics]:
        loss, grads = self.value_and_grad(state.params, tasks, state.hparams)
        before = map_in_parts(
            lambda task: self.problem.batch_loss(state.params.initial, task.query),
            tasks,
            self._tasks_at_once,
        )
        # optax raises a float to an integer power, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"):
            updates, optimizer = self._optimizer.update(grads, state.optimizer)
        hparams = state.hparams
        rate = annealed(hparams.outer_lr, hparams.annealing_updates, state.optimizer.count)
        params = descend(state.params, rate, updates)
        metrics = {
            "loss/pre_adaptation": jnp.sum(self._task_weights(state.hparams) * before),
            "loss/post_adaptation": loss,
            "grad_norm": optax.tree.norm(grads),
        }
        return params, optimizer, metrics

    def _reptile(
        self, state: SupervisedState, tasks: Task
    ) -> tuple[MetaParams, optax.OptState, Metrics]:
        """Move towards the mean of the tasks' adapted parameters."""
        initial = state.params.initial
        weights = self._task_weights(state.hparams)

        def of_task(task: Task) -> tuple[Params, Float[Array, ""], Float[Array, ""]]:
            adapted = self._adapt(state.params, task, state.hparams)
            before = self.problem.batch_loss(initial, task.query)
            after = self.problem.batch_loss(adapted, task.query)
            return reptile_direction(initial, adapted), before, after

        directions, before, after = jax.vmap(of_task)(tasks)
        mean = jax.tree.map(lambda d: jnp.tensordot(weights, d, axes=1), directions)
        params = MetaParams(descend(initial, state.hparams.reptile_epsilon, mean), None)
        metrics = {
            "loss/pre_adaptation": jnp.sum(weights * before),
            "loss/post_adaptation": jnp.sum(weights * after),
            "grad_norm": optax.tree.norm(mean),
        }
        return params, state.optimizer, metrics

    def _adapt(self, params: MetaParams, task: Task, hparams: SupervisedHparams) -> Params:
        return adapt(
            self.inner,
            self.problem.batch_loss,
            params.initial,
            task.support,
            self._inner_lr(params, hparams),
            hparams.inner_steps,
        )

    def _inner_lr(self, params: MetaParams, hparams: SupervisedHparams) -> StepSize:
        return hparams.inner_lr if params.inner_lr is None else params.inner_lr

    @property
    def _tasks_at_once(self) -> int:
        return self.config.tasks_at_once or self.config.tasks_per_update

    def _task_weights(self, hparams: SupervisedHparams) -> Float[Array, " task"]:
        """Return equal weights for the first `num_tasks` tasks, 0 for the others."""
        counts = jnp.arange(self.config.tasks_per_update) < hparams.num_tasks
        weights = counts.astype(jnp.float32)
        return weights / jnp.sum(weights)
