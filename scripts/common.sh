# Sourced by scripts that may have to install Debian packages first. Elsewhere they only name what is missing.

fail() {
    echo "$(basename "$0" .sh): $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints the packages among COMMAND=PACKAGE... whose command is lacking.
lacking() {
    local pair
    for pair in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || echo "${pair#*=}"
    done
}

install_packages() {
    [ $# -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "please install $* (or their equivalents) and run again"
    echo "$(basename "$0" .sh): installing $*" >&2
    as_root apt-get update -qq >&2
    as_root apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Installs the packages among COMMAND=PACKAGE... whose command is lacking.
need() {
    local missing
    mapfile -t missing < <(lacking "$@")
    install_packages "${missing[@]}"
}
