"""The six goals, in the environment of Sharma et al.'s code: episodes go on whatever Ant does.

Nothing is trained: the run is that of `ant_dads_xy_accelerator`. In training, and in that
experiment's own figures, an episode ends when Ant's torso is below .2 or above 1 m, as in
Gymnasium. It is leaps that end them (by hand, all eight ends that were looked at). The authors' Ant
lands and walks on: its episodes end by time alone. Trained in such episodes, Ant learned more
slowly (by hand: `ant_dads_xy_proportional`).
"""

from experiments import ant_dads_xy_accelerator
from metaskill.results.navigation import navigation_findings

CONFIG = ant_dads_xy_accelerator.CONFIG

BORROWED = {"main": "ant_dads_xy_accelerator"}

findings = navigation_findings(
    "ant_dads_unending", most_minutes=None, terminate_when_unhealthy=False
)
