"""What data taught, as a guide for reinforcement learning: a prior over its actions."""

import dataclasses
from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float, Int

from metaskill.networks.distributions import TanhGaussian
from metaskill.networks.normalizer import RunningStatistics
from metaskill.networks.policy import StateDependentGaussianPolicy
from metaskill.skills.cloning import BehaviorCloning
from metaskill.skills.spirl_model import SkillEmbedding


@dataclasses.dataclass(frozen=True)
class Decoding:
    """What becomes of an action: some control steps.

    Attributes:
        action_size: Length of the action.
        length: Control steps that it is executed for, H.
        begin: From the action to what is executed.
        control: From that, a normalized observation and the number of control steps before
            it to the robot's action.
    """

    action_size: int
    length: int
    begin: Callable[[Float[Array, " action"]], Array]
    control: Callable[[Array, Float[Array, " obs"], Int[Array, ""]], Float[Array, " control"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Guide:
    """A prior over actions, and what they mean.

    Attributes:
        policy: The network of the prior, squashed as environments take actions: a policy with
            the same parameters is the prior.
        params: Its parameters.
        statistics: What observations are normalized by before it sees them.
        decoding: What becomes of an action.
    """

    policy: StateDependentGaussianPolicy
    params: Any
    statistics: RunningStatistics
    decoding: Decoding

    def propose(self, obs: Float[Array, "*batch obs"]) -> TanhGaussian:
        """Return the prior over actions where a normalized observation is seen."""
        proposed: TanhGaussian = self.policy.apply(self.params, obs)
        return proposed


def guide_by_skills(
    model: SkillEmbedding, params: Any, statistics: RunningStatistics, largest: float
) -> Guide:
    """Return SPiRL's guide: an action is a skill z, its prior p_a(z | s).

    The policy's Gaussian is over u, and z = c tanh(u / c). Its slope at 0 is 1, so that as
    long as z is well below c a policy that is the prior executes what the prior proposes.

    Args:
        model: The embedding.
        params: Its parameters, trained.
        statistics: Moments of the data's observations.
        largest: The largest component of a skill, c.
    """

    def begin(action: Float[Array, " action"]) -> Array:
        skill = largest * action
        return skill if model.is_closed_loop else model.plan(params, skill)

    def control(executed: Array, obs: Float[Array, " obs"], step: Int[Array, ""]) -> Array:
        return model.react(params, obs, executed) if model.is_closed_loop else executed[step]

    return Guide(
        policy=dataclasses.replace(model.prior, distribution="tanh_gaussian", scale=largest),
        params=params["prior"],
        statistics=statistics,
        decoding=Decoding(model.config.size, model.config.length, begin, control),
    )


def guide_by_actions(model: BehaviorCloning, params: Any, statistics: RunningStatistics) -> Guide:
    """Return the flat guide: an action is the robot's own, its prior the cloned policy."""
    decoding = Decoding(
        model.action_size, 1, begin=lambda action: action, control=lambda action, *_: action
    )
    return Guide(model.prior, params["prior"], statistics, decoding)
