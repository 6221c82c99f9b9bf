"""Command lines with one known mistake: a wrong value, entry, range, seed or a field set twice.

The mistakes are drawn from the annotations of every field of some experiments.
"""

from typing import Any

from hypothesis import strategies as st

from metaskill.checking import ranges_of
from metaskill.cli.experiments import find_experiment
from metaskill.configuration import Place, places
from metaskill.ranges import Above, AtLeast, Between, HalfOpen, NotEmpty, OneOf

RUN = "{run}"
"""Stands in a command line for the folder of a run."""

_EXPERIMENTS = [
    "demo", "sinusoid", "nav2d_maml", "maze_spirl", "point_diayn", "ant_navigation_hierarchy",
    "maze_skills", "half_cheetah_sac",
]  # fmt: skip
_NO_NUMBERS = ["nan", "1e999", "-1e999", "many", "True", "None", "()", "{}", "[1]", "1j"]
_NO_SIZES = ["'64'", "-1", "0", "2.5", "None", "True", "(64,)", "[]", "{}", "1e9", "10**2", "nan"]
_NO_LENGTHS = ["0", "-5", "2.5", "'long'", "None", "()", "(5,)", "True", "nan", str(2**31)]
_NO_SEEDS = ["-1", str(2**32), str(2**63), "1" + 30 * "0", "1.5", "nan", "first", ""]
_NO_ENTRIES = ["{1, 2}", "b'x'", "1j", "...", "nan", "{1: 2}", "(1, {3})", "[1e999]"]


def wrong_lines() -> st.SearchStrategy[list[str]]:
    """Draw command lines that must be refused."""
    fields = st.sampled_from(_EXPERIMENTS).flatmap(_fields)
    return st.one_of(fields, fields, _lengths(), _entries(), _seeds(), _set_twice())


def _fields(experiment: str) -> st.SearchStrategy[list[str]]:
    """Draw a field of an experiment, and a value that its annotation does not allow."""
    found = [
        (place, wrong)
        for place in places(find_experiment(experiment))
        if (wrong := _wrong(place)) is not None
    ]
    return st.sampled_from(found).flatmap(
        lambda field: field[1].map(
            lambda value: ["train", experiment, f"--config.{'.'.join(field[0].path)}={value}"]
        )
    )


def _wrong(place: Place) -> st.SearchStrategy[str] | None:
    """Return the values that a place does not allow; None where anything is allowed."""
    value = place.value
    if isinstance(value, tuple) and value:
        right = st.integers(1, 64).map(str)
        several = st.tuples(
            st.lists(right, max_size=2), st.sampled_from(_NO_SIZES), st.lists(right, max_size=2)
        ).map(lambda parts: f"({', '.join([*parts[0], parts[1], *parts[2]])},)")
        return several | st.sampled_from(["64", "'64'", "None", "{'first': 64}"])
    outside = [text for allowed in ranges_of(place.hint) for text in _outside(allowed)]
    if isinstance(value, bool):
        return st.sampled_from(["0", "1", "'True'", "yes", "None"])
    if isinstance(value, int | float):
        fraction = ["0.5", "1e0"] if isinstance(value, int) else []
        return st.sampled_from([*outside, *fraction, *_NO_NUMBERS])
    if isinstance(value, str) and "options" not in place.path:
        return st.sampled_from([*outside, "7", "None", "()", "True"])
    return None


def _outside(allowed: Any) -> list[str]:
    """Return texts of values outside a range."""
    match allowed:
        case Between(low, high):
            return [str(low - 1), str(high + 1), str(-(10**12)), str(10**12)]
        case HalfOpen(low, high):
            return [str(low - 0.1), str(high)]
        case AtLeast(least):
            return [str(least - 1), str(least - 0.5), str(-(10**9)), str(-(10**20))]
        case Above(bound):
            return [str(bound), str(bound - 1e-9), str(bound - 1)]
        case OneOf(names):
            return [f"{names[0]}x", names[0][:-1], ""]
        case NotEmpty():
            return ["()"]
    raise TypeError(f"an unknown range: {allowed}")


def _lengths() -> st.SearchStrategy[list[str]]:
    """Draw lengths of episodes, and numbers of a problem, that there cannot be."""
    wrong = st.sampled_from(_NO_LENGTHS)
    demo = ["train", "demo", "--config.env.name=point_mass"]
    collect = ["collect", "point_mass", "--policy=random"]
    return st.one_of(
        wrong.map(lambda text: [*demo, f"--config.env.options.episode_length={text}"]),
        wrong.map(lambda text: [*demo, "--config.env.options={'episode_length': " + text + "}"]),
        wrong.map(lambda text: [*collect, f"--option=episode_length={text}"]),
        st.sampled_from(_NO_LENGTHS[:-1]).map(
            lambda text: ["train", "sinusoid", f"--config.problem.options.shots={text}"]
        ),
        wrong.map(
            lambda text: ["sweep", "demo", f"--vary=env.options.episode_length=50,({text},)"]
        ),
        st.sampled_from(["0", "-5", "2.5", "nan", ""]).flatmap(
            lambda text: st.sampled_from(["--episodes", "--worlds"]).map(
                lambda flag: [*collect, f"{flag}={text}"]
            )
        ),
        st.sampled_from(["-0.1", "nan", "inf"]).map(lambda text: [*collect, f"--noise={text}"]),
    )


def _entries() -> st.SearchStrategy[list[str]]:
    """Draw entries of options that no record can hold, that nothing reads, or inside a value."""
    paths = {
        "nav2d_maml": ["env.options", "family.options"],
        "sinusoid": ["problem.options"],
        "maze_spirl": ["env.options", "source.config.collection.env.options"],
        "ant_navigation_hierarchy": ["env.options", "source.config.env.options"],
    }
    places_of_options = st.sampled_from([(name, path) for name in paths for path in paths[name]])

    def lines(place: tuple[str, str]) -> st.SearchStrategy[list[str]]:
        flag = f"--config.{place[1]}"
        return st.one_of(
            st.sampled_from(_NO_ENTRIES).map(lambda text: [f"{flag}.size={text}"]),
            st.sampled_from(_NO_ENTRIES).map(lambda text: [f"{flag}.size.of.it={text}"]),
            st.sampled_from(["episode_lenght", "", "0", "size_"]).map(
                lambda name: [f"{flag}.{name}=5"]
            ),
            st.just([f"{flag}.size=5", flag + "={'size': 5}"]),
            st.just([flag + "={}", f"{flag}.size.of.it=5"]),
            st.sampled_from(["5", "None", "()", "size"]).map(lambda text: [f"{flag}={text}"]),
        ).map(lambda flags: ["train", place[0], *flags])

    inside = st.sampled_from(["ppo.num_envs.x", "hparams.discount.0", "ppo.policy_hidden.0"])
    within = inside.map(lambda path: ["train", "demo", f"--config.{path}=5"])
    return st.one_of(places_of_options.flatmap(lines), places_of_options.flatmap(lines), within)


def _seeds() -> st.SearchStrategy[list[str]]:
    """Draw seeds that there are not, for every command that takes one."""
    commands = [
        ["train", "demo"], ["collect", "point_mass", "--policy=random"],
        *([command, RUN] for command in ("eval", "render", "adapt", "plan")),
    ]  # fmt: skip
    return st.sampled_from(_NO_SEEDS).flatmap(
        lambda seed: st.sampled_from(
            [
                *([*command, f"--seed={seed}"] for command in commands),
                ["train", "demo", f"--config.trainer.seed={seed}"],
                ["train", "maze_skills", f"--config.collection.seed={seed}"],
                ["sweep", "demo", f"--vary=seed={seed}"],
                ["sweep", "demo", f"--vary=seed=0,{seed}"],
                ["train", "demo", f"--seed={2**32 - 1}", "--config.trainer.population=2"],
            ]
        )
    )


def _set_twice() -> st.SearchStrategy[list[str]]:
    """Draw lines that set one field in two ways, or name several fields at once."""
    return st.sampled_from(
        [
            ["train", "demo", "--seed=1", "--config.trainer.seed=2"],
            ["train", "demo", "--engine=native", "--config.env.engine=mjx"],
            ["train", "demo", "--config.env={'engine': 'native'}", "--config.env.engine=mjx"],
            ["sweep", "demo", "--vary=learning_rate=1,2", "--vary=hparams.learning_rate=3,4"],
            ["sweep", "demo", "--vary=clip,hparams.clip=(.1,.2),(.3,.4)"],
            ["sweep", "demo", "--vary=clip=.1,.2", "--config.hparams.clip=.3"],
            ["sweep", "demo", "--vary=num_epochs=1,2", "--vary=ppo.num_epochs=3,4"],
            ["sweep", "demo", "--vary=seed=0:2", "--config.trainer.seed=3"],
            ["sweep", "demo", "--vary=seed=0:2", "--config.trainer.population=3"],
            ["sweep", "demo", "--vary=env.engine=native,mjx", "--engine=native"],
            ["sweep", "demo", "--vary=env.options={}", "--config.env.options.episode_length=5"],
            ["sweep", "point_diayn", "--vary=discount=.9,.99"],
            ["sweep", "ant_navigation_hierarchy", "--vary=num_envs=4,8"],
        ]
    )
