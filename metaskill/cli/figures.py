"""usage: metaskill figures [--markdown=FILE]

Prints every figure in experiments/results and benchmarks/results with its value, what is
required, and whether it passed; or writes them as a Markdown table.
"""

import json
import pathlib

from absl import flags

from metaskill.cli.flags import parse
from metaskill.errors import UserError
from metaskill.results.file import read_results
from metaskill.results.table import markdown_table

_FOLDERS = [pathlib.Path("experiments/results"), pathlib.Path("benchmarks/results")]

_PREFACE = """# Results

Made by `make results` from the files in `experiments/results` and `benchmarks/results`;
each of those holds every seed's figure, the configuration, versions and hardware.

"""


def run(arguments: list[str]) -> None:
    """Print or write the table."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("markdown", None, "file to write", flag_values=values)

    _, values = parse(arguments, [], define)
    if values.markdown:
        _write(pathlib.Path(values.markdown), _PREFACE + markdown_table(_FOLDERS))
        return
    for result in read_results(_FOLDERS):
        for key, figure in result["figures"].items():
            bar = {name: figure[name] for name in ("required", "limit") if name in figure}
            verdict = {True: "pass", False: "FAIL", None: "-"}[figure["passed"]]
            print(f"{verdict:<5} {key:<32} {figure['value']:<12.5g} {json.dumps(bar)}")


def _write(path: pathlib.Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}): choose another file.") from error
