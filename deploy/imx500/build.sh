#!/bin/sh
# Builds the AI camera's network from a training of the finder, with Sony's tools: see README.md.
#
#   deploy/imx500/build.sh STATE [OUT]     STATE is the finder's state.pt; OUT is build/imx500 if it is not named
#
# Environment: CARDS and GROUNDS, the folders that it was trained with (default: generated pictures, to measure ranges
# on); PYTHON, a Python 3.11 (default: python3.11). What is made lies in OUT: imx500.zip for imx500-package on the Pi, and
# imx500.onnx, which computes the same on any machine.
set -eu

die() {
    echo "build.sh: $*" >&2
    exit 2
}

[ $# -ge 1 ] || die "which training? give its state: deploy/imx500/build.sh RUN/state.pt [OUT]"
[ -f "$1" ] || die "$1: no such file; python -m training.detector.train finder --out RUN makes RUN/state.pt"
state=$(realpath "$1")
cd "$(dirname "$0")/../.."
out=${2:-build/imx500}
python=${PYTHON:-python3.11}

[ "$(uname -sm)" = "Linux x86_64" ] || die "the converter runs on Linux on x86-64 alone, not on $(uname -sm)"
command -v "$python" >/dev/null || die "no $python, which the converter wants: name one with PYTHON=…"
command -v java >/dev/null || die "no java: sudo apt install openjdk-17-jre-headless"

tools=$out/tools
if ! cmp -s deploy/imx500/requirements.txt "$tools/requirements.txt"; then
    "$python" -m venv --clear "$tools"
    "$tools/bin/python" -m pip install --quiet -r deploy/imx500/requirements.txt
    cp deploy/imx500/requirements.txt "$tools/requirements.txt"
fi

"$tools/bin/python" -m training.imx500.quantise --state "$state" --out "$out" \
    ${CARDS:+--cards "$CARDS"} ${GROUNDS:+--grounds "$GROUNDS"}
"$tools/bin/imxconv-pt" -i "$out/imx500_mctq.onnx" -o "$out/converted" --overwrite-output
report=$out/converted/imx500_mctq_MemoryReport.json
grep -q '"Fit In Chip": true' "$report" || die "it does not fit into the chip: see $report"
grep -o '"\(Memory Usage\|Memory Utilization\)": "[^"]*"' "$report"
cp "$out/converted/packerOut.zip" "$out/imx500.zip"
(cd "$out" && sha256sum imx500.zip imx500.onnx | tee imx500.sha256)
echo "On the Pi: imx500-package -i imx500.zip -o FOLDER, and [imx500] rpk = \"FOLDER/network.rpk\""
