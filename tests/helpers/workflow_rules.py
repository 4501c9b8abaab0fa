"""The workflow's rules as Snakemake reads them, for tests about them."""

from functools import cache
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "workflow_scripts"
SCHEMA = yaml.safe_load((ROOT / "config/schema.yaml").read_text())
STUDIES = tuple(SCHEMA["properties"]["studies"]["items"]["enum"])


@cache
def job_rules(*studies: str) -> tuple[Rule, ...]:
    """All rules that run a step, without target rules and kinds; by default those of config.yaml's studies."""
    own_files = {"input": str(ROOT / "docs")}
    chosen = ConfigSettings(config=own_files | ({"studies": list(studies)} if studies else {}))
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        opened = api.workflow(ResourceSettings(cores=1), chosen, snakefile=ROOT / "Snakefile", workdir=ROOT)
        workflow = opened._get_workflow(check_envvars=False)
        workflow.include(ROOT / "Snakefile", overwrite_default_target=True)
        workflow.check()
        return tuple(rule for rule in workflow.rules if not rule.norun and Path(rule.snakefile).name != "kinds.smk")


def step_of(rule: Rule) -> str:
    """The step that a rule runs, as a path below workflow_scripts/."""
    return str(rule.params.program)


def option_names(rule: Rule) -> list[str]:
    """The options that a rule's step gets, in any order."""
    settled = [f"--{name.rstrip('_').replace('_', '-')}" for name in rule.params.reached]
    return [*settled, *rule.params.named]
