"""Second-order MAML on sine waves against the same in torch.func, and how often it is traced.

python -m benchmarks.maml writes benchmarks/results/maml.json. It needs torch: pip install
'metaskill[bench]'.

Both have one thread, or as many as NPROC says. The operations are so small that a second one gains
torch nothing, and costs us a third of the time or more.
"""

import itertools
import os
import pathlib
import time
from typing import Any

import jax
import numpy as np

from metaskill.meta.sinusoid import sinusoid
from metaskill.meta.supervised import SupervisedLearner, SupervisedState
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results

UPDATES = 70_000
# torch does every update alike and compiles nothing, so that a part of them says what all take.
TORCH_UPDATES = 3_500
ROUNDS = 3
SHOTS, TASKS, HIDDEN, INNER_LR, OUTER_LR = 10, 25, (40, 40), 1e-3, 1e-3
RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    """Measure and write."""
    os.environ.setdefault("NPROC", "1")  # Threads of XLA, which looks when JAX is first used.
    torch_seconds(100)  # Its first updates are slower.
    rounds = [(jax_seconds(), torch_seconds(TORCH_UPDATES)) for _ in range(ROUNDS)]
    ours = np.array([seconds for (seconds, _), _ in rounds])
    theirs = np.array([seconds for _, (seconds, _) in rounds]) * UPDATES / TORCH_UPDATES
    ratios = theirs / ours
    low, high = np.percentile(ratios, [25, 75])
    figures = {
        "maml_over_torch": Figure(
            float(np.median(ratios)),
            (float(low), float(high)),
            ratios.tolist(),
            f"{UPDATES} second-order updates, compilation included, over torch.func in this run; "
            f"threads each: {os.environ['NPROC']}",
            required=7.0,
        ),
        "outer_step_traces": outer_step_traces(),
    }
    settings = {
        "updates": UPDATES,
        "torch_updates_measured": TORCH_UPDATES,
        "jax_seconds": ours.tolist(),
        "torch_seconds_extrapolated": theirs.tolist(),
        "jax_last_loss": [loss for (_, loss), _ in rounds],
        "torch_loss_then": [loss for _, (_, loss) in rounds],
    }
    print(write_results(RESULTS, "maml", figures, settings))
    for name, figure in figures.items():
        print(f"{name} {figure.value:.4g}  passed: {figure.passed}")


def jax_seconds() -> tuple[float, float]:
    """Return the time of all updates, tracing and compiling included, and the last loss."""
    learner = SupervisedLearner(
        sinusoid(SHOTS),
        SupervisedConfig(tasks_per_update=TASKS, updates_per_iteration=UPDATES // 70),
    )
    start = time.perf_counter()
    state = jax.jit(learner.init)(
        jax.random.key(0), SupervisedHparams(inner_lr=INNER_LR, outer_lr=OUTER_LR)
    )
    step = jax.jit(learner.step, donate_argnums=0)
    for _ in range(70):
        state, metrics = step(state)
    loss = float(metrics["loss/post_adaptation"])
    return time.perf_counter() - start, loss


def torch_seconds(updates: int) -> tuple[float, float]:
    """Return the time of some updates in torch.func, and the mean loss of the last hundred."""
    import torch
    from torch.func import functional_call, grad, vmap

    torch.set_num_threads(int(os.environ["NPROC"]))
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    sizes = (1, *HIDDEN, 1)
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        layers += [torch.nn.Linear(n_in, n_out)]
        layers += [torch.nn.ReLU()] if i < len(HIDDEN) else []
    network = torch.nn.Sequential(*layers)
    params = dict(network.named_parameters())
    optimizer = torch.optim.Adam(params.values(), lr=OUTER_LR)

    def loss_of(params: dict[str, Any], x: Any, y: Any) -> Any:
        return torch.nn.functional.mse_loss(functional_call(network, params, (x,)), y)

    def adapted_loss(params: dict[str, Any], x: Any, y: Any) -> Any:
        grads = grad(loss_of)(params, x[:SHOTS], y[:SHOTS])
        adapted = {name: params[name] - INNER_LR * grads[name] for name in params}
        return loss_of(adapted, x[SHOTS:], y[SHOTS:])

    losses = []
    start = time.perf_counter()
    for _ in range(updates):
        amplitude = torch.rand(TASKS, 1, 1) * 4.9 + 0.1
        phase = torch.rand(TASKS, 1, 1) * torch.pi
        x = torch.rand(TASKS, 2 * SHOTS, 1) * 10.0 - 5.0
        y = amplitude * torch.sin(x - phase)
        loss = vmap(adapted_loss, in_dims=(None, 0, 0))(params, x, y).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    last = float(torch.stack(losses[-100:]).mean())
    return time.perf_counter() - start, last


def outer_step_traces() -> Figure:
    """Traces of the outer update while inner steps and tasks change, as data."""
    traces = 0

    class Counting(SupervisedLearner):
        def update(self, state: SupervisedState) -> tuple[SupervisedState, dict[str, jax.Array]]:
            nonlocal traces
            traces += 1
            return super().update(state)

    config = SupervisedConfig(tasks_per_update=8, updates_per_iteration=1, max_inner_steps=5)
    learner = Counting(sinusoid(SHOTS), config)
    step = jax.jit(learner.step)
    for inner_steps in range(6):
        for num_tasks in (1, 4, 8):
            hparams = SupervisedHparams(inner_steps=inner_steps, num_tasks=num_tasks)
            step(learner.init(jax.random.key(inner_steps), hparams))
    source = "18 combinations of inner steps and tasks through one compiled program"
    return measured(traces, source, limit=1)


if __name__ == "__main__":
    main()
