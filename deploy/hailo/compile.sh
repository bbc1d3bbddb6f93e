#!/bin/sh
# Builds the Hailo-8's file from the model that ships, on an x86-64 machine with the vendor's compiler: see README.md.
#
#   deploy/hailo/compile.sh [OUT]        OUT is build/hailo if it is not named
#
# Environment: SLEEVESIGHT, the command (default: the checkout's); CARDS, a folder of card pictures (default: generated
# ones). The steps and what speaks against a result are training/hailo/compile.py; its logs lie in OUT.
set -eu

cd "$(dirname "$0")/../.."
out=${1:-build/hailo}
sleevesight=${SLEEVESIGHT:-.venv/bin/sleevesight}

die() {
    echo "compile.sh: $*" >&2
    exit 2
}

[ "$(uname -sm)" = "Linux x86_64" ] || die "the compiler runs on Linux on x86-64 alone, not on $(uname -sm)"
command -v hailo >/dev/null || die "no command hailo: activate the environment of the Dataflow Compiler 3.33"
version=$(hailo --version 2>/dev/null | grep -o '[0-9][0-9.]*' | tail -n 1)
case $version in
    3.33*) ;;
    *) die "the Dataflow Compiler is ${version:-of an unknown version}; HailoRT 4.23, the last for the Hailo-8, wants 3.33" ;;
esac
command -v "$sleevesight" >/dev/null || die "no command $sleevesight: make develop"

"$sleevesight" train hailo models/embedder_hailo.onnx --out "$out" ${CARDS:+--images "$CARDS"}
"$sleevesight" train compile "$out"
(cd "$out" && sha256sum embedder.hef | tee embedder.hef.sha256)
echo "Copy $out/embedder.hef to the Pi as models/embedder_hailo.hef, and grade it there before it is used:"
echo "  sleevesight bench gate --model models/embedder_hailo.onnx --candidate models/embedder_hailo.hef --images DIR"
