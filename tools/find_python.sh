#!/bin/sh
# Prints the path of a Python that fits the course, or one sentence on what to install.
# Each is tried, not only looked up: a python3.13 in the PATH may be a shim with nothing behind it.
without_venv=
IFS=:
for name in python3.13 python3.12 python3.11 python3; do
    for folder in $PATH; do
        python="$folder/$name"
        [ -x "$python" ] || continue
        "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
        if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
            echo "$python"
            exit 0
        fi
        without_venv="$python"
    done
done
if [ -n "$without_venv" ]; then
    version=$("$without_venv" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    echo "$without_venv has no venv module: install it (Debian, Ubuntu: apt-get install $version-venv) and start again." >&2
else
    echo "No Python 3.11, 3.12 or 3.13 was found: install one from https://www.python.org/downloads/ and start again." >&2
fi
exit 1
