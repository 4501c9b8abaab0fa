"""The trained networks of a run, and whether their results are as the workflow would make them now."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from snakemake.dag import DAG

SEED = re.compile(r"(?P<network>.+)-seed(?P<seed>\d+)")
RESULTS = Path("results")
WEIGHTS, METRICS = ".safetensors", "metrics.csv"


class Trained(NamedTuple):
    """A trained network: its study, its weights, its folder below that of all bundles, its name in the metrics."""

    study: str
    weights: Path
    folder: Path
    name: str


def trained_networks(dag: "DAG") -> list[Trained]:
    """All networks that the planned run trains, whether trained yet or not; those of other runs do not count.

    The first seed of a network has the network's name in the metrics, the others have that of their run.
    """
    paths = [Path(file) for job in dag.jobs for file in job.output if str(file).endswith(WEIGHTS)]
    below = {path: path.relative_to(RESULTS) for path in sorted(paths)}
    runs = {path: next(filter(None, map(SEED.fullmatch, parts.parts))) for path, parts in below.items()}
    first: dict[tuple[str, str], int] = {}
    for path, run in runs.items():
        key, seed = (below[path].parts[0], run["network"]), int(run["seed"])
        first[key] = min(seed, first.get(key, seed))
    return [
        Trained(
            study := parts.parts[0],
            path,
            parts.parent if parts.stem == "weights" else parts.with_suffix(""),
            run["network"] if int(run["seed"]) == first[study, run["network"]] else run[0],
        )
        for (path, parts), run in zip(below.items(), runs.values(), strict=True)
    ]


def stale_files(dag: "DAG") -> set[Path]:
    """The files of results that are missing, or would be made anew."""
    jobs = [job for job in dag.jobs if not job.rule.norun]
    return {Path(file) for job in jobs for file in job.output if dag.needrun(job) or not Path(file).exists()}
