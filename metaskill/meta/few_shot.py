"""Few-shot classification: tell N classes apart after K examples of each."""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.checking import checked_arguments
from metaskill.data.image_classes import ImageClasses
from metaskill.data.mini_imagenet import mini_imagenet
from metaskill.data.omniglot import omniglot
from metaskill.errors import UserError
from metaskill.learner import Headline
from metaskill.meta.problem import Examples, SampleTask, SupervisedProblem, Task
from metaskill.networks.cnn import CNN4
from metaskill.ranges import AtLeast, Count

Ways = Annotated[int, AtLeast(2)]
"""Classes that a task tells apart."""


def few_shot_tasks(classes: ImageClasses, ways: int, shots: int, queries: int) -> SampleTask:
    """Return a sampler of tasks: N classes in random order, K + queries examples of each.

    Args:
        classes: What to draw from; it is kept on the device.
        ways: Classes of a task, N.
        shots: Examples of each class to adapt on, K.
        queries: Other examples of each class to judge by.

    Raises:
        UserError: If there are too few classes or examples.
    """
    n_classes, n_examples = classes.images.shape[:2]
    if ways > n_classes or shots + queries > n_examples:
        raise UserError(
            f"{ways} ways with {shots} shots and {queries} queries need as many classes and "
            f"examples: there are {n_classes} classes of {n_examples}."
        )
    images = jnp.asarray(classes.images)

    def sample(key: PRNGKeyArray) -> Task:
        classes_key, examples_key = jax.random.split(key)
        chosen = jax.random.permutation(classes_key, n_classes)[:ways]
        order = jax.vmap(lambda k: jax.random.permutation(k, n_examples))(
            jax.random.split(examples_key, ways)
        )

        def examples(columns: slice) -> Examples:
            picked = order[:, columns]
            inputs = images[chosen[:, None], picked].astype(jnp.float32) / 255.0
            targets = jnp.broadcast_to(jnp.arange(ways)[:, None], picked.shape)
            return Examples(inputs.reshape(-1, *inputs.shape[2:]), targets.reshape(-1))

        return Task(examples(slice(shots)), examples(slice(shots, shots + queries)))

    return sample


def all_classes(classes: ImageClasses, batch: int) -> SampleTask:
    """Return a sampler of batches of labelled images of all classes: plain classification.

    As a task, its support and its query are the same batch.
    """
    images = jnp.asarray(classes.images)
    n_classes, n_examples = classes.images.shape[:2]

    def sample(key: PRNGKeyArray) -> Task:
        class_key, example_key = jax.random.split(key)
        targets = jax.random.randint(class_key, (batch,), 0, n_classes)
        chosen = jax.random.randint(example_key, (batch,), 0, n_examples)
        some = Examples(images[targets, chosen].astype(jnp.float32) / 255.0, targets)
        return Task(some, some)

    return sample


def cross_entropy(
    logits: Float[Array, "example class"], targets: Int[Array, " example"]
) -> Float[Array, ""]:
    """Return the mean negative log-likelihood of the targets."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, targets))


def accuracy(
    logits: Float[Array, "example class"], targets: Int[Array, " example"]
) -> Float[Array, ""]:
    """Return the percentage of examples whose class is the likeliest."""
    return 100.0 * jnp.mean(jnp.argmax(logits, axis=-1) == targets, dtype=jnp.float32)


def nearest_neighbour_accuracy(
    embed: Callable[[Array], Float[Array, "example feature"]], task: Task
) -> Float[Array, ""]:
    """Return the percentage of queries whose nearest support example is of their class.

    Args:
        embed: From images to the space in which cosines are compared.
        task: The task.
    """

    def directions(images: Array) -> Array:
        vectors = embed(images)
        return vectors / (jnp.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-8)

    similarity = directions(task.query.inputs) @ directions(task.support.inputs).T
    found = task.support.targets[jnp.argmax(similarity, axis=-1)]
    return 100.0 * jnp.mean(found == task.query.targets, dtype=jnp.float32)


def classification(
    name: str,
    train: ImageClasses,
    test: ImageClasses,
    ways: int,
    shots: int,
    queries: int,
    test_queries: int,
    network: CNN4,
) -> SupervisedProblem:
    """Make a problem of few-shot classification of any images.

    Args:
        name: What it is called.
        train: Classes to meta-train on.
        test: Classes to meta-test on.
        ways: Classes of a task.
        shots: Examples of each to adapt on.
        queries: Examples of each that a meta-training task is judged by.
        test_queries: The same of a meta-test task.
        network: From images to `ways` logits.

    Raises:
        UserError: If there are too few classes or examples.
    """
    setup = f"{ways}w{shots}s"
    return SupervisedProblem(
        name=name,
        sample=few_shot_tasks(train, ways, shots, queries),
        held_out={setup: few_shot_tasks(test, ways, shots, test_queries)},
        network=network,
        loss=cross_entropy,
        measures={"accuracy": accuracy},
        headline=Headline(
            metric=f"eval/{setup}_accuracy_1",
            running="loss/post_adaptation",
            label="% correct after one step",
            digits=1,
        ),
        is_head=lambda path: ".head." in path,
    )


@checked_arguments
def glyph_tasks(
    ways: Ways = 5,
    shots: Count = 1,
    queries: Count = 3,
    test_queries: Count = 5,
    filters: Count = 32,
) -> SupervisedProblem:
    """Make few-shot classification of rendered characters, tested on held-out alphabets."""
    # Imported here because matplotlib, whose fonts draw them, needs a folder that it can write.
    from metaskill.data.glyphs import glyphs

    train, test = glyphs()
    network = CNN4(ways, filters)
    return classification("glyphs", train, test, ways, shots, queries, test_queries, network)


@checked_arguments
def omniglot_tasks(
    folder: str = "data/omniglot",
    ways: Ways = 5,
    shots: Count = 1,
    queries: Count = 1,
    test_queries: Count = 5,
    filters: Count = 64,
) -> SupervisedProblem:
    """Make few-shot classification of Omniglot, from its archives in a folder."""
    train, test = omniglot(folder)
    network = CNN4(ways, filters)
    return classification("omniglot", train, test, ways, shots, queries, test_queries, network)


@checked_arguments
def mini_imagenet_tasks(
    folder: str = "data/mini_imagenet",
    ways: Ways = 5,
    shots: Count = 1,
    queries: Count = 15,
    test_queries: Count = 15,
    filters: Count = 32,
) -> SupervisedProblem:
    """Make few-shot classification of miniImageNet, from its folders."""
    train, test = mini_imagenet(folder)
    network = CNN4(ways, filters, pooled=True)
    return classification("mini_imagenet", train, test, ways, shots, queries, test_queries, network)


@checked_arguments
def glyph_classes(batch: Count = 128, filters: Count = 32) -> SupervisedProblem:
    """Make plain classification of all meta-training characters, for features to compare with.

    There is one task, and nothing of it is held out: its evaluation is on its own pictures.
    """
    from metaskill.data.glyphs import glyphs

    train, _ = glyphs()
    sample = all_classes(train, batch)
    return SupervisedProblem(
        name="glyph_classes",
        sample=sample,
        held_out={"train": sample},
        network=CNN4(len(train.names), filters),
        loss=cross_entropy,
        measures={"accuracy": accuracy},
        headline=Headline(
            metric="eval/train_accuracy_0",
            running="loss/post_adaptation",
            label="% correct",
            digits=1,
        ),
        is_head=lambda path: ".head." in path,
    )


def pixels(images: Array) -> Float[Array, "example pixel"]:
    """Return images as vectors, the embedding that knows nothing."""
    return images.reshape(len(images), -1)
