#!/bin/sh
# Installs what plays {file_name}: into 'venv' beside this script, nowhere else. Run it again after moving the folder.
# Without the network where the packages lie in 'wheels' beside it. PYTHON=python3.13 sh install.sh chooses another Python.
set -eu

fail() {{
    echo "install.sh: $1" >&2
    exit 1
}}

cd "$(dirname "$0")"
PYTHON="${{PYTHON:-python3}}"
command -v "$PYTHON" >/dev/null || fail "there is no $PYTHON here. Type: sudo apt install python3 python3-venv"

# Asked of Python, not of the kernel: a 64-bit kernel may carry a 32-bit system.
seen=$("$PYTHON" -c 'import platform, struct, sys
print(8 * struct.calcsize("P"), platform.machine(), "%d.%d" % sys.version_info[:2])')
case "$seen" in
    "32 "*) fail "this system is 32-bit, for which the packages do not exist. Install {target.system}." ;;
    "64 {target.machine} "*) ;;
    *) fail "made for {target.title} ({target.machine}), but this is a ${{seen#64 }}. Export with another --target: edgedistill export --help" ;;
esac
case "$seen" in
    {accepted_pythons}) ;;
    *) fail "Python ${{seen##* }} is not one of {pythons}. Install {target.system}, or name another Python: PYTHON=python3.11 sh install.sh" ;;
esac
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "this Python cannot make a venv. Type: sudo apt install python3-venv"

# On a small board /tmp is memory, and the packages do not fit there.
TMPDIR="$PWD/.install"
export TMPDIR
rm -rf "$TMPDIR"
mkdir "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT

echo "Making a Python environment in $PWD/venv"
"$PYTHON" -m venv --clear venv
if [ -d wheels ]; then
    echo "Installing from wheels/, without the network"
    set -- --no-index --find-links wheels
else
    echo "Downloading some {megabytes:.0f} MB and installing"
    set --
fi
venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-input --require-hashes "$@" \
    -r requirements.txt || fail "the packages could not be installed; what pip says stands above."

echo "Playing a few seconds to see that all is well"
venv/bin/edgedistill play {file_name} --headless --max-steps 100

# Filled in here, since only now the folder and its owner are known. A '%' has a meaning in units.
folder=$(printf '%s' "$PWD" | sed 's/%/%%/g')
cat >edgedistill.service <<UNIT
{service}UNIT
echo "Installed. Watch it play:"
echo "  $PWD/venv/bin/edgedistill play $PWD/{file_name}"
