#!/usr/bin/env bash
# Builds the test programs, boots the virtual machines that they need, and judges what these leave in
# ${HARDWARE_OUT:-hardware-out}. PARTS chooses some, as in `PARTS="multi system" tests/hardware/run.sh`:
#
#   single   x86_64, a single-planar camera with its faults, and the touch screen
#   multi    x86_64, a multi-planar camera
#   mjpeg    x86_64, a camera of JPEG frames
#   output   x86_64, the sink that is a camera, and the whole `foveate run` into it
#   system   aarch64 as a Raspberry Pi 5, `foveate doctor` and the whole `foveate run`
set -euo pipefail
cd "$(dirname "$0")/../.."
boot=$PWD/tests/hardware/boot.sh
read -ra parts <<< "${PARTS:-single multi mjpeg output system}"
out=${HARDWARE_OUT:-hardware-out}

# Builds for the architecture $1 the test programs $2... into $bin, under plain names; $features are cargo's arguments.
programs_for() (
    . scripts/static.sh
    set_up "$1"
    shift
    # shellcheck disable=SC2086 # Arguments are words.
    programs=$(build ${features:-} "${@/#/--test=}")
    mkdir -p "$bin"
    for name in "$@"; do ln -f "$(program "$name")" "$bin/$name"; done
    ln -f "$release/foveate" "$bin/foveate"
)

# Boots the part $1 with boot.sh's arguments $2..., and leaves the reason in the file `failure` if that fails.
part() {
    local name=$1 log
    shift
    rm -rf "${out:?}/$name"
    mkdir -p "$out/$name"
    log=$out/$name/boot.log
    echo "hardware: booting for $name" >&2
    if "$boot" "$@" 2> >(tee "$log" >&2); then return; fi
    sleep 0.2
    tail -n 1 "$log" > "$out/$name/failure"
}

mkdir -p "$out"
out=$(realpath "$out")
rm -f "$out/hardware.json"
bin=$out/programs
rm -rf "$bin"
mkdir "$bin"
wanted=" ${parts[*]} "
checks=()

x86_64=(hardware-check)
[[ $wanted != *" single "* && $wanted != *" multi "* && $wanted != *" mjpeg "* && $wanted != *" output "* ]] ||
    x86_64+=(hardware-camera)
[[ $wanted != *" single "* ]] || x86_64+=(hardware-touch)
# nokhwa is a second way to a camera; on Linux it is only there on request.
bin=$bin/x86_64 features="--features nokhwa-linux" programs_for x86_64 "${x86_64[@]}"
if [[ $wanted = *" system "* ]]; then
    bin=$bin/aarch64 programs_for aarch64 hardware-system
    rm -rf "$out/dist"
    DIST=$out/dist scripts/dist.sh aarch64
fi

begin=$SECONDS
for name in "${parts[@]}"; do
    case $name in
        single)
            part single -t 900 x86_64 "$out/single" -- "$bin/x86_64/hardware-camera" single -- \
                "$bin/x86_64/hardware-camera" age -- "$bin/x86_64/hardware-touch"
            checks+=(single:camera-single,camera-age,touch)
            ;;
        multi)
            part multi -t 600 -m "vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x00 multiplanar=2" \
                x86_64 "$out/multi" -- "$bin/x86_64/hardware-camera" multi
            checks+=(multi:camera-multi)
            ;;
        mjpeg)
            part mjpeg -t 400 -m "v4l2loopback video_nr=0 exclusive_caps=0" \
                x86_64 "$out/mjpeg" -- "$bin/x86_64/hardware-camera" mjpeg
            checks+=(mjpeg:camera-mjpeg)
            ;;
        output)
            part output -t 900 -m "v4l2loopback video_nr=9" -f "$bin/x86_64/foveate" \
                x86_64 "$out/output" -- "$bin/x86_64/hardware-camera" output /programs/foveate
            checks+=(output:camera-output)
            ;;
        system)
            # What a user installs: the tarball, unpacked.
            tar -xf "$out"/dist/foveate-*-aarch64-linux.tar.gz -C "$out/dist"
            root=$(echo "$out"/dist/foveate-*-aarch64-linux)
            part system -t 900 -f "$root" aarch64 "$out/system" -- \
                "$bin/aarch64/hardware-system" "/programs/$(basename "$root")/foveate" 30
            checks+=(system:system)
            ;;
        *)
            echo "hardware: no such part: $name" >&2
            exit 2
            ;;
    esac
done
echo "hardware: the machines took $((SECONDS - begin)) s" >&2
"$bin/x86_64/hardware-check" "$out" "${checks[@]}"
