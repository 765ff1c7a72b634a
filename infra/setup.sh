#!/bin/sh
# Makes .venv and installs what pyproject.toml asks for, with the extra `dev` and those in
# LLM_EXTRAS (cloud, ray, server, bench), at the versions of constraints.txt; `make` calls it from
# the top folder.
set -eu

fail() {
    echo "setup: $1" >&2
    exit 1
}

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        place=$(command -v "$name" 2>/dev/null) || continue
        case $place in "$PWD/.venv/"*) continue ;; esac # the broken one that is to be replaced
        if "$place" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$place"
            return
        fi
    done
    found=$(python3 --version 2>&1 || true)
    fail "Python 3.11 or newer is missing (python3 here: ${found:-none}). Install it, or name it: make PYTHON=/path/to/python3.11"
}

# A .venv whose base Python is gone, or an unfinished one, is made anew.
if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$python has no venv module. Install it (on Debian: apt-get install python3-venv)."
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail "$python could not make .venv."
fi

wanted=.venv/requirements.txt
# shellcheck disable=SC2086 # several extras are several words
.venv/bin/python infra/requirements.py dev ${LLM_EXTRAS:-} >"$wanted" ||
    fail "the extras cannot be read: LLM_EXTRAS is '${LLM_EXTRAS:-}'."
echo "setup: installing $(grep -c . "$wanted") packages and what they need; the first time takes minutes"
quiet=--quiet # a log needs no line per package
[ -t 1 ] && quiet=
.venv/bin/python -m pip install $quiet --disable-pip-version-check --constraint constraints.txt \
    --requirement "$wanted" || fail "the installation failed. Mend what pip says above, then start again."
command -v "${CXX:-g++}" >/dev/null 2>&1 || command -v clang++ >/dev/null 2>&1 ||
    echo "setup: no C++ compiler here: training runs uncompiled, slower but the same."
