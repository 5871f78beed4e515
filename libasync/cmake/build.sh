# Sourced by examples/run, tests/run, bench/run, bench/server, bench/contention and .ci/run: installs what is missing and builds a
# preset.
# Works from the project's root folder.

# install_packages [PURPOSE...]: every package of packages.txt that isn't installed; with "ci" or "bench" also those that stand
# behind that word.
install_packages() {
    local list=libasync/cmake/packages.txt wanted missing purpose
    wanted=$(grep -v -e '^#' -e '^[a-z]*:' "$list" || true)
    for purpose in "$@"; do wanted="$wanted $(sed -n "s/^$purpose: *//p" "$list")"; done
    missing=
    for package in $wanted; do
        if [[ $package = */* ]]; then  # PACKAGE/COMMAND
            if command -v "${package#*/}" >/dev/null; then continue; fi
            package=${package%/*}
        fi
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0

    local install="apt-get install -y --no-install-recommends$missing" root=
    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then
            root=sudo
        else
            printf 'Packages are missing. As root, run:\n\n  %s\n\nand then start this again.\n' "$install" >&2
            exit 1
        fi
    fi
    printf 'Installing:%s\n' "$missing"
    $root apt-get update -q >/dev/null || { printf 'apt-get update failed\n' >&2; exit 1; }
    if ! without_services $root env DEBIAN_FRONTEND=noninteractive $install >/dev/null; then
        printf 'Installing failed. As root, run:\n\n  %s\n' "$install" >&2
        exit 1
    fi
}

# without_services COMMAND...: runs it so that no package that it installs starts a service: programs are wanted here, and no
# Prometheus that listens. Debian's packages ask POLICY_RC_D; one that is there already is an administrator's, and stays.
POLICY_RC_D=/usr/sbin/policy-rc.d
without_services() (
    if [ ! -e "$POLICY_RC_D" ]; then
        trap '${root-} rm -f "$POLICY_RC_D"' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' | ${root-} install -m 755 /dev/stdin "$POLICY_RC_D" || exit 1
    fi
    "$@"
)

# build_preset NAME [TARGET...]: configures and builds; quiet unless something is wrong.
build_preset() {
    local preset=$1
    shift
    cmake --preset "$preset" >"/tmp/modapi-configure.$$" 2>&1 || {
        cat "/tmp/modapi-configure.$$" >&2
        rm -f "/tmp/modapi-configure.$$"
        exit 1
    }
    rm -f "/tmp/modapi-configure.$$"
    if [ $# -gt 0 ]; then
        cmake --build --preset "$preset" --target "$@"
    else
        cmake --build --preset "$preset"
    fi
}
