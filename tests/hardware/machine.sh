# Sourced by boot.sh. `prepare ARCH` makes sure that $machine has a kernel, its modules and a busybox for ARCH (x86_64 or
# aarch64), and an initramfs of them. Kernels are Debian's, unpacked and not installed, and stay between runs.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../scripts/common.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/foveate/hardware

# The 9p share first, for what is loaded after it may take its options from there.
share_modules=(virtio_pci 9pnet_virtio 9p)
device_modules=(evdev uinput vivid)

# Downloads Debian packages and unpacks them into the folder $1.
unpack() {
    local into=$1 downloads
    shift
    downloads=$(mktemp -d)
    chmod 755 "$downloads"
    (cd "$downloads" && apt-get download -qq -o APT::Sandbox::User=root "$@" >&2) ||
        fail "cannot download $* (after a new release of the kernel, run 'apt-get update')"
    for package in "$downloads"/*.deb; do dpkg -x "$package" "$into"; done
    rm -rf "$downloads"
}

# The packages that the package $1 depends on and whose name has $2.
depends() {
    apt-cache depends "$1" | awk -v wanted="$2" '$1 == "Depends:" && index($2, wanted) { print $2 }'
}

# Compiles v4l2loopback for the kernel $1 into the folder $2.
build_loopback() {
    local version=$1 into=$2 build headers compiler
    build=$(mktemp -d)
    headers=linux-headers-$version
    # shellcheck disable=SC2046 # One word a package.
    unpack "$build" "$headers" v4l2loopback-dkms $(depends "$headers" linux-headers) $(depends "$headers" linux-kbuild)
    sed -i "s#/usr/src/#$build&#" "$build/usr/src/$headers/Makefile"
    compiler=$(sed -n 's/^CC = .*(CROSS_COMPILE)//p' "$build/usr/src/$headers/.kernelvariables")
    need make=make "$compiler=$compiler"
    make -s -C "$build/usr/src/$headers" M="$(echo "$build"/usr/src/v4l2loopback-*)" modules >&2 ||
        fail "v4l2loopback does not build against $headers"
    cp "$build"/usr/src/v4l2loopback-*/v4l2loopback.ko "$into/"
    rm -rf "$build"
}

# Kernel, modules in load order and busybox for the Debian architecture $1 into the folder $2.
fetch() {
    local debian=$1 into=$2 root version image name
    command -v dpkg >/dev/null || fail "kernels come from Debian's packages: please run this on Debian or in a container of it"
    need depmod=kmod modprobe=kmod xz=xz-utils
    PATH=$PATH:/usr/sbin:/sbin
    if [ "$debian" != "$(dpkg --print-architecture)" ] && ! dpkg --print-foreign-architectures | grep -qx "$debian"; then
        as_root dpkg --add-architecture "$debian"
    fi
    as_root apt-get update -qq >&2
    image=$(depends "linux-image-$debian:$debian" linux-image | head -n 1)
    [ -n "$image" ] || fail "apt knows no linux-image-$debian"
    echo "hardware: fetching $image" >&2
    root=$(mktemp -d)
    unpack "$root" "$image" "busybox-static:$debian"
    # Where /lib is a link to /usr/lib, the package may have its modules there.
    [ -d "$root/lib/modules" ] || ln -s usr/lib "$root/lib"
    version=$(ls "$root/lib/modules")
    depmod -b "$root" "$version"
    mkdir -p "$into/modules"
    for name in "${share_modules[@]}" "${device_modules[@]}"; do
        modprobe -d "$root" -S "$version" --show-depends "$name"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > "$root/wanted"
    while read -r module; do
        name=$(basename "$module")
        case $module in
            *.xz) xz -dc "$module" > "$into/modules/${name%.xz}" ;;
            *) cp "$module" "$into/modules/" ;;
        esac
        echo "${name%.xz}" >> "$into/modules/order"
    done < "$root/wanted"
    if [ "$debian" = amd64 ]; then
        build_loopback "$version" "$into/modules"
        echo v4l2loopback.ko >> "$into/modules/order"
    fi
    cp "$root"/boot/vmlinuz-* "$into/kernel"
    cp "$(find "$root" -path "*/bin/busybox" -type f)" "$into/busybox"
    echo "$version" > "$into/version"
    rm -rf "$root"
}

pack() {
    local root
    root=$(mktemp -d)
    mkdir -p "$root"/{bin,dev,proc,sys,tmp,out,programs}
    cp "$machine/busybox" "$root/bin/busybox"
    cp -r "$machine/modules" "$root/modules"
    cp "$1" "$root/init"
    chmod 755 "$root" "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$machine/initramfs.new"
    mv "$machine/initramfs.new" "$machine/initramfs"
    rm -rf "$root"
}

prepare() {
    local debian package
    case $1 in
        x86_64) debian=amd64 package=qemu-system-x86 ;;
        aarch64) debian=arm64 package=qemu-system-arm ;;
        *) fail "no such machine: $1 (x86_64 and aarch64 there are)" ;;
    esac
    need "qemu-system-$1=$package" cpio=cpio
    machine=$cache/$1
    mkdir -p "$cache"
    # Two boots at once prepare one after the other.
    exec 9> "$cache/lock"
    flock 9
    if [ ! -f "$machine/version" ]; then
        rm -rf "$machine"
        mkdir -p "$machine"
        (fetch "$debian" "$machine")
    fi
    if [ ! -f "$machine/initramfs" ] || [ "$here/init.sh" -nt "$machine/initramfs" ]; then pack "$here/init.sh"; fi
    exec 9>&-
}
