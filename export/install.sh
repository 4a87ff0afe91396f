#!/bin/sh
# Installs what plays {file_name}.
#
#   sh install.sh                    into 'venv' beside this script, nowhere else
#   sudo sh install.sh --service     into /opt/edgedistill, owned by root, with a service that plays from power-on
#
# It may be run again at any time, after moving the folder too: the new environment is built beside the old one, which
# stays as it is until the new one plays. Without the network where the export has the packages (--with-wheels).
# PYTHON=python3.13 sh install.sh chooses another Python; sudo PYTHON=python3.13 sh install.sh --service, for the service.
set -eu

fail() {{
    echo "install.sh: $1" >&2
    exit 1
}}

CDPATH='' cd -- "$(dirname -- "$0")" || exit 1
[ -f requirements.txt ] || fail "the rest of the folder is not beside this script."
case "${{1-}}" in
    "") service=no ;;
    --service) service=yes ;;
    *) fail "it takes --service, or nothing; got $1." ;;
esac
case "${{DESTDIR-}}" in
    "" | /*) ;;
    *) fail "DESTDIR is the root of a system, a path that begins with /; got $DESTDIR." ;;
esac
[ $service = no ] || [ "$(id -u)" = 0 ] || fail "a service is root's. Type: sudo sh install.sh --service"
PYTHON="${{PYTHON:-python3}}"
command -v "$PYTHON" >/dev/null || fail "there is no $PYTHON here. Type: sudo apt install python3 python3-venv"

# Asked of Python, not of the kernel: a 64-bit kernel may carry a 32-bit system.
seen=$("$PYTHON" -I -c 'import platform, struct, sys
print(8 * struct.calcsize("P"), platform.machine(), "%d.%d" % sys.version_info[:2])')
case "$seen" in
    "32 "*) fail "this system is 32-bit, for which the packages do not exist. Install {target.system}." ;;
    "64 {target.machine} "*) ;;
    *) fail "made for {target.title} ({target.machine}), but this is a ${{seen#64 }}. Export with another --target: edgedistill export --help" ;;
esac
another="PYTHON=python{target.pythons[0]} sh install.sh"
[ $service = no ] || another="sudo $another --service"
case "$seen" in
    {accepted_pythons}) ;;
    *) fail "Python ${{seen##* }} is not one of {pythons}. Install {target.system}, or name another Python: $another" ;;
esac
# The service sees no /home and no /root (ProtectHome). Where an image (DESTDIR) has its Python, its builder knows.
if [ $service = yes ] && [ -z "${{DESTDIR-}}" ]; then
    place=$("$PYTHON" -I -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
    case "$place/" in
        /home/* | /root/*) fail "the service sees no home folders, and $PYTHON lies in $place. Name a Python of the system: $another" ;;
    esac
fi
"$PYTHON" -I -c 'import ensurepip, venv' 2>/dev/null || fail "this Python cannot make a venv. Type: sudo apt install python3-venv"

plays() {{
    "$1/bin/edgedistill" play "$2" --headless --max-steps 100
}}

# The other of two names: the one in use is only replaced once the new one plays.
other() {{
    case "$(readlink "$1" 2>/dev/null || true)" in
        "$2") echo "$3" ;;
        *) echo "$2" ;;
    esac
}}

# What is installed, and where: the programs of an environment name its path, so that a copy would run the original's.
description() {{
    cat requirements.txt
    echo "# in $1"
}}

# What an installation with sudo left is root's.
delete() {{
    rm -rf "$1" 2>/dev/null || fail "$1 cannot be deleted: an installation with sudo may have left it. Type: sudo rm -r '$1'"
}}

# A link cannot be renamed over a folder, which an older version left.
switch() {{
    [ -L "$1" ] || delete "$1"
    ln -sfn "$2" "$1.new"
    mv -T "$1.new" "$1"
}}

# Whether this export has the packages; a folder 'wheels' may be an earlier one's.
wheels={wheels}
# DESTDIR is where the root of the system lies, for those who build its image.
base=$PWD
if [ $service = yes ]; then
    umask 022
    base="${{DESTDIR-}}/opt/edgedistill"
    mkdir -p "$base"
    link="$base/current"
    new="$base/$(other "$link" a b)"
    venv="$new/venv" student="$new/{file_name}"
else
    link="$base/venv"
    new="$base/$(other "$link" venv-a venv-b)"
    venv="$new" student="$base/{file_name}"
fi
# On a small board /tmp is memory, and the packages do not fit there.
TMPDIR="$base/.install"
export TMPDIR
delete "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$TMPDIR"

if [ $service = no ] && description "$link" | cmp -s - "$link/installed.txt" &&
    plays "$link" "$student" >/dev/null 2>&1; then
    echo "Installed already, and it plays."
else
    delete "$new"
    echo "Making a Python environment in $venv"
    mkdir "$new"
    "$PYTHON" -I -m venv "$venv"
    if [ $wheels = yes ]; then
        echo "Installing from wheels/, without the network"
        set -- --no-index --find-links wheels
    else
        echo "Downloading some {megabytes:.0f} MB and installing"
        set --
    fi
    "$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-input \
        --require-hashes "$@" -r requirements.txt || {{
        rm -rf "$new"
        fail "the packages could not be installed; what pip says stands above. An installation from before is as it was."
    }}
    # For the service's user to read, whatever they may be read by here.
    [ $service = no ] || install -m 644 {file_name} {card_name} "$new"
    echo "Playing a few seconds to see that all is well"
    plays "$venv" "$student"
    description "$link" >"$venv/installed.txt"
    old=$(readlink "$link" 2>/dev/null || true)
    switch "$link" "${{new##*/}}"
    case "$old" in
        a | b | venv-a | venv-b)
            old="${{base:?}}/$old"
            rm -rf "$old" 2>/dev/null ||
                echo "install.sh: the environment before this one is not yours to delete. Type: sudo rm -r '$old'" >&2
            ;;
    esac
fi

if [ $service = yes ]; then
    units="${{DESTDIR-}}/etc/systemd/system"
    mkdir -p "$units"
    cp edgedistill.service "$units/edgedistill.service.new"
    chmod 644 "$units/edgedistill.service.new"
    mv "$units/edgedistill.service.new" "$units/edgedistill.service"
    if [ -z "${{DESTDIR-}}" ]; then
        systemctl daemon-reload
        systemctl enable edgedistill.service
        systemctl restart edgedistill.service
    fi
    echo "Installed: {service_does} from now on. To stop: sudo systemctl disable --now edgedistill.service"
else
    echo "Installed. Watch it play:"
    echo "  $PWD/venv/bin/edgedistill play $PWD/{file_name}"
fi
