"""The workflow's rules as Snakemake reads them, for tests about them."""

import re
from functools import cache
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "workflow_scripts"
STUDIES = ("echonet", "mslesion")
STEP = re.compile(r"\bpython workflow_scripts/([\w/]+\.py)\b")


@cache
def job_rules(*studies: str) -> tuple[Rule, ...]:
    """All rules that run a command, thus not those that only name a target; by default config.yaml's studies."""
    chosen = ConfigSettings(config={"studies": list(studies)} if studies else {})
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        opened = api.workflow(ResourceSettings(cores=1), chosen, snakefile=ROOT / "Snakefile", workdir=ROOT)
        workflow = opened._get_workflow(check_envvars=False)
        workflow.include(ROOT / "Snakefile", overwrite_default_target=True)
        workflow.check()
        return tuple(rule for rule in workflow.rules if not rule.norun)


def step_of(rule: Rule) -> str:
    """The step that a rule runs, as a path below workflow_scripts/.

    Raises:
        AssertionError: the rule's command does not run exactly one.
    """
    steps = STEP.findall(rule.shellcmd or "")
    assert len(steps) == 1, f"rule {rule.name} runs {steps or 'no step'}"
    return str(steps[0])
