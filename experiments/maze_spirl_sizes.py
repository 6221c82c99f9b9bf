"""How long SPiRL's skills are and how many numbers one is, against how fast it finds a maze's end.

Every pair has skills and a prior of its own, from the same data, and control steps, updates and
warm-up in common; discounts look as far ahead in time. The divergence's target is a nat a
skill, however long it is.
"""

import dataclasses

from experiments import maze_skills, maze_spirl
from metaskill.results.sizes import Size, sizes_findings
from metaskill.training.guided_experiment import GuidedExperiment
from metaskill.training.source import Source

_SIZES = [Size(size, length) for size in (2, 10, 30) for length in (2, 10, 40)]
_MAIN = Size(10, 10)  # That of maze_spirl.

_ITERATION = 160  # Control steps, at least: one of the longest skills is four times as many.
_ITERATIONS = 48  # In a chunk of these.


def _guided(size: Size) -> GuidedExperiment:
    """Return maze_spirl with other skills."""
    embedding = dataclasses.replace(
        maze_skills.CONFIG.embedding, size=size.numbers, length=size.steps
    )
    skills = dataclasses.replace(maze_skills.CONFIG, embedding=embedding)
    source = Source("maze_skills", skills, f"runs/maze_skills-{size.name}")
    usual = maze_spirl.CONFIG
    longer = size.steps / _MAIN.steps
    rollout = max(1, round(_ITERATION / (usual.sac.num_envs * size.steps)))
    iteration = usual.sac.num_envs * rollout * size.steps // _ITERATION
    return dataclasses.replace(
        usual,
        trainer=dataclasses.replace(
            usual.trainer,
            env_steps=207_360,
            iterations_per_chunk=_ITERATIONS // iteration,
            chunks_per_evaluation=2,
        ),
        source=source,
        sac=dataclasses.replace(
            usual.sac,
            rollout_length=rollout,
            updates_per_iteration=iteration * usual.sac.updates_per_iteration,
            replay_capacity=round(usual.sac.replay_capacity / longer),
            warm_up_steps=round(usual.sac.warm_up_steps / longer),
        ),
        hparams=dataclasses.replace(usual.hparams, discount=usual.hparams.discount**longer),
    )


CONFIG = _guided(_MAIN)
BASELINES = {size.name: _guided(size) for size in _SIZES if size != _MAIN}

findings = sizes_findings("maze", "success", _SIZES, _MAIN)
