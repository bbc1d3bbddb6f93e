#!/bin/sh
# Installs Sleevesight as a service on Raspberry Pi OS (64 bit, Bookworm or Trixie), from the checkout that this file
# lies in. Every step may be done again, so after a failure, or for a new version, it is simply run again.
set -eu
umask 022

PREFIX=/opt/sleevesight           # the Python environment; src/ in it is a copy of the checkout
ETC=/etc/sleevesight
STATE=/var/lib/sleevesight
LOGS=/var/log/sleevesight
UNIT=/etc/systemd/system/sleevesight.service
OWNER=sleevesight
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)

usage() {
    cat <<EOF
usage: sudo deploy/install.sh [--catalog DIR] [--hailo] [--dry-run]
       sudo deploy/install.sh --uninstall [--purge] [--dry-run]

  --catalog DIR  put this catalogue in place (sleevesight catalog build)
  --hailo        install the Hailo's driver and library even if no card is seen
  --dry-run      print every command and change nothing
  --uninstall    remove the program and the service; configuration, catalogue and logs stay
  --purge        with --uninstall: remove those and the user, too
EOF
}

die() {
    echo "install.sh: $*" >&2
    exit 2
}

step() { STEP=$*; echo "== $*"; }

run() {
    echo "+ $*"
    [ -n "$DRY" ] || "$@"
}

# What a command prints, as a file that is there whole or not at all: write FILE COMMAND…
write() {
    target=$1
    shift
    echo "+ $* > $target"
    [ -z "$DRY" ] || return 0
    "$@" > "$target.partial"
    mv "$target.partial" "$target"
}

# ---- what this runs on -----------------------------------------------------------------------------------------------

os_release() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$ROOT/etc/os-release" 2>/dev/null; }

check_system() {
    release=$(os_release VERSION_CODENAME)
    architecture=$(dpkg --print-architecture 2>/dev/null || uname -m)
    case $release in
        bookworm | trixie) ;;
        *) die "$(os_release PRETTY_NAME | grep . || echo "this system") is not supported: use Raspberry Pi OS Bookworm or Trixie" ;;
    esac
    if [ -n "${SLEEVESIGHT_ANY_MACHINE:-}" ]; then
        echo "install.sh: any machine will do (SLEEVESIGHT_ANY_MACHINE): without the Pi's packages, for tests only" >&2
    elif [ "$architecture" != arm64 ]; then
        die "$architecture is not supported: install the 64-bit Raspberry Pi OS (arm64)"
    elif [ ! -e "$ROOT/etc/rpi-issue" ]; then
        die "this is Debian, not Raspberry Pi OS: camera and accelerator need its packages"
    fi
    [ -n "$DRY" ] || [ "$(id -u)" = 0 ] || die "run it with sudo"
}

has_hailo() { grep -qsx 0x1e60 "$ROOT"/sys/bus/pci/devices/*/vendor; }

with_systemd() { [ -d "$ROOT/run/systemd/system" ]; }

# ---- the steps -------------------------------------------------------------------------------------------------------

apt_packages() {
    set -- ca-certificates python3 python3-numpy python3-venv
    if [ -z "${SLEEVESIGHT_ANY_MACHINE:-}" ]; then
        set -- "$@" imx500-all python3-picamera2 rpicam-apps-lite
        if [ -n "$HAILO" ] || has_hailo; then set -- "$@" dkms hailo-all; fi
    fi
    run apt-get update -q
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

user_and_groups() {
    for group in "$OWNER" video render; do
        getent group "$group" >/dev/null || run groupadd --system "$group"
    done
    getent passwd "$OWNER" >/dev/null ||
        run useradd --system --gid "$OWNER" --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin "$OWNER"
    run usermod --append --groups video,render "$OWNER"
}

# The service does not see /home (ProtectHome), so it runs from a copy.
copy_source() {
    run mkdir -p "$PREFIX"
    run rm -rf "$PREFIX/src.partial"
    run mkdir "$PREFIX/src.partial"
    run cp -R "$CHECKOUT/actors" "$CHECKOUT/bench" "$CHECKOUT/bus" "$CHECKOUT/catalog" "$CHECKOUT/cli" "$CHECKOUT/collection" \
        "$CHECKOUT/deploy" "$CHECKOUT/models" "$CHECKOUT/synth" "$CHECKOUT/training" "$CHECKOUT/vision" \
        "$CHECKOUT/pyproject.toml" "$CHECKOUT/constraints.txt" "$CHECKOUT/README.md" "$CHECKOUT/LICENSE" \
        "$PREFIX/src.partial"
    run rm -rf "$PREFIX/src"
    run mv "$PREFIX/src.partial" "$PREFIX/src"
}

environment() {
    run python3 -m venv --system-site-packages "$PREFIX"
    write "$PREFIX/constraints.txt" "$PREFIX/src/deploy/constraints.sh" "$(apts_numpy)"
    run "$PREFIX/bin/python" -m pip install -q --disable-pip-version-check --constraint "$PREFIX/constraints.txt" \
        --editable "$PREFIX/src[service]"
    run "$PREFIX/bin/python" -c 'import numpy, sys; "/dist-packages/" in numpy.__file__ or sys.exit(numpy.__file__ + " hides the numpy of apt: uninstall it with pip")'
    # The service may not write there, and would compile everything anew at every start.
    run "$PREFIX/bin/python" -m compileall -q "$PREFIX/src"
}

apts_numpy() {
    if [ -n "$DRY" ]; then echo "VERSION_OF_APTS_NUMPY"; else /usr/bin/python3 -c 'import numpy; print(numpy.__version__)'; fi
}

configuration() {
    run mkdir -p "$ETC"
    [ -e "$ROOT$ETC/config.toml" ] || write "$ETC/config.toml" cat "$CHECKOUT/deploy/config.toml"
    run install -d -o "$OWNER" -g "$OWNER" -m 700 "$STATE"
    run install -d -o "$OWNER" -g "$OWNER" -m 755 "$LOGS"
}

catalogue() {
    if [ -n "$CATALOG" ]; then
        run rm -rf "$STATE/catalog.partial" "$STATE/catalog.before"
        run cp -R "$CATALOG" "$STATE/catalog.partial"
        run chown -R "$OWNER:$OWNER" "$STATE/catalog.partial"
        [ ! -e "$ROOT$STATE/catalog" ] || run mv "$STATE/catalog" "$STATE/catalog.before"
        run mv "$STATE/catalog.partial" "$STATE/catalog"
        run rm -rf "$STATE/catalog.before"
    elif [ ! -e "$ROOT$STATE/catalog/manifest.json" ]; then
        echo "no catalogue yet: build one, then run this again with --catalog DIR"
    fi
}

service() {
    run rm -rf "$PREFIX/rendered"
    run mkdir "$PREFIX/rendered"
    run "$PREFIX/bin/python" -m deploy.render --out "$PREFIX/rendered" --config "$ETC/config.toml" --prefix "$PREFIX"
    run install -m 644 "$PREFIX/rendered/supervisord.conf" "$ETC/supervisord.conf"
    run install -D -m 644 "$PREFIX/rendered/sleevesight.service" "$UNIT"
    if with_systemd; then
        run systemctl daemon-reload
        run systemctl enable sleevesight.service
        run systemctl restart sleevesight.service
    else
        echo "no systemd here: the service is not started"
    fi
}

install_all() {
    step "packages"
    apt_packages
    step "user and groups"
    user_and_groups
    step "program"
    copy_source
    step "Python environment"
    environment
    step "configuration"
    configuration
    step "catalogue"
    catalogue
    step "service"
    service
    echo "done. What is well and what is not: sudo -u $OWNER $PREFIX/bin/sleevesight doctor --config $ETC/config.toml"
}

uninstall() {
    step "service"
    if with_systemd && [ -e "$ROOT$UNIT" ]; then run systemctl disable --now sleevesight.service; fi
    run rm -f "$UNIT" "$ETC/supervisord.conf"
    if with_systemd; then run systemctl daemon-reload; fi
    step "program"
    run rm -rf "$PREFIX"
    if [ -n "$PURGE" ]; then
        step "data and user"
        run rm -rf "$ETC" "$STATE" "$LOGS"
        if getent passwd "$OWNER" >/dev/null; then run userdel "$OWNER"; fi
    else
        echo "kept: $ETC, $STATE, $LOGS and the user $OWNER (--purge removes them)"
    fi
}

# ---- the command line ------------------------------------------------------------------------------------------------

DRY='' HAILO='' CATALOG='' UNINSTALL='' PURGE='' STEP=''
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) DRY=1 ;;
        --hailo) HAILO=1 ;;
        --catalog) [ $# -gt 1 ] || die "--catalog needs a folder"; CATALOG=$2; shift ;;
        --uninstall) UNINSTALL=1 ;;
        --purge) PURGE=1 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; die "unknown option $1" ;;
    esac
    shift
done
# A dry run may look at another root than this machine's, for the tests.
ROOT=''
[ -z "$DRY" ] || ROOT=${SLEEVESIGHT_DRY_ROOT:-}
[ -z "$PURGE" ] || [ -n "$UNINSTALL" ] || die "--purge goes with --uninstall"
[ -z "$CATALOG" ] || [ -f "$CATALOG/manifest.json" ] || die "$CATALOG is no catalogue: build one with sleevesight catalog build"

check_system
trap '[ $? = 0 ] || echo "install.sh: stopped at: $STEP. Put that right and run it again: it goes on from there" >&2' EXIT
if [ -n "$UNINSTALL" ]; then uninstall; else install_all; fi
