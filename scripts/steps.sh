# The steps that scripts/run, scripts/test and scripts/check share. Sourced, from the project's root.
# Each step does its work only when what it depends on has changed, and says what it does in one line.

VENV=.venv

say() { printf '%s\n' "birdwatch: $*"; }
fail() {
    printf '%s\n' "birdwatch: $*" >&2
    exit 1
}

# A number that changes when one of the named files or folders does.
fingerprint() {
    find "$@" -type f 2>/dev/null | LC_ALL=C sort | xargs cksum | cksum
}

# What runs a command as root without asking: nothing for root, sudo where it needs no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Installs Debian packages where that is allowed; fails, quietly, where it is not.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root true || return 1
    say "installing $* (apt)"
    { as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
        >/dev/null 2>&1
}

# Sets PYTHON to an interpreter that is new enough.
find_python() {
    for PYTHON in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return
        fi
    done
    fail "Python 3.11 or newer is needed and was not found; set PYTHON to one, or install python3."
}

# Debian keeps what makes virtual environments in a package of its own.
ensure_venv_module() {
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null && return
    version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt_install "python$version-venv" || true
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON cannot make virtual environments; install them with: apt-get install python$version-venv"
}

make_venv() {
    "$VENV/bin/python" -c 'import pip' 2>/dev/null && return
    find_python
    ensure_venv_module
    say "making a virtual environment in $VENV with $("$PYTHON" --version)"
    "$PYTHON" -m venv --clear "$VENV"
}

# install NAME FILE…: the pinned packages of these files, once.
install() {
    stamp=$VENV/installed-$1
    shift
    now=$("$VENV/bin/python" --version; fingerprint "$@")
    [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return
    say "installing the packages of $* (pinned, hashes checked)"
    for file in "$@"; do
        "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            --no-deps --requirement "$file" >"$VENV/pip.log" 2>&1 || {
            cat "$VENV/pip.log" >&2
            fail "the packages of $file could not be installed; the lines above say why."
        }
    done
    printf '%s\n' "$now" >"$stamp"
}

# Makes `.venv/bin/birdwatch` run this tree, from any folder.
link_tree() {
    [ -x "$VENV/bin/birdwatch" ] && return
    cat >"$VENV/bin/birdwatch" <<'END'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH=${here%/*/*}${PYTHONPATH:+:$PYTHONPATH} exec "$here/python" -m birdwatch "$@"
END
    chmod +x "$VENV/bin/birdwatch"
}

# Node from the machine when it is new enough, else from a package inside the virtual environment.
ensure_node() {
    if command -v npm >/dev/null 2>&1 &&
        node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then
        return
    fi
    say "this machine has no Node 18 or newer with npm; taking it from a package"
    install node requirements-build.txt
    PATH=$PWD/$VENV/bin:$PATH
}

build_client() {
    [ -f package.json ] || return 0
    built=birdwatch/web/static/built
    now=$(fingerprint package.json package-lock.json birdwatch/web/assets)
    if [ "$(cat "$VENV/built-client" 2>/dev/null)" = "$now" ] && [ -d "$built" ]; then
        return
    fi
    ensure_node
    say "building the client files"
    { npm ci --no-audit --no-fund --loglevel=error && npm run --silent build; } >"$VENV/client.log" 2>&1 || {
        cat "$VENV/client.log" >&2
        fail "the client files could not be built; the lines above say why."
    }
    printf '%s\n' "$now" >"$VENV/built-client"
}

prepare() {
    make_venv
    install runtime requirements.txt
    link_tree
}
