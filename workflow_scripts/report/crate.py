"""Pack what made the report, so that it can be handed over, into results/run-crate.zip: `make crate`."""

import argparse
import json
import sys
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from reprise.engine.finished_jobs import finished_jobs
from reprise.engine.plan import planned, planned_settings
from reprise.report.crate import CONFIGURATION, DIFFERENCE, describe, listings, packed_results
from reprise.report.crate_code import code_of_run
from reprise.report.crate_files import contents, raw_content
from reprise.report.crate_privacy import machine_names, refuse_private
from reprise.report.crate_raw_names import raw_names, without_raw_names
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import outputs

REPORT, CRATE = "results/report.html", "results/run-crate.zip"
RECORDS = ".snakemake/metadata"
# What a run was, besides what the report's own settings say. No value of these is a path.
SWITCHES = ("device", "compile", "deterministic", "processes", "checkpoint_every", "tracking")
OLDEST = (1980, 1, 1, 0, 0, 0)  # the same time for all files, so that the same run gives the same bytes


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        if not Path(REPORT).is_file():
            raise InputError(f"{REPORT}: no such file; `make report` makes it")
        with ExitStack() as plan:
            with reading(RECORDS, "Snakemake cannot read its records", "; remove the damaged one, type `make report`"):
                dag = plan.enter_context(planned(Path("Snakefile"), [REPORT]))
            files = crate_files(dag)
        with outputs(CRATE) as (partial,):
            write_zip(partial, files)
    except InputError as error:
        sys.exit(f"error: {error}")
    print(f"{CRATE}: {len(files)} files, {Path(CRATE).stat().st_size / 1e6:.1f} MB")


def crate_files(dag: Any) -> dict[str, bytes]:
    """All files of the crate by name.

    Raises:
        InputError: results are stale, a record is damaged, or a file holds what must not be handed over.
    """
    jobs = finished_jobs(dag)
    known = contents(path for job in jobs for path in (*job.inputs, *job.outputs))
    raw = {job.manifest: raw_content(job.manifest) for job in jobs if job.manifest}
    code, names = code_of_run(), machine_names(dag.workflow.config)
    raw_files = raw_names(raw, code.committed)
    results = without_raw_names({path: Path(path).read_bytes() for path in packed_results(jobs)}, raw_files)
    files = code.files | results | listings(known, raw)
    files[CONFIGURATION] = (json.dumps(configuration(dag), indent=1, sort_keys=True) + "\n").encode()
    if code.difference:
        files[DIFFERENCE] = code.difference.encode()
    files["ro-crate-metadata.json"] = describe(jobs, known, raw, files, code)
    refuse_private(files, names, raw_files, code.committed)
    return files


def configuration(dag: Any) -> dict[str, Any]:
    """The resolved configuration and the hyper-parameters of each study: what the report's step got, and the device."""
    settings = planned_settings(dag, REPORT)
    switches = {key: dag.workflow.config[key] for key in SWITCHES}
    return {key: settings[key] for key in ("schedule", "data", "config", "parameters")} | switches


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, OLDEST), files[name], zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
