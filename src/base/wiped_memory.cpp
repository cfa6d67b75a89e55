// What the program frees is overwritten first, whoever frees it: strings, JSON, and the libraries that
// secrets pass through (OpenSSL, tpm2-tss, libqrencode), which know nothing of base/secret_bytes.hpp.
// mallopt(3)'s M_PERTURB does not do that for blocks of up to 1032 bytes, which go to the thread's cache
// (glibc, malloc.c, tcache_put()).
//
// free(3) and realloc(3) are replaced in whatever is linked with this file ("Replacing malloc" in the manual
// of the GNU C library), and call those of the C library, which has them under a second name for that. There
// is no header: nobody calls anything here. Not with AddressSanitizer, which has its own.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <malloc.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SEALMOUNT_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEALMOUNT_SANITIZED
#endif

#ifndef SEALMOUNT_SANITIZED

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the C library's names
void __libc_free(void* memory) noexcept;
void* __libc_malloc(std::size_t size) noexcept;

void free(void* const memory) noexcept {
    if (memory != nullptr) {
        ::explicit_bzero(memory, ::malloc_usable_size(memory));
        __libc_free(memory);
    }
}

/// Never in place when it grows, so that nothing is left behind where it was.
void* realloc(void* const memory, const std::size_t size) noexcept {
    if (memory == nullptr) {
        return __libc_malloc(size);
    }
    if (size == 0) {
        free(memory);
        return nullptr;
    }
    const std::size_t had = ::malloc_usable_size(memory);
    if (size <= had && size >= had / 2) {
        return memory;
    }
    void* const larger = __libc_malloc(size);
    if (larger != nullptr) {
        std::memcpy(larger, memory, std::min(had, size));
        free(memory);
    }
    return larger;
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

} // extern "C"

#endif
