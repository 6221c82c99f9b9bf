"""Learning from a data set as an experiment: skills with a prior, or a cloned policy."""

import dataclasses
import functools
from typing import Annotated, Any

from metaskill.checking import Checked
from metaskill.networks.normalizer import RunningStatistics
from metaskill.offline.dataset import read_dataset
from metaskill.offline.labels import composed_of, require_label
from metaskill.offline.learner import FittingConfig, OfflineLearner
from metaskill.offline.manifest import read_manifest
from metaskill.offline.windows import Windows, load_windows, observation_statistics, split
from metaskill.ranges import AtLeast, OneOf
from metaskill.skills.cloning import BehaviorCloning, CloningConfig
from metaskill.skills.spirl_model import EmbeddingConfig, EmbeddingHparams, SkillEmbedding
from metaskill.training.collection import NOBODY, CollectionConfig
from metaskill.training.experiment import TrainerConfig

MODELS = ("skills", "cloning")


@dataclasses.dataclass(frozen=True)
class DataConfig(Checked):
    """Which data.

    Attributes:
        folder: Where the data set is: what `metaskill collect` or `metaskill convert` wrote.
        excluding: A composition; episodes that hold it are left out. Empty: none.
        label: The label that lists what an episode was composed of.
        in_order: Whether only episodes with the composition in this order are left out.
        hold_out_every: Every so manyth of the remaining episodes is for evaluation.
    """

    folder: str
    excluding: tuple[Any, ...] = ()
    label: str = "subtasks"
    in_order: bool = True
    hold_out_every: Annotated[int, AtLeast(2, "every second episode is the most")] = 20


@functools.lru_cache(maxsize=2)
def load(config: DataConfig, length: int) -> tuple[Windows, Windows, RunningStatistics]:
    """Read a data set and put it on the device: training, evaluation, and the moments.

    Once in a process: a data set does not change, and one learner is often made several times.

    Raises:
        UserError: If it cannot be read, or nothing is left of it.
    """
    excluding = None
    if config.excluding:
        require_label(config.label, read_manifest(config.folder).labels, config.folder)
        excluding = composed_of(config.excluding, config.label, config.in_order)
    _, episodes = read_dataset(config.folder, excluding)
    train, held_out = split(episodes, config.hold_out_every)
    return (
        load_windows(train, length),
        load_windows(held_out, length),
        observation_statistics(train),
    )


@dataclasses.dataclass(frozen=True)
class DataExperiment(Checked):
    """A model of past data.

    Attributes:
        data: Which data.
        trainer: How long to train, in updates.
        model: `skills` (SPiRL's embedding and prior) or `cloning`.
        embedding: The static part of skills.
        cloning: That of a cloned policy.
        fitting: How the model is fitted.
        hparams: The traced hyperparameters; a cloned policy has no use for `beta`.
        collection: How the data are collected where they are not there: `metaskill train` and
            `metaskill reproduce` do. By default they have to be there.
    """

    data: DataConfig
    trainer: TrainerConfig
    model: Annotated[str, OneOf(MODELS)] = "skills"
    embedding: EmbeddingConfig = dataclasses.field(default_factory=EmbeddingConfig)
    cloning: CloningConfig = dataclasses.field(default_factory=CloningConfig)
    fitting: FittingConfig = dataclasses.field(default_factory=FittingConfig)
    hparams: EmbeddingHparams = dataclasses.field(default_factory=EmbeddingHparams)
    collection: CollectionConfig = NOBODY

    def make_learner(self) -> OfflineLearner:
        """Read the data and build the model.

        Raises:
            UserError: If the data cannot be read.
        """
        sizes = read_manifest(self.data.folder).sizes
        model = (
            SkillEmbedding(self.embedding, sizes.observations, sizes.actions)
            if self.model == "skills"
            else BehaviorCloning(self.cloning, sizes.observations, sizes.actions)
        )
        train, held_out, statistics = load(self.data, model.window_length)
        return OfflineLearner(model, train, held_out, statistics, self.fitting)
