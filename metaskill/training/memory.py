"""How many members fit: what compiled programs need, against what the device has."""

import itertools
import math
import os
import pathlib

import jax

from metaskill.errors import UserError
from metaskill.training.chunks import Chunks
from metaskill.training.population import Population

_SHARE = 0.9
"""The part of the memory to plan with: evaluations and copies for checkpoints need some too."""


def bytes_needed(program: jax.stages.Compiled) -> int:
    """Return the memory that a compiled program holds while it runs, arguments included."""
    analysis = program.memory_analysis()
    if analysis is None:  # A backend that does not say: whatever is asked for fits.
        return 0
    # Donated arguments are counted in the results as well.
    return int(
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        - analysis.alias_size_in_bytes
        + analysis.temp_size_in_bytes
        + analysis.generated_code_size_in_bytes
    )


def available_bytes() -> int:
    """Return the memory to plan with: of the device, or of the machine where that is a CPU."""
    statistics = jax.local_devices()[0].memory_stats()
    if statistics:
        return int(_SHARE * (statistics["bytes_limit"] - statistics["bytes_in_use"]))
    information = pathlib.Path("/proc/meminfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(_SHARE * 1024 * int(line.split()[1]))
    return int(_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def split_to_fit(chunks: Chunks, population: Population, budget: int) -> list[Population]:
    """Split members into as few batches as fit, their sizes as equal as may be.

    The program of the first batch is compiled on the way, and kept by `chunks`. Where it does
    not fit, what it needs says about how many batches to try next.

    Args:
        chunks: Their programs.
        population: The members.
        budget: Bytes that a batch may need.

    Raises:
        UserError: If a single member needs more than that.
    """
    n_members, n_batches = len(population), 1
    while True:
        size = math.ceil(n_members / n_batches)
        needed = bytes_needed(chunks.compile(population[:size]))
        if needed <= budget:
            break
        if size == 1:
            raise UserError(
                f"a single member needs {needed / 2**30:.3g} GiB, and there are "
                f"{budget / 2**30:.3g}: make the experiment smaller, or raise --memory."
            )
        n_batches = min(n_members, max(n_batches + 1, math.ceil(n_batches * needed / budget)))
    ends = [round(i * n_members / n_batches) for i in range(n_batches + 1)]
    return [population[a:b] for a, b in itertools.pairwise(ends)]
