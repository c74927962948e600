#!/usr/bin/env bash
# Boots a virtual machine, runs programs in it as root one after the other, and powers it off:
#
#   boot.sh [-m "MODULE OPTIONS"]... [-f FILE]... [-t SECONDS] [-c CPU] ARCH OUT_DIR -- PROGRAM [ARGS] [-- PROGRAM [ARGS]]...
#
# ARCH is x86_64 or aarch64. PROGRAM is a static program or a busybox shell script of this machine; -f brings further files
# or folders along, in /programs beside it. `-m vivid` or `-m "vivid n_devs=2"` makes virtual cameras, `-m "v4l2loopback video_nr=9"` a
# camera that programs feed (x86_64 only); without -m there is one vivid camera that gives single-planar video. OUT_DIR is
# /out in the machine and receives what programs write, beside console.log, kernel.log, program-N.log and exits. The exit
# status is 0 only if every program ended with 0 in time.
set -euo pipefail
. "$(dirname "$0")/machine.sh"

usage() {
    sed -n '4p' "$0" | cut -c5- >&2
    exit 2
}

modules=() files=() limit=300 cpu=
while getopts m:f:t:c: option; do
    case $option in
        m) modules+=("$OPTARG") ;;
        f) files+=("$OPTARG") ;;
        t) limit=$OPTARG ;;
        c) cpu=$OPTARG ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 4 ] && [ "$3" = -- ] || usage
arch=$1 out=$2
shift 3
[ ${#modules[@]} -gt 0 ] || modules=("vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x00")

prepare "$arch"
mkdir -p "$out"
out=$(realpath "$out")
rm -f "$out"/{console.log,kernel.log,exits} "$out"/program-*.log

programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
chmod 755 "$programs"
bring() {
    [ -e "$1" ] || fail "no such file: $1"
    cp -rL "$1" "$programs/"
}
for file in "${files[@]}"; do bring "$file"; done
printf '%s\n' "${modules[@]}" > "$programs/options"
line=
for word in "$@" --; do
    if [ "$word" = -- ]; then
        [ -n "$line" ] || usage
        echo "$line" >> "$programs/commands"
        line=
    elif [ -z "$line" ]; then
        [ -f "$programs/$(basename "$word")" ] || bring "$word"
        line=/programs/$(basename "$word")
    else
        line+=" $(printf %q "$word")"
    fi
done

# A panic or an oops reboots, which -no-reboot makes the end of qemu. On a busy host the emulated timer fails the kernel's test of it.
append="quiet loglevel=3 oops=panic panic=-1 random.trust_cpu=on"
case $arch in
    x86_64) qemu=(qemu-system-x86_64 -cpu "${cpu:-max}" -m 768) append+=" console=ttyS0 no_timer_check" ;;
    aarch64) qemu=(qemu-system-aarch64 -M virt -cpu "${cpu:-cortex-a76}" -m 1024) append+=" console=ttyAMA0" ;;
esac
code=0
timeout --foreground --kill-after=5 "$limit" nice -n 5 "${qemu[@]}" -accel tcg,thread=multi -smp 2 -nodefaults -display none -no-reboot \
    -serial "file:$out/console.log" -kernel "$machine/kernel" -initrd "$machine/initramfs" -append "$append" \
    -virtfs "local,path=$programs,mount_tag=programs,security_model=none,readonly=on" \
    -virtfs "local,path=$out,mount_tag=out,security_model=none" < /dev/null || code=$?

# What the machine says last, for a message that can be acted on.
last() {
    local log
    log=$(find "$out" -name "program-*.log" | sort -V | tail -n 1)
    echo "hardware: last lines of console.log:" >&2
    tail -n 8 "$out/console.log" | tr -d '\r' | sed 's/^/    /' >&2
    if [ -n "$log" ]; then
        echo "hardware: last lines of $(basename "$log"):" >&2
        tail -n 12 "$log" | cut -c1-300 | sed 's/^/    /' >&2
    fi
    fail "$* (logs in $out)"
}
touch "$out/console.log" "$out/exits"
crash=$(grep -m 1 'Kernel panic\|Oops' "$out/console.log" | tr -d '\r' || true)
[ -z "$crash" ] || last "the kernel of the $arch machine crashed: $crash"
[ "$code" != 124 ] && [ "$code" != 137 ] || last "the $arch machine was not through after $limit s"
[ "$code" = 0 ] || last "qemu ended with $code"
grep -qx end "$out/exits" || last "the $arch machine powered off before its programs were through"
failed=
while read -r code _ _ command; do
    case $code in
        0 | end) ;;
        *) [ "$code" -gt 128 ] && how="was killed by signal $((code - 128))" || how="ended with $code"
            failed+="${failed:+; }${command#/programs/} $how" ;;
    esac
done < "$out/exits"
[ -z "$failed" ] || last "$failed"
