"""Tendons around geoms that vary have the lengths that `mj_setConst` gives them."""

import copy

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.physics.constants import set_const
from metaskill.physics.engine import ModelLeaves

XML = """
<mujoco>
  <worldbody>
    <site name="a" pos=".3 0 0"/>
    <body>
      <joint axis="0 1 0"/> <geom size=".05"/>
      <site name="b" pos="-.3 0 .1"/> <site name="side" pos="0 0 .3"/>
      <geom name="wrapped" type="{shape}" size=".1 .2"/>
      <body pos=".1 0 .2">
        <joint axis="1 0 0"/> <geom size=".05"/> <site name="c" pos=".1 0 .3"/>
      </body>
    </body>
  </worldbody>
  <tendon>
    <spatial>
      <site site="a"/> <geom geom="wrapped" {side}/> <site site="b"/>
      <pulley divisor="2"/> <site site="b"/> <site site="c"/>
    </spatial>
  </tendon>
</mujoco>"""


@pytest.mark.fault(30)
@pytest.mark.parametrize("side", ["", 'sidesite="side"'])
@pytest.mark.parametrize("shape", ["sphere", "cylinder"])
def test_paths_around_geoms_are_mujocos_wherever_sites_and_sizes_go(shape: str, side: str) -> None:
    model = mujoco.MjModel.from_xml_string(XML.format(shape=shape, side=side))
    rng = np.random.default_rng(0)
    # Straight, around either way, with the side site within the geom, ends within it ...
    sites = np.float32(model.site_pos + 0.2 * rng.normal(size=(300, *model.site_pos.shape)))
    sizes = np.float32(model.geom_size * rng.uniform(0.5, 2.0, (300, 1, 1)))

    def constants(site_pos: jax.Array, geom_size: jax.Array) -> ModelLeaves:
        return set_const(model, {"site_pos": site_pos, "geom_size": geom_size})

    def length(site_pos: jax.Array, geom_size: jax.Array) -> jax.Array:
        return jnp.sum(constants(site_pos, geom_size)["tendon_length0"])

    ours = jax.jit(jax.vmap(constants))(sites, sizes)
    other, data = copy.copy(model), mujoco.MjData(model)
    for index in range(len(sites)):
        other.site_pos[:], other.geom_size[:] = sites[index], sizes[index]
        mujoco.mj_setConst(other, data)
        for name, tolerance in (("tendon_length0", 1e-4), ("tendon_invweight0", 1e-3)):
            np.testing.assert_allclose(
                ours[name][index], getattr(other, name), rtol=tolerance, err_msg=name
            )
    slopes = jax.jit(jax.vmap(jax.grad(length, argnums=(0, 1))))(sites[:50], sizes[:50])
    assert all(np.isfinite(slope).all() for slope in slopes)
