#!/bin/sh
# Links for aarch64. Where gold is at hand it folds functions of identical code, which generic code is full of: a tenth of the
# binary.
if command -v aarch64-linux-gnu-ld.gold >/dev/null; then
    exec aarch64-linux-gnu-gcc "$@" -fuse-ld=gold -Wl,--icf=all
fi
exec aarch64-linux-gnu-gcc "$@"
