// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/secret_bytes.hpp"

#include "base/error.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <utility>

namespace sealmount {

namespace {

// At boot a handful of keys of 64 bytes, passphrases and one encrypted-key buffer are alive at a time;
// binding volumes again has all their keys. Pages that are not used are not locked (OpenSSL 3,
// crypto/mem_sec.c: mlock2(2), MLOCK_ONFAULT), but they count against RLIMIT_MEMLOCK, which is 64 KiB for
// users of old.
constexpr std::array<std::size_t, 3> secure_heap_sizes = {4U << 20U, 1U << 20U, 65536};
constexpr std::size_t secure_heap_smallest = 32;

std::atomic<std::size_t> alive_count = 0;

/// Whoever has secrets is linked with base/wiped_memory.cpp, which nobody refers to by another name.
[[gnu::used]] void (*const wiping_free)(void*) = &::free;

bool make_secure_heap() {
    for (const std::size_t size : secure_heap_sizes) {
        // 1: locked; 2: made, but mlock(2) was refused, which would let secrets reach the swap.
        if (::CRYPTO_secure_malloc_init(size, secure_heap_smallest) == 1) {
            return true;
        }
        ::CRYPTO_secure_malloc_done();
    }
    return false;
}

bool secure_heap_ready() {
    static const bool ready = ::CRYPTO_secure_malloc_initialized() == 1 || make_secure_heap();
    return ready;
}

} // namespace

SecretBytes::SecretBytes(const std::size_t size) {
    if (size == 0) {
        return;
    }
    if (!secure_heap_ready()) {
        throw Error{Reason::os, "cannot lock memory for secrets (see RLIMIT_MEMLOCK in setrlimit(2))"};
    }
    data_ = static_cast<std::byte*>(::OPENSSL_secure_zalloc(size));
    if (data_ == nullptr || ::CRYPTO_secure_allocated(data_) != 1) {
        ::OPENSSL_secure_free(data_);
        data_ = nullptr;
        throw Error{Reason::os, "the locked memory for secrets is exhausted"};
    }
    size_ = capacity_ = size;
    ++alive_count;
}

SecretBytes::SecretBytes(const std::span<const std::byte> bytes) : SecretBytes(bytes.size()) {
    std::ranges::copy(bytes, data_);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        release();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
}

SecretBytes::~SecretBytes() {
    release();
}

void SecretBytes::shrink(const std::size_t size) noexcept {
    if (size < size_) {
        ::OPENSSL_cleanse(data_ + size, size_ - size);
        size_ = size;
    }
}

bool SecretBytes::equals(const std::span<const std::byte> other) const noexcept {
    return other.size() == size_ && (size_ == 0 || ::CRYPTO_memcmp(data_, other.data(), size_) == 0);
}

std::size_t SecretBytes::alive() noexcept {
    return alive_count;
}

void SecretBytes::release() noexcept {
    if (data_ != nullptr) {
        ::OPENSSL_secure_clear_free(data_, capacity_);
        data_ = nullptr;
        size_ = capacity_ = 0;
        --alive_count;
    }
}

void wipe(const std::span<std::byte> bytes) noexcept {
    ::OPENSSL_cleanse(bytes.data(), bytes.size());
}

} // namespace sealmount
