#!/bin/sh
# Sets up all that Reprise runs with: R, uv, and .venv with exactly the packages of requirements.lock.
# usage: tools/setup.sh [tests]      `tests` adds the browser, the PDF reader and the schedulers that some tests start
set -eu
cd "$(dirname "$0")/.."

say() {
    printf 'set-up: %s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

has() {
    for program in "$@"; do
        command -v "$program" >/dev/null || return 1
    done
}

# Install Debian packages as root or by sudo; fails where neither is possible.
apt() {
    has apt-get || return 1
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo="sudo DEBIAN_FRONTEND=noninteractive"
        sudo -n true 2>/dev/null || { has sudo && [ -t 0 ]; } || return 1
    fi
    say "apt-get install $*"
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >/dev/null
}

# uv from PATH, or from an environment of its own: Debian lets nothing be installed beside its own Python.
find_uv() {
    uv=$(command -v uv || echo .venv/uv/bin/uv)
    has "$uv" && return
    python3 -m venv --clear .venv/uv >/dev/null 2>&1 ||
        { apt python3-venv && python3 -m venv --clear .venv/uv; } ||
        fail "Python's venv module is missing: apt-get install python3-venv, or install uv yourself"
    .venv/uv/bin/pip install --quiet uv
}

# The environment has no absolute path to this folder, so the folder can be renamed. Its packages are compiled here,
# because where Python may not write bytecode (containers, shared folders) each step would compile its imports again.
install_python_packages() {
    again=
    [ ! -e .venv/pyvenv.cfg ] || grep -q 'relocatable = true' .venv/pyvenv.cfg || again=--reinstall
    "$uv" venv --quiet --allow-existing --relocatable --python 3.11 .venv ||
        fail "Python 3.11 is missing: apt-get install python3.11, or module load python/3.11"
    say "Python packages of requirements.lock"
    "$uv" pip sync --quiet --compile-bytecode $again --python .venv/bin/python requirements.lock
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo ../../../../workflow_scripts >"$site/reprise.pth"
}

install_what_tests_need() {
    {
        has chromium pdftoppm munged slurmctld slurmd sbatch sge_qmaster sge_execd qsub &&
            .venv/bin/playwright --version >/dev/null 2>&1
    } ||
        apt chromium libatomic1 poppler-utils munge slurmctld slurmd slurm-client \
            gridengine-master gridengine-exec gridengine-client ||
        say "tests that need Chromium, pdftoppm, Slurm or Grid Engine will be skipped: installing them takes root"
}

export DEBIAN_FRONTEND=noninteractive
export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"

if [ "${1:-}" = tests ]; then
    install_what_tests_need
    exit
fi

# Without R at hand its Python bridge must be built in the form that needs no headers.
has R || apt r-base-core || export RPY2_CFFI_MODE=ABI
find_uv
install_python_packages
has R || fail "R is missing. As root: apt-get install r-base-core. On a cluster: module load R." \
    "With conda: . .venv/bin/activate && snakemake results/report.html --sdm conda"
