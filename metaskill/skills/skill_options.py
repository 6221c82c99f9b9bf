"""Skills as options: what a controller over them chooses, and what it sees."""

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import State
from metaskill.envs.policy import Memory, Policy
from metaskill.envs.runner import Running
from metaskill.skills.option import Record, RewardOf, Trace, own_reward, run_option
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import Skill


class SkillOptions:
    """Options that are skills, each told to the policy that executes it.

    For controllers over skills (Eysenbach et al. 2019, section 4.2; Sharma et al. 2020,
    section 6.4). An action in [-1, 1]^size stands for the nearest skill: of discrete skills
    that of its largest component. The controller sees

        the environment's own `task_state` where it has one, else its `state`; then x and y;
        and, where the task has a goal, what x and y are short of it

    `task_state` is for environments whose task takes more than what skills see of the robot.
    """

    def __init__(
        self,
        env: SkillEnv,
        policy: Policy,
        length: int,
        reward_of: RewardOf = own_reward,
    ):
        """Put the parts together.

        Args:
            env: The environment with skills.
            policy: Executes them.
            length: Control steps of an option.
            reward_of: The reward of a control step; by default the environment's.
        """
        self.env = env
        self.policy = policy
        self.length = length
        self.reward_of = reward_of
        self.action_size = env.space.size
        self._has_goal = "goal" in env.nominal_context().reward
        self._body = "task_state" if "task_state" in env.observation_sizes else "state"
        size = env.observation_sizes[self._body]
        self.observation_size = size + (4 if self._has_goal else 2)

    def see(self, world: State) -> Float[Array, " obs"]:
        """Return what the controller sees of a world."""
        position = world.obs["position"]
        parts = [world.obs[self._body], position]
        if self._has_goal:
            parts.append(world.context.reward["goal"] - position)
        return jnp.concatenate(parts)

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the memory of the policy that executes skills."""
        return self.policy.begin(world, key)

    def run(
        self, start: Running, action: Float[Array, " skill"], record: Record[Trace]
    ) -> tuple[Running, Float[Array, ""], Trace]:
        """Execute the skill that an action stands for."""
        return run_option(
            self.env,
            self.policy,
            start,
            self.skill_of(action),
            self.length,
            record,
            self.reward_of,
        )

    def skill_of(self, action: Float[Array, " skill"]) -> Skill:
        """Return the skill that an action in [-1, 1] stands for."""
        return self.env.space.nearest(action)
