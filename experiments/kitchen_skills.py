"""Skills and their prior from an arm at play in a kitchen, without what is asked for later.

The prior's own roll-outs tell whether there is enough of it. Where play comes to 3.8 subtasks an
episode, they came to one with 1000 episodes, 10,000 updates and layers of 128, and SPiRL to one of
those asked for; to 1.9 with 25,000 updates and layers of 256; and to 2.7 with these episodes.
"""

from metaskill.results.findings import last_evaluation
from metaskill.skills.spirl_model import EmbeddingConfig, EmbeddingHparams
from metaskill.training.collection import CollectionConfig
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.task_distribution import EnvConfig

ASKED = ("microwave", "kettle", "burner", "light")
"""What is asked for, in this order, as by D4RL's kitchen (Fu et al. 2020)."""

COLLECTION = CollectionConfig(env=EnvConfig("arm_kitchen"), policy="play", episodes=5000)
DATA = DataConfig("data/arm_kitchen-play-5000", excluding=ASKED)

# The decoder sees where it is: objects slip, and are never quite where they were.
CONFIG = DataExperiment(
    data=DATA,
    trainer=TrainerConfig(env_steps=30_000, iterations_per_chunk=5, chunks_per_evaluation=2),
    embedding=EmbeddingConfig(
        decoder="closed_loop",
        lstm_size=64,
        decoder_hidden=(256, 256, 256),
        prior_hidden=(256, 256, 256),
    ),
    hparams=EmbeddingHparams(beta=1e-4),
    collection=COLLECTION,
)

findings = last_evaluation(
    {"kitchen_skills_action_error": Required("eval/action_error", "held-out episodes; no bar")}
)
