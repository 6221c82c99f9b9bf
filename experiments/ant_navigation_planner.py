"""Ant goes to goals all over the plane with DADS's skills, planning alone (Sharma et al. 2020).

Nothing is trained: the run is that of `ant_dads_xy`.
"""

from experiments import ant_dads_xy
from metaskill.results.navigation import planner_findings

CONFIG = ant_dads_xy.CONFIG

BORROWED = {"main": "ant_dads_xy"}

findings = planner_findings
