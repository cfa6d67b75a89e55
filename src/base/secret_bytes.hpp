// SecretBytes: the only home of plaintext keys and passphrases.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <span>

namespace sealmount {

/// Bytes that must not outlive their use: on OpenSSL's secure heap (locked, not dumped, guard pages;
/// OPENSSL_secure_malloc(3)), wiped on destruction and on move, of a size fixed at construction. Move-only;
/// cannot be printed or turned into a string.
class SecretBytes {
  public:
    SecretBytes() = default;

    /// `size` zero bytes. Throws Error{os} when locked memory is exhausted: a secret never falls back to
    /// ordinary memory.
    explicit SecretBytes(std::size_t size);

    /// A copy of `bytes`; the source stays the caller's to wipe.
    explicit SecretBytes(std::span<const std::byte> bytes);

    SecretBytes(SecretBytes&& other) noexcept;
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes();

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_, size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

    /// A copy that the caller asked for by name.
    [[nodiscard]] SecretBytes clone() const { return SecretBytes{bytes()}; }

    /// Drops everything behind the first `size` bytes and wipes it. `size` must not exceed size().
    void shrink(std::size_t size) noexcept;

    /// Constant time in the contents; sizes are not secret.
    [[nodiscard]] bool equals(std::span<const std::byte> other) const noexcept;

    /// How many objects hold memory right now: tests assert that a story leaves none behind.
    [[nodiscard]] static std::size_t alive() noexcept;

  private:
    void release() noexcept;

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// Wipes memory that a library handed out, before it is freed (OPENSSL_cleanse(3)).
void wipe(std::span<std::byte> bytes) noexcept;

} // namespace sealmount
