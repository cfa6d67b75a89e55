#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# The lab's kernels, from Debian's own 6.1 source, with the key types that Debian's binary kernels leave out: one for QEMU, with a
# second build of it for a machine to upgrade to, and one that is a program of the host: user-mode Linux.

KERNEL_PACKAGE=linux-source-6.1
KERNEL_SOURCE=/usr/src/linux-source-6.1.tar.xz
# What the second build has besides: enough for another image, little enough to compile in a minute.
KERNEL_NEXT_OPTION=MINIX_FS
# The driver of user-mode Linux's TPM, and what the kernel needs for it, and to run on new processors.
UML_TPM=$VM_DIR/uml-tpm.c
UML_PATCH=$VM_DIR/uml.patch

# Lines of kernel.config that are about hardware.
HARDWARE='SMP|SERIAL_8250|PCI|ACPI|DMI|EFI|RTC_|HZ_100|HW_RANDOM|TRUST_CPU|KERNEL_GZIP|CONFIG_VT |VIRTIO|9P|AES_NI|TCG_TIS|TCG_CRB'

# fragment ARCH: what its kernel has on top of tinyconfig.
fragment() {
    if [ "$1" = um ]; then
        { grep '^[^#]\|^# CONFIG' "$VM_DIR/kernel.config" | grep -vE "$HARDWARE"; cat "$VM_DIR/kernel-uml.config"; }
    else
        cat "$VM_DIR/kernel.config"
    fi
}

kernel_key() {
    {
        fragment x86_64
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
    local out=$1 tree=$1/build began=$SECONDS
    unpack_kernel "$tree" || return 1
    configured "$out" x86_64 || return 1
    progress "kernel: compiling with $(nproc) jobs (about 6 minutes on 2 cores)"
    (compile "$tree" x86_64 bzImage) >"$out/build.log" 2>&1 || { tail -n 30 "$out/build.log"; return 1; }
    mv "$tree/arch/x86/boot/bzImage" "$tree/.config" "$out/" || return 1
    progress "kernel: compiling the second build"
    cp "$out/.config" "$tree/.config" || return 1
    (compile_next_kernel "$tree") >"$out/build-next.log" 2>&1 || { tail -n 30 "$out/build-next.log"; return 1; }
    mv "$tree/arch/x86/boot/bzImage" "$out/bzImage-next" || return 1
    rm -rf "$tree"
    progress "kernel: built in $((SECONDS - began)) s"
}

uml_key() {
    {
        fragment um
        cat "$UML_TPM" "$UML_PATCH"
        package_version "$KERNEL_PACKAGE"
        gcc -dumpfullversion
    } | hash_of_stdin
}

# uml_path prints the path of user-mode Linux, building it first when the cache has none.
uml_path() {
    local entry
    kernel_needs
    need patch patch
    entry=$(cached uml "$(uml_key)" make_uml)
    say "$entry/linux"
}

make_uml() {
    local out=$1 tree=$1/build began=$SECONDS
    unpack_kernel "$tree" || return 1
    patch -s -d "$tree" -p1 <"$UML_PATCH" || return 1
    cp "$UML_TPM" "$tree/drivers/char/tpm/tpm_uml.c" || return 1
    configured "$out" um || return 1
    progress "user-mode Linux: compiling with $(nproc) jobs (about 3 minutes on 2 cores)"
    (compile "$tree" um linux) >"$out/build.log" 2>&1 || { tail -n 30 "$out/build.log"; return 1; }
    mv "$tree/linux" "$tree/.config" "$out/" || return 1
    strip "$out/linux" || return 1
    rm -rf "$tree"
    progress "user-mode Linux: built in $((SECONDS - began)) s"
}

unpack_kernel() {
    mkdir "$1"
    progress "kernel: unpacking $KERNEL_SOURCE"
    tar -xf "$KERNEL_SOURCE" -C "$1" --strip-components=1
}

# configured OUT ARCH: the tree in OUT is.
configured() {
    progress "kernel: configuring"
    (configure "$1/build" "$2") >"$1/configure.log" 2>&1 || { tail -n 20 "$1/configure.log"; return 1; }
    check_kernel_config "$1/build/.config" "$2"
}

configure() {
    cd "$1" && make -s "ARCH=$2" tinyconfig && fragment "$2" >lab.config &&
        scripts/kconfig/merge_config.sh -m .config lab.config && make -s "ARCH=$2" olddefconfig
}

# compile TREE ARCH TARGET [LOCALVERSION]: a fixed version string, builder and time make two builds of the same key the same.
compile() {
    cd "$1" && KBUILD_BUILD_TIMESTAMP='Thu Jan 1 00:00:00 UTC 1970' KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
        make -s "ARCH=$2" "LOCALVERSION=${4:--lab}" -j"$(nproc)" "$3"
}

compile_next_kernel() {
    (cd "$1" && scripts/config --enable "$KERNEL_NEXT_OPTION" && make -s ARCH=x86_64 olddefconfig &&
        grep -qx "CONFIG_$KERNEL_NEXT_OPTION=y" .config) && compile "$1" x86_64 bzImage -lab-next
}

# Kconfig drops silently what depends on something that is off; here that is an error.
# check_kernel_config CONFIG ARCH
check_kernel_config() {
    local config=$1 line missing=0
    while read -r line; do
        grep -qxF "$line" "$config" && continue
        progress "kernel: the configuration did not take: $line"
        missing=1
    done < <(fragment "$2" | grep -E '^CONFIG_|^# CONFIG_.* is not set$')
    return $missing
}
