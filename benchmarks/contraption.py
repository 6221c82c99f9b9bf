"""A model with everything whose constants MuJoCo derives: nothing a robot would want to be."""

# Every kind that `mj_setConst` distinguishes, of joints, bodies (simple with and without
# rotation, static, mocap), tendons, armatures, anchors and transmissions.
CONTRAPTION = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 0.1"/>
    <site name="hook" pos="0 0 2"/>
    <body name="torso" pos="0 0 1">
      <freejoint/>
      <geom type="box" size="0.1 0.2 0.3" pos="0.05 0 0"/>
      <site name="shoulder" pos="0.1 0.1 0.2"/>
      <body name="arm" pos="0.3 0 0.1" quat="0.9 0.1 0.2 0.3">
        <joint name="ball" type="ball" pos="0 0.05 0" armature="0.01"/>
        <geom name="elbow" type="sphere" size="0.08" pos="0.2 0 0"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.2 0 0"/>
        <site name="side" pos="0.2 0.3 0.02"/>
        <site name="humerus" pos="0.02 0.05 0"/>
        <body name="hand" pos="0.3 0 0">
          <joint name="bend" axis="0 1 0" pos="-0.1 0 0" armature="0.02"/>
          <joint name="twist" axis="1 0 0.2" armature="0.02"/>
          <geom type="ellipsoid" size="0.1 0.05 0.02" pos="0.1 0 0"/>
          <site name="palm" pos="0.15 0.05 0" quat="0.8 0.2 0.1 0"/>
        </body>
      </body>
      <body name="pack" pos="-0.2 0 0.1">
        <geom type="cylinder" size="0.1 0.15"/>
      </body>
    </body>
    <body name="post" pos="1 0 0.5">
      <geom type="cylinder" size="0.05 0.5"/>
      <site name="top" pos="0 0 0.6"/>
    </body>
    <body name="crane" pos="1 1 0.5">
      <joint name="swing" axis="0 0 1" ref="0.3"/>
      <geom name="drum" type="cylinder" size="0.1 0.3"/>
      <site name="out" pos="0.4 0 0.1"/>
      <body name="jib" pos="-0.2 0.6 0.1">
        <joint name="reach" type="slide" axis="1 0 0.1" armature="0.1"/>
        <geom type="box" size="0.2 0.03 0.03"/>
        <site name="tip" pos="0.2 0 0"/>
      </body>
    </body>
    <body name="puck" pos="2 0 0.1">
      <joint name="x" type="slide" axis="1 0 0" armature="0.3"/>
      <joint name="y" type="slide" axis="0 1 0"/>
      <geom type="cylinder" size="0.1 0.02"/>
    </body>
    <body name="marble" pos="2 1 0.1">
      <freejoint/>
      <geom type="sphere" size="0.1"/>
    </body>
    <body name="hand_of_god" mocap="true" pos="0 0 3">
      <site name="finger"/>
    </body>
  </worldbody>
  <tendon>
    <fixed name="couple" armature="0.05">
      <joint joint="bend" coef="0.7"/>
      <joint joint="twist" coef="-0.4"/>
    </fixed>
    <spatial name="biceps" stiffness="10">
      <site site="shoulder"/>
      <site site="humerus"/>
      <geom geom="elbow" sidesite="side"/>
      <site site="palm"/>
      <pulley divisor="2"/>
      <site site="hook"/>
      <site site="shoulder"/>
      <site site="finger"/>
    </spatial>
    <spatial name="cable">
      <site site="top"/>
      <geom geom="drum" sidesite="out"/>
      <site site="tip"/>
    </spatial>
    <spatial name="belt" armature="0.1">
      <site site="out"/>
      <site site="tip"/>
    </spatial>
  </tendon>
  <equality>
    <connect body1="hand" body2="crane" anchor="0.1 0.2 0.3"/>
    <connect body1="marble" anchor="0 0 0.1"/>
    <connect site1="palm" site2="top"/>
    <weld body1="torso" body2="puck" anchor="0.1 0 0"/>
    <weld body1="jib" body2="marble" relpose="0.1 0 0 1 0 0 0"/>
    <joint joint1="bend" joint2="twist" polycoef="0 1 0 0 0"/>
  </equality>
  <actuator>
    <general joint="ball" gear="1 2 3"/>
    <general jointinparent="ball" gear="0.5 1 0.2"/>
    <general joint="bend" gear="30"/>
    <position joint="swing" kp="10" gear="3" armature="0.2"/>
    <general joint="swing" gear="2" armature="0.1"/>
    <general tendon="belt" gear="2" armature="0.3"/>
    <general tendon="biceps" gear="2"/>
    <general site="palm" gear="1 0 0 0 0.5 0"/>
    <general site="tip" refsite="top" gear="0 1 0.3 0 0 1"/>
  </actuator>
</mujoco>
"""
