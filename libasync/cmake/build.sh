# Sourced by examples/run, tests/run, bench/run and .ci/run: installs what is missing and builds a preset.
# Works from the project's root folder.

# install_packages [ci]: every package of packages.txt that isn't installed; with "ci" also those only CI needs.
install_packages() {
    local list=libasync/cmake/packages.txt wanted missing
    wanted=$(grep -v '^#' "$list" | grep -v '^ci:' || true)
    if [ "${1:-}" = ci ]; then wanted="$wanted $(sed -n 's/^ci: *//p' "$list")"; fi
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
    if ! DEBIAN_FRONTEND=noninteractive $root $install >/dev/null; then
        printf 'Installing failed. As root, run:\n\n  %s\n' "$install" >&2
        exit 1
    fi
}

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
