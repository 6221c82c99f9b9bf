"""How far each surrogate's meta-gradient is from the exact one, without sampling noise.

python -m benchmarks.metagradients writes benchmarks/results/metagradients.json.
"""

import dataclasses
import itertools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from metaskill.meta.surrogates import SURROGATES, Surrogate
from metaskill.results.figure import measured
from metaskill.results.file import write_results

RESULTS = pathlib.Path(__file__).parent / "results"
N_STATES, N_ACTIONS, HORIZON = 3, 2, 3
INNER_LR = 1.0

Logits = Float[Array, "state action"]


@dataclasses.dataclass(frozen=True)
class Trajectories:
    """All trajectories of a small MDP (axes: trajectory, time).

    Attributes:
        state: s_t.
        action: a_t.
        reward: r_t.
        world_prob: The world's share of the trajectory's probability.
    """

    state: Int[np.ndarray, "trajectory time"]
    action: Int[np.ndarray, "trajectory time"]
    reward: Float[np.ndarray, "trajectory time"]
    world_prob: Float[np.ndarray, " trajectory"]

    def log_prob(self, logits: Logits) -> Float[Array, "trajectory time"]:
        """Return log pi(a_t | s_t) of a softmax policy."""
        return jax.nn.log_softmax(logits)[self.state, self.action]

    def probability(self, logits: Logits) -> Float[Array, " trajectory"]:
        """Return the trajectories' probabilities."""
        return jnp.asarray(self.world_prob) * jnp.exp(jnp.sum(self.log_prob(logits), axis=1))

    def expected_return(self, logits: Logits) -> Float[Array, ""]:
        """Return J, exactly."""
        return jnp.vdot(self.probability(logits), jnp.sum(self.reward, axis=1))

    @property
    def reward_to_go(self) -> Float[np.ndarray, "trajectory time"]:
        """What is still to come, the step's own reward included."""
        return np.cumsum(self.reward[:, ::-1], axis=1)[:, ::-1]

    def expected_surrogate(self, surrogate: Surrogate, logits: Logits) -> Float[Array, ""]:
        """Return a surrogate's expectation, its samples' distribution a constant."""
        log_prob = self.log_prob(logits)
        behaviour = jax.lax.stop_gradient(log_prob)
        valid = jnp.ones(self.state.shape, bool)
        terms = jax.vmap(surrogate)(log_prob, behaviour, jnp.asarray(self.reward_to_go), valid)
        weight = jax.lax.stop_gradient(self.probability(logits))
        return jnp.vdot(weight, jnp.sum(terms, axis=1))


def all_trajectories(seed: int = 0) -> Trajectories:
    """Enumerate those of a random MDP."""
    rng = np.random.default_rng(seed)
    start = rng.dirichlet(np.ones(N_STATES))
    follows = rng.dirichlet(np.ones(N_STATES), (N_STATES, N_ACTIONS))
    rewards = rng.normal(size=(N_STATES, N_ACTIONS))
    states = np.array(list(itertools.product(range(N_STATES), repeat=HORIZON)))
    actions = np.array(list(itertools.product(range(N_ACTIONS), repeat=HORIZON)))
    state = np.repeat(states, len(actions), axis=0)
    action = np.tile(actions, (len(states), 1))
    moves = follows[state[:, :-1], action[:, :-1], state[:, 1:]]
    return Trajectories(
        state=state,
        action=action,
        reward=rewards[state, action].astype(np.float32),
        world_prob=(start[state[:, 0]] * np.prod(moves, axis=1)).astype(np.float32),
    )


def some_logits() -> Logits:
    """Return a policy that is not uniform."""
    return jax.random.normal(jax.random.key(0), (N_STATES, N_ACTIONS))


def metagradient(world: Trajectories, logits: Logits, surrogate: Surrogate | None) -> Logits:
    """Differentiate J(theta + alpha grad J(theta)) by theta.

    Args:
        world: The MDP.
        logits: theta.
        surrogate: What stands for J in the inner step; None for J itself.
    """

    def inner(logits: Logits) -> Float[Array, ""]:
        if surrogate is None:
            return world.expected_return(logits)
        return world.expected_surrogate(surrogate, logits)

    def objective(logits: Logits) -> Float[Array, ""]:
        return world.expected_return(logits + INNER_LR * jax.grad(inner)(logits))

    return jax.grad(objective)(logits)


def first_order(world: Trajectories, logits: Logits) -> Logits:
    """Return the meta-gradient that leaves the inner step's Hessian out (FOMAML)."""
    gradient = jax.grad(world.expected_return)
    return gradient(logits + INNER_LR * gradient(logits))


def relative_error(value: Array, exact: Array) -> float:
    """Return ||value - exact|| / ||exact||."""
    return float(jnp.linalg.norm(value - exact) / jnp.linalg.norm(exact))


def metagradient_errors(seed: int = 0) -> dict[str, float]:
    """Return each surrogate's relative error, and that of the first order."""
    world, logits = all_trajectories(seed), some_logits()
    exact = metagradient(world, logits, None)
    errors = {
        name: relative_error(metagradient(world, logits, surrogate), exact)
        for name, surrogate in SURROGATES.items()
    }
    return errors | {"first_order": relative_error(first_order(world, logits), exact)}


def main() -> None:
    """Measure and write."""
    source = f"exact Hessian of an MDP with {N_STATES} states, all trajectories enumerated"
    limits = {"dice": 1e-5}
    figures = {
        f"metagradient_error_{name}": measured(error, source, limit=limits.get(name))
        for name, error in metagradient_errors().items()
    }
    settings = {"horizon": HORIZON, "actions": N_ACTIONS, "inner_lr": INNER_LR}
    print(write_results(RESULTS, "metagradients", figures, settings))
    for name, figure in figures.items():
        print(f"{name:<32} {figure.value:.3g}  passed: {figure.passed}")


if __name__ == "__main__":
    main()
