"""Skills and their prior from a planner's ways through 256 mazes."""

from metaskill.offline.learner import FittingConfig
from metaskill.results.findings import last_evaluation
from metaskill.skills.spirl_model import EmbeddingConfig, EmbeddingHparams
from metaskill.training.collection import CollectionConfig
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.task_distribution import EnvConfig

# None of them is a maze that is tested in: those are larger, and of other seeds.
COLLECTION = CollectionConfig(
    env=EnvConfig(
        "maze", options={"size": 5, "layout": 1000, "layouts": 256, "episode_length": 300}
    ),
    policy="planner",
    episodes=1024,
)
DATA = DataConfig("data/maze_planner")

# Narrower and fewer than Pertsch et al.'s, for two cores.
CONFIG = DataExperiment(
    data=DATA,
    trainer=TrainerConfig(env_steps=5000, iterations_per_chunk=5, chunks_per_evaluation=2),
    embedding=EmbeddingConfig(lstm_size=64, prior_hidden=(128, 128, 128)),
    fitting=FittingConfig(),
    hparams=EmbeddingHparams(beta=1e-2),
    collection=COLLECTION,
)

findings = last_evaluation(
    {"maze_skills_action_error": Required("eval/action_error", "held-out episodes; no bar")}
)
