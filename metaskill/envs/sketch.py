"""Pictures of a robot without OpenGL: outlines of its geoms over a grid on the floor.

Machines without a display often have no OpenGL either. These drawings need nothing but
Pillow, and show what a learner's video is watched for: how it moves.
"""

import dataclasses

import mujoco
import numpy as np
from PIL import Image, ImageDraw

_SUPERSAMPLING = 2
_NEAR = 0.2
_SKY, _FLOOR, _GRID, _EDGE = (226, 235, 244), (206, 209, 212), (176, 180, 184), (45, 45, 50)


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera: `points -> pixels` by the rows of `axes` (right, up, forward)."""

    position: np.ndarray
    axes: np.ndarray
    focal: float
    centre: np.ndarray

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels and depths of points (axis: point), clipped to before the camera."""
        local = (points - self.position) @ self.axes.T
        depth = np.maximum(local[:, 2], _NEAR)
        pixels = self.centre + self.focal * local[:, :2] * [1, -1] / depth[:, None]
        return pixels, depth


def sketch(
    model: mujoco.MjModel, data: mujoco.MjData, camera: mujoco.MjvCamera, width: int, height: int
) -> np.ndarray:
    """Draw one frame.

    Args:
        model: The model.
        data: Its data, after `mj_forward`.
        camera: A camera that tracks a body, or looks at a place.
        width: Pixels.
        height: Pixels.

    Returns:
        The frame, `height x width x 3`, of bytes.
    """
    size = (width * _SUPERSAMPLING, height * _SUPERSAMPLING)
    target = np.array(
        data.xpos[camera.trackbodyid]
        if camera.type == mujoco.mjtCamera.mjCAMERA_TRACKING
        else camera.lookat
    )
    view = _look(model, camera, target, size)
    image = Image.new("RGB", size, _SKY)
    draw = ImageDraw.Draw(image)
    _draw_floor(draw, view, target, size)
    geoms = np.flatnonzero(model.geom_type != int(mujoco.mjtGeom.mjGEOM_PLANE))
    _, depth = view.project(data.geom_xpos[geoms])
    for index in np.argsort(-depth):
        _draw_geom(draw, view, model, data, geoms[index])
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _look(
    model: mujoco.MjModel, camera: mujoco.MjvCamera, target: np.ndarray, size: tuple[int, int]
) -> Camera:
    azimuth, elevation = np.radians(camera.azimuth), np.radians(camera.elevation)
    forward = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    return Camera(
        position=target - camera.distance * forward,
        axes=np.stack([right, np.cross(right, forward), forward]),
        focal=size[1] / (2 * np.tan(np.radians(model.vis.global_.fovy) / 2)),
        centre=np.array(size) / 2,
    )


def _draw_floor(
    draw: ImageDraw.ImageDraw, view: Camera, target: np.ndarray, size: tuple[int, int]
) -> None:
    """Draw the plane z = 0 up to the horizon, with a line every metre near the robot."""
    horizon = view.centre[1] + view.focal * view.axes[2, 2] / np.linalg.norm(view.axes[2, :2])
    draw.rectangle((0, max(horizon, 0), *size), fill=_FLOOR)
    x, y = np.round(target[:2])
    steps = np.linspace(-12.0, 12.0, 25)
    for offset in steps:
        for along in (
            np.stack([np.full(25, x + offset), y + steps, np.zeros(25)], axis=1),
            np.stack([x + steps, np.full(25, y + offset), np.zeros(25)], axis=1),
        ):
            visible = (along - view.position) @ view.axes[2] > _NEAR
            pixels, _ = view.project(along[visible])
            if len(pixels) > 1:
                draw.line([tuple(p) for p in pixels], fill=_GRID, width=2)


def _draw_geom(
    draw: ImageDraw.ImageDraw,
    view: Camera,
    model: mujoco.MjModel,
    data: mujoco.MjData,
    geom: int,
) -> None:
    """Draw a geom as a rounded line along its axis; a sphere's is a point."""
    radius, half_length = model.geom_size[geom, 0], 0.0
    kind = mujoco.mjtGeom(model.geom_type[geom])
    if kind in (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER):
        half_length = model.geom_size[geom, 1]
    elif kind == mujoco.mjtGeom.mjGEOM_BOX:
        radius = float(np.mean(model.geom_size[geom]))
    axis = data.geom_xmat[geom].reshape(3, 3)[:, 2]
    ends = data.geom_xpos[geom] + half_length * np.array([[-1.0], [1.0]]) * axis
    pixels, depth = view.project(ends)
    radii = view.focal * radius / depth
    colour = tuple(int(255 * channel) for channel in model.geom_rgba[geom, :3])
    for outline, fill in ((2.0, _EDGE), (0.0, colour)):
        grown = radii + outline
        draw.line([tuple(p) for p in pixels], fill=fill, width=int(2 * grown.mean()))
        for (x, y), r in zip(pixels, grown, strict=True):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
