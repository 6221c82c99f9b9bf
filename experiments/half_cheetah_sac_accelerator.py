"""`half_cheetah_sac` for an accelerator: four times the worlds and updates, and 2M steps."""

import dataclasses

from experiments import half_cheetah_sac

CONFIG = dataclasses.replace(
    half_cheetah_sac.CONFIG,
    trainer=dataclasses.replace(
        half_cheetah_sac.CONFIG.trainer, env_steps=2_009_600, chunks_per_evaluation=40
    ),
    sac=dataclasses.replace(half_cheetah_sac.CONFIG.sac, num_envs=256, updates_per_iteration=32),
)

findings = half_cheetah_sac.judge("half_cheetah_sac_accelerator", at_least=9000.0)
