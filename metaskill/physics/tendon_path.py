"""Paths of tendons that wrap around geoms, as MuJoCo 4.0 finds them.

MJX's own paths differ from them: which tendons wrap on the inside of a geom is compiled, and an
outer path with a side site may go the long way round where MuJoCo's is straight.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Bool, Float
from mujoco import mjtWrap

_GEOMS = (int(mjtWrap.mjWRAP_SPHERE), int(mjtWrap.mjWRAP_CYLINDER))
_PULLEY = int(mjtWrap.mjWRAP_PULLEY)


class TendonPath(NamedTuple):
    """A tendon's length, and its derivative by the dofs."""

    length: Float[Array, ""]
    jacobian: Float[Array, " nv"]


def wrapping_tendons(model: mujoco.MjModel) -> list[int]:
    """List the tendons whose path may wrap around a geom."""
    return [
        tendon
        for tendon, (adr, num) in enumerate(zip(model.tendon_adr, model.tendon_num, strict=True))
        if np.isin(model.wrap_type[adr : adr + num], _GEOMS).any()
    ]


def tendon_path(model: mujoco.MjModel, mjx_model: Any, data: Any, tendon: int) -> TendonPath:
    """Follow a tendon from site to site, around the geoms between them.

    Args:
        model: The compiled model.
        mjx_model: The MJX model with what varies.
        data: Its MJX data after kinematics.
        tendon: One of `wrapping_tendons`.
    """
    from mujoco.mjx._src import support

    length, jacobian, divisor = jnp.zeros(()), jnp.zeros(model.nv), 1.0

    def segment(start: Array, start_body: int, end: Array, end_body: int) -> tuple[Array, Array]:
        distance = _norm(end - start)
        direction = (end - start) / jnp.where(distance > 0, distance, 1.0)
        of_start, _ = support.jac(mjx_model, data, start, start_body)
        of_end, _ = support.jac(mjx_model, data, end, end_body)
        return distance, (of_end - of_start) @ direction

    wrap = int(model.tendon_adr[tendon])
    last = wrap + int(model.tendon_num[tendon]) - 1
    while wrap < last:
        kind, next_kind = model.wrap_type[wrap], model.wrap_type[wrap + 1]
        if _PULLEY in (kind, next_kind):
            if kind == _PULLEY:
                divisor = max(float(model.wrap_prm[wrap]), mujoco.mjMINVAL)
            wrap += 1
            continue
        around = next_kind in _GEOMS
        sites = model.wrap_objid[[wrap, wrap + 2 if around else wrap + 1]]
        (start, end), (start_body, end_body) = data.site_xpos[sites], model.site_bodyid[sites]
        distance, moment = segment(start, start_body, end, end_body)
        if around:
            geom, side = int(model.wrap_objid[wrap + 1]), round(float(model.wrap_prm[wrap + 1]))
            body = model.geom_bodyid[geom]
            arc = _wrapped(model, mjx_model, data, start, end, geom, side)
            before = segment(start, start_body, arc.start, body)
            after = segment(arc.end, body, end, end_body)
            distance = jnp.where(arc.exists, before[0] + arc.length + after[0], distance)
            moment = jnp.where(arc.exists, before[1] + after[1], moment)
        length, jacobian = length + distance / divisor, jacobian + moment / divisor
        wrap += 2 if around else 1
    return TendonPath(length, jacobian)


class _Arc(NamedTuple):
    exists: Bool[Array, ""]
    length: Float[Array, ""]
    start: Float[Array, "3"]
    end: Float[Array, "3"]


def _wrapped(
    model: mujoco.MjModel, mjx_model: Any, data: Any, start: Array, end: Array, geom: int, side: int
) -> _Arc:
    """Find the part of a path that lies on a sphere or a cylinder.

    Spheres are wrapped in the plane of both ends and the center; cylinders across the axis,
    along which the path then rises evenly.
    """
    from mujoco.mjx._src import support

    center, mat = data.geom_xpos[geom], data.geom_xmat[geom].reshape(3, 3)
    radius = mjx_model.geom_size[geom, 0]
    p0, p1 = mat.T @ (start - center), mat.T @ (end - center)
    is_sphere = model.geom_type[geom] == int(mujoco.mjtGeom.mjGEOM_SPHERE)
    axes = _plane(p0, p1) if is_sphere else jnp.eye(3)[:2]
    flat = jnp.concatenate([axes @ p0, axes @ p1])
    if side < 0:
        length, points = support.wrap_circle(flat, jnp.zeros(2), jnp.zeros(1, bool), radius)
    else:
        site = mat.T @ (data.site_xpos[side] - center)
        is_inside = _norm(site) < radius
        inner, inner_points = _inside(flat, radius)
        outer, outer_points = _around_side(flat, axes @ site, radius)
        length = jnp.where(is_inside, inner, outer)
        points = jnp.where(is_inside, inner_points, outer_points)
    length = jnp.squeeze(length)
    exists = (length >= 0) & (_norm(p0) > mujoco.mjMINVAL) & (_norm(p1) > mujoco.mjMINVAL)
    on0, on1 = points[:2] @ axes, points[2:] @ axes
    if not is_sphere:
        before, after = _norm(p0[:2] - on0[:2]), _norm(p1[:2] - on1[:2])
        total = before + length + after
        slope = (p1[2] - p0[2]) / jnp.where(total > 0, total, 1.0)
        on0 = on0.at[2].set(p0[2] + slope * before)
        on1 = on1.at[2].set(p0[2] + slope * (before + length))
        length = _norm(jnp.stack([length, on1[2] - on0[2]]))
    return _Arc(exists, length, mat @ on0 + center, mat @ on1 + center)


def _around_side(
    flat: Float[Array, "4"], site: Float[Array, "2"], radius: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, "4"]]:
    """Pull a string tight that goes from one end over the side site to the other.

    The string goes around the circle in the sense in which the side site turns it, and is
    straight where that passes the circle on the same side as the straight line does.

    Returns:
        The length on the circle, or -1 where the string does not touch it; and both points in
        which it does.
    """
    start, end = flat[:2], flat[2:]
    turn = _angle(start, site) + _angle(site, end)
    clears = _distance(start, end) > radius
    # Both turns are equal or differ by a full one.
    passes = clears & (jnp.abs(turn - _angle(start, end)) < 1)
    ends_outside = (_norm(start) >= radius) & (_norm(end) >= radius)
    is_apart = jnp.sum((end - start) ** 2) > mujoco.mjMINVAL
    exists = ends_outside & (radius > mujoco.mjMINVAL) & is_apart & ~passes
    sense = jnp.where(turn > 0, 1.0, -1.0)
    on_start, on_end = _tangent(start, sense, radius), _tangent(end, -sense, radius)
    swept = sense * _angle(on_start, on_end)
    arc = radius * jnp.where(swept < 0, swept + 2 * jnp.pi, swept)
    return jnp.where(exists, arc, -1.0), jnp.concatenate([on_start, on_end])


def _inside(
    flat: Float[Array, "4"], radius: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, "4"]]:
    """Pull a string tight that goes from one end through the circle to the other.

    Where the straight line passes the circle, the string touches it in the point in which a ray
    of light would be reflected: there the length of the path is stationary. MJX's own solver
    often fails to converge in single precision.

    Returns:
        0, or -1 where the string does not touch the circle; and twice the point.
    """
    start, end = flat[:2], flat[2:]
    exists = (_distance(start, end) > radius) & (radius > mujoco.mjMINVAL)
    start = jnp.where(exists, start, 2.0 * radius * jnp.array([1.0, 0.0]))
    end = jnp.where(exists, end, 2.0 * radius * jnp.array([0.0, 1.0]))
    gap = _angle(start, end)
    lengths = jnp.stack([_norm(start), _norm(end)])

    def slope(turn: Array, lengths: Array, gap: Array, radius: Array) -> Array:
        """Return the derivative of the path's length by the point's angle from the start."""
        turns = jnp.stack([turn, gap - turn])
        squares = lengths**2 + radius**2 - 2 * radius * lengths * jnp.cos(turns)
        first, second = lengths * jnp.sin(turns) / jnp.sqrt(squares)
        return first - second

    fixed = jax.lax.stop_gradient((lengths, jnp.abs(gap), radius))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = (ends[0] + ends[1]) / 2
        too_far = slope(middle, *fixed) > 0
        return jnp.where(too_far, ends[0], middle), jnp.where(too_far, middle, ends[1])

    low, high = jax.lax.fori_loop(0, 30, halve, (jnp.zeros(()), fixed[1]))
    turn = jax.lax.stop_gradient((low + high) / 2)
    # A step of Newton's method has the derivatives of the solution.
    curvature = jax.grad(slope)(turn, *fixed)
    turn -= slope(turn, lengths, jnp.abs(gap), radius) / jnp.where(curvature > 0, curvature, 1.0)
    turn = jnp.where(gap < 0, -turn, turn)
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    point = radius / lengths[0] * jnp.array([[cos, -sin], [sin, cos]]) @ start
    return jnp.where(exists, 0.0, -1.0), jnp.concatenate([point, point])


def _distance(start: Float[Array, "2"], end: Float[Array, "2"]) -> Float[Array, ""]:
    """Return the distance of a line segment from the origin."""
    difference = end - start
    squared = jnp.sum(difference**2)
    along = -difference @ start / jnp.where(squared > 0, squared, 1.0)
    return _norm(start + jnp.clip(along, 0, 1) * difference)


def _tangent(
    point: Float[Array, "2"], sense: Float[Array, ""], radius: Float[Array, ""]
) -> Float[Array, "2"]:
    """Return where a line from a point, turned in a sense about the circle, touches it."""
    squared = jnp.sum(point**2)
    outside = squared - radius**2
    rise = jnp.where(outside > 0, jnp.sqrt(jnp.where(outside > 0, outside, 1.0)), 0.0)
    across = jnp.stack([-point[1], point[0]])
    return radius * (radius * point + sense * rise * across) / jnp.maximum(squared, mujoco.mjMINVAL)


def _plane(p0: Float[Array, "3"], p1: Float[Array, "3"]) -> Float[Array, "2 3"]:
    """Return axes of the plane through two points and the origin, the first along a point."""
    first = p0 / jnp.maximum(_norm(p0), mujoco.mjMINVAL)
    normal = jnp.cross(p0, p1)
    other = jnp.ones(3).at[jnp.argmax(jnp.abs(first))].set(0.0)
    normal = jnp.where(_norm(normal) < mujoco.mjMINVAL, jnp.cross(first, other), normal)
    second = jnp.cross(normal, first)
    return jnp.stack([first, second / jnp.maximum(_norm(second), mujoco.mjMINVAL)])


def _angle(a: Float[Array, "2"], b: Float[Array, "2"]) -> Float[Array, ""]:
    """Return the angle from one vector to another, between -pi and pi."""
    return jnp.arctan2(a[0] * b[1] - a[1] * b[0], a @ b)


def _norm(vector: Array) -> Array:
    squared = jnp.sum(vector**2)
    # The derivative of a square root at zero is infinite.
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)
