#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The lab's kernel: Debian's own 6.1 source, with the key types that Debian's binary kernels leave out. And a second build of
# it, for a machine to upgrade to.

KERNEL_PACKAGE=linux-source-6.1
KERNEL_SOURCE=/usr/src/linux-source-6.1.tar.xz
KERNEL_FRAGMENT=$VM_DIR/kernel.config
# What the second build has besides: enough for another image, little enough to compile in a minute.
KERNEL_NEXT_OPTION=MINIX_FS

kernel_key() {
    {
        cat "$KERNEL_FRAGMENT"
        say "next: $KERNEL_NEXT_OPTION"
        package_version "$KERNEL_PACKAGE"
        gcc -dumpfullversion
    } | hash_of_stdin
}

kernel_needs() {
    need_file "$KERNEL_PACKAGE" "$KERNEL_SOURCE"
    need build-essential gcc make
    need flex flex
    need bison bison
    need bc bc
    need xz-utils xz
    need_file libelf-dev /usr/include/libelf.h
}

# kernel_path prints the bzImage, building it first when the cache has none. The second build is beside it: bzImage-next.
kernel_path() {
    local entry
    kernel_needs
    entry=$(cached kernel "$(kernel_key)" make_kernel)
    say "$entry/bzImage"
}

make_kernel() {
    local out=$1 tree began=$SECONDS
    tree=$out/build
    mkdir "$tree"
    progress "kernel: unpacking $KERNEL_SOURCE"
    tar -xf "$KERNEL_SOURCE" -C "$tree" --strip-components=1 || return 1
    progress "kernel: configuring"
    (configure_kernel "$tree") >"$out/configure.log" 2>&1 || { tail -n 20 "$out/configure.log"; return 1; }
    check_kernel_config "$tree/.config" || return 1
    progress "kernel: compiling with $(nproc) jobs (about 6 minutes on 2 cores)"
    (compile_kernel "$tree") >"$out/build.log" 2>&1 || { tail -n 30 "$out/build.log"; return 1; }
    mv "$tree/arch/x86/boot/bzImage" "$tree/.config" "$out/" || return 1
    progress "kernel: compiling the second build"
    cp "$out/.config" "$tree/.config" || return 1
    (compile_next_kernel "$tree") >"$out/build-next.log" 2>&1 || { tail -n 30 "$out/build-next.log"; return 1; }
    mv "$tree/arch/x86/boot/bzImage" "$out/bzImage-next" || return 1
    rm -rf "$tree"
    progress "kernel: built in $((SECONDS - began)) s"
}

configure_kernel() {
    cd "$1" && make -s ARCH=x86_64 tinyconfig &&
        scripts/kconfig/merge_config.sh -m .config "$KERNEL_FRAGMENT" && make -s ARCH=x86_64 olddefconfig
}

# compile_kernel TREE [LOCALVERSION]: a fixed version string, builder and time make two builds of the same key the same.
compile_kernel() {
    cd "$1" && KBUILD_BUILD_TIMESTAMP='Thu Jan 1 00:00:00 UTC 1970' KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
        make -s ARCH=x86_64 "LOCALVERSION=${2:--lab}" -j"$(nproc)" bzImage
}

compile_next_kernel() {
    (cd "$1" && scripts/config --enable "$KERNEL_NEXT_OPTION" && make -s ARCH=x86_64 olddefconfig &&
        grep -qx "CONFIG_$KERNEL_NEXT_OPTION=y" .config) && compile_kernel "$1" -lab-next
}

# Kconfig drops silently what depends on something that is off; here that is an error.
check_kernel_config() {
    local config=$1 line missing=0
    while read -r line; do
        grep -qxF "$line" "$config" && continue
        progress "kernel: the configuration did not take: $line"
        missing=1
    done < <(grep -E '^CONFIG_|^# CONFIG_.* is not set$' "$KERNEL_FRAGMENT")
    return $missing
}
