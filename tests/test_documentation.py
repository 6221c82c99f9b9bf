"""The documentation's examples run as they stand there."""

import pathlib
import re

import jax

from metaskill.rl.sac_config import SACHparams

README = pathlib.Path(__file__).parents[1] / "README.md"


def run_examples(path: pathlib.Path) -> dict:
    """Execute every Python block of a page, one after the other."""
    namespace: dict = {}
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.DOTALL):
        exec(compile(block, str(path), "exec"), namespace)
    return namespace


def test_the_readmes_examples_run() -> None:
    namespace = run_examples(README)
    assert namespace["outcome"].terminated.shape == (1024,)
    assert namespace["metrics"]["loss/policy"].shape == (3,)


def test_the_examples_of_randomization_run() -> None:
    namespace = run_examples(README.parent / "docs" / "randomization.md")
    context = jax.eval_shape(namespace["sample_context"], jax.random.key(0))
    assert set(context.physics) == {"mass", "friction", "damping"}
    assert namespace["family"].held_out_is_disjoint


def test_the_examples_of_training_run() -> None:
    namespace = run_examples(README.parent / "docs" / "training.md")
    assert namespace["kept"]["weights"].tolist() == [1.0, 1.0]


def test_the_examples_of_meta_learning_run() -> None:
    namespace = run_examples(README.parent / "docs" / "maml.md")
    # After three steps 0.8^3 of a slope's error is left; the mean slope is 1.
    expected = -2.0 * 0.8**6
    assert abs(float(namespace["meta_gradient"]["slope"]) - expected) < 1e-5
    assert namespace["metrics"]["loss/post_adaptation"].shape == (2,)


def test_the_examples_of_sac_run() -> None:
    namespace = run_examples(README.parent / "docs" / "sac.md")
    assert namespace["metrics"]["update_to_data"].shape == (2,)
    state = jax.eval_shape(namespace["constrained"].init, jax.random.key(0), SACHparams())
    _, metrics = jax.eval_shape(namespace["constrained"].step, state)
    assert "loss/regularizer_cost" in metrics


def test_the_examples_of_skills_run() -> None:
    namespace = run_examples(README.parent / "docs" / "skills.md")
    assert namespace["paths"].shape == (4, 2, 20, 2)
    assert "intrinsic_reward" in namespace["metrics"]
    assert namespace["log_likelihood"].shape == (4,)


def test_the_examples_of_skill_priors_run() -> None:
    namespace = run_examples(README.parent / "docs" / "skill-priors.md")
    assert namespace["episodes"].lengths.tolist() == [20] * 40
    assert 0 < len(namespace["some"]) < 40
    assert "loss/action_error" in namespace["fitted"]
    assert "divergence_over_target" in namespace["metrics"]
    assert namespace["paths"].shape == (20, 2)
    assert namespace["fans"].shape == (2, 20, 6, 2)


def test_every_file_that_it_links_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    assert links
    for link in links:
        assert (README.parent / link).exists(), link
