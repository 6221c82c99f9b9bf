"""What disturbs the traffic between agent and world, as pure functions of strengths."""

import dataclasses
from collections.abc import Collection

import jax
import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float, Int, PRNGKeyArray

Strengths = dict[str, Array]
"""`context.interface`. Its *names* are static: an effect whose name is absent is not
compiled. Its values are traced: at 0, an effect changes nothing, bit for bit."""

EFFECTS: dict[str, dict[str, str]] = {
    "action_delay": {"action_delay": "action"},
    "action_delay_jitter": {"action_delay_jitter": "action"},
    "action_noise_additive": {"action_noise_additive": "action"},
    "action_noise_multiplicative": {"action_noise_multiplicative": "action"},
    "action_noise_correlated": {"action_noise_correlated": "action"},
    "observation_noise": {"observation_noise": "state"},
    "observation_bias": {"observation_bias": "state"},
    "backlash": {"backlash": "action"},
    "push": {"push_probability": "scalar", "push_speed": "scalar"},
}
"""By effect, its entries of `context.interface`, each with what it may have one value
for besides being a scalar: every actuator (`action`), every number observed (`state`)."""

EffectKeys = dict[str, PRNGKeyArray]
"""The keys of one control step by effect, each to be used once."""

# Far from the small numbers with which environments and `auto_reset` fold and split
# the same key: `split(key)[i]` is `fold_in(key, i)`.
_TAG = 0x696E7466


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Memory:
    """What the effects remember within an episode; None where an effect is absent.

    Attributes:
        pending_actions: The last actions sent, newest first.
        followed_action: Where the actuators' play left the applied action.
        action_offset: The episode's offset, in standard deviations.
        observation_offset: The episode's offset, in standard deviations.
    """

    pending_actions: Float[Array, "delay action"] | None
    followed_action: Float[Array, " action"] | None
    action_offset: Float[Array, " action"] | None
    observation_offset: Float[Array, " state"] | None


def effect_keys(effects: Collection[str], key: PRNGKeyArray, step: Int[Array, ""]) -> EffectKeys:
    """Derive a step's keys from the world's own key, without using that up.

    So the environment draws what it would draw alone, and no effect changes what another
    one draws.

    Args:
        effects: Those that are present.
        key: The state's key.
        step: The state's step, since some environments keep one key all along.
    """
    if not effects:
        return {}
    keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(key, _TAG), step), len(EFFECTS))
    return {effect: keys[i] for i, effect in enumerate(EFFECTS) if effect in effects}


def initial_memory(
    strengths: Strengths,
    keys: EffectKeys,
    action_size: int,
    state_size: int,
    max_delay: int,
) -> Memory:
    """Start an episode: nothing was sent, all is at rest, offsets are drawn anew."""
    delayed = not strengths.keys().isdisjoint({"action_delay", "action_delay_jitter"})
    length = max_delay + ("action_delay_jitter" in strengths)

    def offset(effect: str, size: int) -> Array | None:
        if effect not in strengths:
            return None
        return jax.random.normal(keys[effect], (size,))

    return Memory(
        pending_actions=jnp.zeros((length, action_size)) if delayed else None,
        followed_action=jnp.zeros(action_size) if "backlash" in strengths else None,
        action_offset=offset("action_noise_correlated", action_size),
        observation_offset=offset("observation_bias", state_size),
    )


def disturb_action(
    action: Float[Array, " action"],
    strengths: Strengths,
    memory: Memory,
    keys: EffectKeys,
) -> tuple[Float[Array, " action"], Memory]:
    """Send an action through the delay, the noise and the actuators' play.

    It is clipped first, so that noise and play also matter to a saturated command.

    Returns:
        The action that arrives, not clipped again, and the new memory.
    """
    action_effects = {name for name in EFFECTS if "action" in EFFECTS[name].values()}
    if strengths.keys().isdisjoint(action_effects):
        return action, memory
    action = jnp.clip(action, -1.0, 1.0)
    if memory.pending_actions is not None:
        action, pending = _delay(action, memory.pending_actions, strengths, keys)
        memory = dataclasses.replace(memory, pending_actions=pending)
    action = _add_noise(action, strengths, memory, keys)
    if memory.followed_action is not None:
        # The play operator: the output rests while the input moves within the gap.
        half = strengths["backlash"] / 2
        action = jnp.clip(memory.followed_action, action - half, action + half)
        memory = dataclasses.replace(memory, followed_action=action)
    return action, memory


def disturb_observation(
    observation: Float[Array, " state"],
    strengths: Strengths,
    memory: Memory,
    keys: EffectKeys,
) -> Float[Array, " state"]:
    """Add the step's noise and the episode's offset."""
    if "observation_noise" in strengths:
        noise = jax.random.normal(keys["observation_noise"], observation.shape)
        observation = observation + strengths["observation_noise"] * noise
    if memory.observation_offset is not None:
        observation = observation + strengths["observation_bias"] * memory.observation_offset
    return observation


def push(
    qvel: Float[Array, " nv"], directions: int, strengths: Strengths, keys: EffectKeys
) -> Float[Array, " nv"]:
    """Now and then, change the root's horizontal velocity in a random direction.

    Args:
        qvel: Generalized velocities, the root's first.
        directions: 2 for a root free in the plane, 1 for one that slides on a line.
        strengths: `push_probability` per control step and `push_speed`, m/s.
        keys: The step's keys.
    """
    when, where = jax.random.uniform(keys["push"], (2,))
    happens = when < strengths["push_probability"]
    if directions == 2:
        angle = 2 * jnp.pi * where
        direction = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    else:
        direction = jnp.where(where < 0.5, -1.0, 1.0)[None]
    speed = jnp.where(happens, strengths["push_speed"], 0.0)
    return qvel.at[:directions].add(speed * direction)


def pushable_directions(model: mujoco.MjModel | None) -> int:
    """Count the first velocities of a model that move its root horizontally, m/s.

    Returns:
        2 for a free joint, 1 for a slide along x as planar robots have, else 0.
    """
    if model is None or model.njnt == 0 or model.body_parentid[model.jnt_bodyid[0]] != 0:
        return 0
    if model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE:
        return 2
    slides = model.jnt_type[0] == mujoco.mjtJoint.mjJNT_SLIDE
    return int(slides and abs(float(model.jnt_axis[0, 0])) > 0.99)


def _delay(
    action: Float[Array, " action"],
    pending: Float[Array, "delay action"],
    strengths: Strengths,
    keys: EffectKeys,
) -> tuple[Float[Array, " action"], Float[Array, "delay action"]]:
    jittered = "action_delay_jitter" in strengths
    delay = jnp.zeros(action.shape, jnp.int32)
    if "action_delay" in strengths:
        longest = pending.shape[0] - jittered
        delay += jnp.clip(jnp.round(strengths["action_delay"]).astype(jnp.int32), 0, longest)
    if jittered:
        draw = jax.random.uniform(keys["action_delay_jitter"], action.shape)
        delay += (draw < strengths["action_delay_jitter"]).astype(jnp.int32)
    sent = jnp.concatenate([action[None], pending])
    return jnp.take_along_axis(sent, delay[None], axis=0)[0], sent[:-1]


def _add_noise(
    action: Float[Array, " action"],
    strengths: Strengths,
    memory: Memory,
    keys: EffectKeys,
) -> Float[Array, " action"]:
    for effect in ("action_noise_multiplicative", "action_noise_additive"):
        if effect in strengths:
            noise = strengths[effect] * jax.random.normal(keys[effect], action.shape)
            action = action * (1 + noise) if "multiplicative" in effect else action + noise
    if memory.action_offset is not None:
        action = action + strengths["action_noise_correlated"] * memory.action_offset
    return action
