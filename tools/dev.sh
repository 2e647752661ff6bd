#!/usr/bin/env bash
# Builds this checkout for development in build/dev and says how to use it. Python sources are linked, not copied, so only
# C++ edits need another run (or `ninja -C build/dev`).
#
#   tools/dev.sh [-p PYTHON] [-j JOBS] [-t] [-- CMAKE-ARGUMENTS...]
#
#   -p  interpreter to build for; it needs the requirements of [build-system] in pyproject.toml, cmake and ninja included
#   -j  parallel jobs (default 1)
#   -t  build the C++ tests, too, and run them
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=python3 jobs=1 tests=OFF
while getopts p:j:th option; do
  case $option in
    p) python=$OPTARG ;;
    j) jobs=$OPTARG ;;
    t) tests=ON ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ "${1:-}" = -- ] && shift

python=$(command -v "$python")
# cmake and ninja of the interpreter's own environment come before those of the system
export PATH="$(dirname "$python"):$PATH"
build=$root/build/dev
mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DPython_EXECUTABLE="$python" -DKAGARI_BUILD_TESTS=$tests "$@" >"$build.log" 2>&1 ||
  { cat "$build.log" >&2; rm -f "$build.log"; exit 1; }
rm -f "$build.log"
ninja -C "$build" -j "$jobs"
[ $tests = OFF ] || ctest --test-dir "$build" --output-on-failure
echo "PYTHONPATH=$build/python $python"
