"""Every learner's numbers, at a commit and now: a change of structure changes none of them.

python -m benchmarks.same_numbers COMMIT trains each experiment of `tests/tiny.py` for three
iterations and an evaluation, in a worktree of COMMIT and in this one, with the suite's flags,
and writes benchmarks/results/same_numbers.json.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ITERATIONS = 3
ROOT = pathlib.Path(__file__).parents[1]
COMPARED = re.compile(r"iteration_\d+/|eval/|.*(param|statistics|scale|moments|intrinsic)")
"""Metrics, evaluations, and of a state what has been learned."""

RENAMED: list[tuple[str, str]] = [
    # A policy told a skill observes ("state", "skill"), where `state` used to hold both.
    (r"^((?:diayn|dads|fine_tuning)\w*/state.*statistics)\['state'\]", r"\1['state+skill']"),
]
"""Patterns of names at the commit, and what stands for them now."""


def numbers(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Train every experiment and return its numbers by name."""
    import jax
    import jax.numpy as jnp

    from metaskill.training.population import hparams_of
    from tests.tiny import experiments

    found: dict[str, np.ndarray] = {}
    for name, experiment in experiments(folder).items():
        learner = experiment.make_learner()
        state = jax.jit(learner.init)(jax.random.key(0), hparams_of(experiment, 0))
        step = jax.jit(learner.step)
        for iteration in range(ITERATIONS):
            state, metrics = step(state)
            found |= {f"{name}/iteration_{iteration}/{k}": v for k, v in metrics.items()}
        evaluation = jax.jit(learner.evaluate)(state, jax.random.key(1))
        found |= {f"{name}/{key}": value for key, value in evaluation.items()}
        for path, leaf in jax.tree_util.tree_leaves_with_path(state):
            if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                found[f"{name}/state{jax.tree_util.keystr(path)}"] = leaf
        print(name, flush=True)
    return {key: np.asarray(value) for key, value in found.items()}


def compare(before: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the largest relative difference of each number that both should have.

    Raises:
        KeyError: If a number that there was is there no more.
    """
    differences = {}
    for name, old in before.items():
        if not COMPARED.match(name.partition("/")[2]):
            continue
        new = now[_name_now(name)]
        if old.shape != new.shape:
            differences[name] = np.inf
        elif np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
            differences[name] = 0.0
        else:
            largest = np.max(np.abs(old - new) / np.maximum(np.abs(old), 1e-30))
            differences[name] = float(np.nan_to_num(largest, nan=np.inf))
    return differences


def _name_now(name: str) -> str:
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def numbers_of(tree: pathlib.Path, scratch: pathlib.Path) -> dict[str, np.ndarray]:
    """Return the numbers of the code in a folder, computed by a process of its own."""
    scratch.mkdir()
    file = scratch / "numbers.npz"
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "benchmarks.same_numbers", "--dump", str(file)]
    subprocess.run(command, cwd=tree, env=environment, check=True)
    with np.load(file) as arrays:
        return dict(arrays)


def main(commit: str) -> None:
    """Compare, say what differs, and write the results."""
    from metaskill.results.figure import measured
    from metaskill.results.file import write_results

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        git("worktree", "add", "--detach", str(folder / "tree"), commit)
        try:
            before = numbers_of(folder / "tree", folder / "before")
        finally:
            git("worktree", "remove", "--force", str(folder / "tree"))
        differences = compare(before, numbers_of(ROOT, folder / "now"))
    differing = {name: value for name, value in differences.items() if value}
    for name, value in differing.items():
        print(f"{name} differs by {value:.2g}")
    source = "a change of structure changes no number; 1e-6 where sums are ordered otherwise"
    figures = {
        "same_numbers": measured(max(differences.values()), source, limit=1e-6),
        "numbers": measured(len(differences), "compared, of all learners"),
        "bit_for_bit": measured(len(differences) - len(differing), "of them"),
    }
    settings = {
        "commit": git("rev-parse", commit),
        "learners": sorted({name.partition("/")[0] for name in differences}),
        "renamed": RENAMED,
        "differing": differing,
    }
    print(write_results(ROOT / "benchmarks" / "results", "same_numbers", figures, settings))
    for key, figure in figures.items():
        print(f"{key} = {figure.value:.4g}{figure.bar}")


if __name__ == "__main__":
    if sys.argv[1] == "--dump":
        import tests.conftest  # noqa: F401  (the suite's flags, before JAX looks at them)

        with tempfile.TemporaryDirectory() as runs:
            np.savez(sys.argv[2], allow_pickle=False, **numbers(pathlib.Path(runs)))
    else:
        main(sys.argv[1])
