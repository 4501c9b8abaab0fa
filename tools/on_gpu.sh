#!/bin/sh
# All checks and measurements that need a GPU, in one go: the tests of tests/gpu, the rows of the bench on training, an
# estimate of the published schedule, and the lesions of real patients if their folder is given.
# usage: tools/on_gpu.sh [MINUTES [FOLDER]]
#   MINUTES  for all of it (9): what the other parts leave goes to the real patients
#   FOLDER   of patients, as `data: mslesion` in config.yaml takes it
# Logs and tables go to $OUT, or else to results/gpu.
set -u
cd "$(dirname "$0")/.." || exit 1
minutes=${1:-9}
patients=${2:-}
began=$(date +%s)
out=${OUT:-results/gpu}
mkdir -p "$out"
PATH=$PWD/.venv/bin:$PATH
python=$(command -v python || command -v python3) || { echo "error: no Python here" >&2; exit 1; }
export PYTHONPATH="$PWD/workflow_scripts${PYTHONPATH:+:$PYTHONPATH}" TORCHINDUCTOR_CACHE_DIR="$PWD/results/compiled"
failed=

left() { # seconds
    echo $((60 * minutes - $(date +%s) + began))
}

part() { # NAME SECONDS COMMAND...: run a part, and show its log at its end. A pipe would stay open as long as any child
    name=$1
    seconds=$2
    shift 2
    [ "$seconds" -lt "$(left)" ] || seconds=$(left)
    [ "$seconds" -gt 0 ] || { echo "== $name: no time is left"; failed="$failed $name"; return; }
    echo "== $name ($(left) s left), see $out/$name.log"
    started=$(date +%s)
    timeout -k 5 "$seconds" "$@" >"$out/$name.log" 2>&1 </dev/null || failed="$failed $name"
    cat "$out/$name.log"
    echo "== $name took $(($(date +%s) - started)) s"
}

card='import torch; g = torch.cuda; print(g.get_device_name() + ", PyTorch " + torch.__version__ if g.is_available() else "")'
"$python" -c "$card" | tee "$out/card.txt"
grep -q . "$out/card.txt" || { echo "error: PyTorch finds no GPU here" >&2; exit 1; }
part tests 240 "$python" -m pytest -v -p no:cacheprovider --durations=0 -o faulthandler_timeout=60 tests/gpu
part bench 150 "$python" workflow_scripts/bench/main.py --gpu --output "$out/bench.csv"
part estimate 150 "$python" workflow_scripts/bench/estimate.py --output "$out/estimate.csv"
if [ -n "$patients" ] && [ "$(left)" -gt 90 ]; then
    for_training=$((($(left) - 45) / 60))
    part patients "$(left)" "$python" workflow_scripts/bench/ms_patients.py --raw "$patients" --work "$out/patients" \
        --minutes "$for_training" --output "$out/patients.csv"
fi
[ -z "$failed" ] || { echo "error: failed:$failed; see $out" >&2; exit 1; }
