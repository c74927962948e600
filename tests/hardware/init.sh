#!/bin/busybox sh
# The first process of the virtual machine: loads the modules, runs /programs/commands line by line, and powers off.
/bin/busybox mount -t devtmpfs devices /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox --install -s /bin
export PATH=/bin FOVEATE_HARDWARE_OUT=/out HOME=/tmp
mkdir -p /dev/shm
mount -t tmpfs memory /dev/shm
mount -t tmpfs memory /tmp
ip link set lo up

say() {
    echo "init: $* at $(cut -d' ' -f1 /proc/uptime) s"
}

stop() {
    cd /
    dmesg > /out/kernel.log
    [ -z "$1" ] || say "$1"
    umount /out
    sync
    poweroff -f
    sleep 60
}

share() {
    mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2"
}

# /programs/options has the modules that the boot wants beyond the share's, one a line, with their options.
while read -r module; do
    name=${module%.ko}
    if [ -f /programs/options ]; then
        options=$(grep "^$name\( \|\$\)" /programs/options) || case $name in
            v4l2loopback | vivid) continue ;;
        esac
        options=${options#"$name"}
    fi
    # shellcheck disable=SC2086 # Options are words.
    insmod "/modules/$module" $options || stop "FAILED to load $module"
    [ "$name" != 9p ] || { share programs /programs ro && share out /out rw; } || stop "FAILED to mount the shares"
done < /modules/order
say "modules loaded"

cd /out || stop "FAILED: no /out"
number=0
while read -r command; do
    number=$((number + 1))
    say "start $command"
    start=$(cut -d' ' -f1 /proc/uptime)
    sh -c "exec $command" > "/out/program-$number.log" 2>&1 < /dev/null
    code=$?
    end=$(cut -d' ' -f1 /proc/uptime)
    echo "$code $start $end $command" >> /out/exits
    say "exit $code $command"
done < /programs/commands
echo end >> /out/exits
stop "the end"
