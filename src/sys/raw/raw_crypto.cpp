// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
// The functions below EVP are deprecated in OpenSSL 3, and there to stay as long as its version does.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/raw/raw_crypto.hpp"

#include <openssl/aes.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace sealmount {

namespace {

constexpr std::size_t hash_block_size = 64;
constexpr std::size_t aes_block = 16;

const unsigned char* octets(const std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(const std::span<std::byte> bytes) noexcept {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

/// One hash being computed; wiped, since it may be over a secret.
class RunningHash {
  public:
    RunningHash() noexcept { ::SHA256_Init(&context_); }
    RunningHash(const RunningHash&) = delete;
    RunningHash& operator=(const RunningHash&) = delete;
    ~RunningHash() { ::OPENSSL_cleanse(&context_, sizeof context_); }

    void add(const std::span<const std::byte> part) noexcept {
        ::SHA256_Update(&context_, part.data(), part.size());
    }
    void add(const RawParts parts) noexcept {
        for (const auto part : parts) {
            add(part);
        }
    }
    [[nodiscard]] RawDigest end() noexcept {
        RawDigest digest{};
        ::SHA256_Final(octets(std::span<std::byte>{digest}), &context_);
        return digest;
    }

  private:
    ::SHA256_CTX context_ = {};
};

constexpr std::array<std::byte, 4> big_endian_u32(const std::uint32_t value) noexcept {
    return {static_cast<std::byte>(value >> 24U), static_cast<std::byte>(value >> 16U & 0xffU),
            static_cast<std::byte>(value >> 8U & 0xffU), static_cast<std::byte>(value & 0xffU)};
}

SecretBytes taken(RawDigest& digest) {
    SecretBytes secret{std::span<const std::byte>{digest}};
    wipe(digest);
    return secret;
}

template<auto release>
struct Releaser {
    template<typename T>
    void operator()(T* const object) const noexcept {
        release(object);
    }
};
using Group = std::unique_ptr<::EC_GROUP, Releaser<&::EC_GROUP_free>>;
using Point = std::unique_ptr<::EC_POINT, Releaser<&::EC_POINT_clear_free>>;
using Number = std::unique_ptr<::BIGNUM, Releaser<&::BN_clear_free>>;
using Scratch = std::unique_ptr<::BN_CTX, Releaser<&::BN_CTX_free>>;

/// A number below the order of the curve, and not zero.
Number random_scalar(const ::EC_GROUP* const group) {
    for (unsigned tries = 0; tries < 100; ++tries) {
        std::array<std::byte, 32> bytes{};
        if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
            return nullptr;
        }
        Number scalar{
            ::BN_bin2bn(octets(std::span<const std::byte>{bytes}), static_cast<int>(bytes.size()), nullptr)};
        wipe(bytes);
        if (!scalar) {
            return nullptr;
        }
        if (::BN_is_zero(scalar.get()) == 0 && ::BN_cmp(scalar.get(), ::EC_GROUP_get0_order(group)) < 0) {
            ::BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
            return scalar;
        }
    }
    return nullptr;
}

/// Both coordinates, padded to the size of the field (TPM 2.0 Part 1, C.8).
bool get_coordinates(const ::EC_GROUP* const group, const ::EC_POINT* const point, ::BN_CTX* const scratch,
                     RawPoint& result) {
    const Number x{::BN_new()};
    const Number y{::BN_new()};
    return x && y && ::EC_POINT_get_affine_coordinates(group, point, x.get(), y.get(), scratch) == 1 &&
           ::BN_bn2binpad(x.get(), octets(std::span<std::byte>{result.x}), 32) == 32 &&
           ::BN_bn2binpad(y.get(), octets(std::span<std::byte>{result.y}), 32) == 32;
}

/// False unless it is on the curve, which libcrypto looks at.
bool set_coordinates(const ::EC_GROUP* const group, ::EC_POINT* const point, ::BN_CTX* const scratch,
                     const RawPoint& coordinates) {
    const Number x{::BN_bin2bn(octets(std::span<const std::byte>{coordinates.x}), 32, nullptr)};
    const Number y{::BN_bin2bn(octets(std::span<const std::byte>{coordinates.y}), 32, nullptr)};
    return x && y && ::EC_POINT_set_affine_coordinates(group, point, x.get(), y.get(), scratch) == 1;
}

} // namespace

RawDigest raw_sha256(const RawParts parts) noexcept {
    RunningHash hash;
    hash.add(parts);
    return hash.end();
}

RawDigest raw_hmac(const std::span<const std::byte> key, const RawParts parts) noexcept {
    std::array<std::byte, hash_block_size> pad{};
    const auto use_pad = [&](const std::byte with) {
        std::ranges::fill(pad, with);
        for (std::size_t i = 0; i < std::min(key.size(), pad.size()); ++i) {
            pad[i] ^= key[i];
        }
    };
    RunningHash inner;
    use_pad(std::byte{0x36});
    inner.add(pad);
    inner.add(parts);
    RawDigest digest = inner.end();
    RunningHash outer;
    use_pad(std::byte{0x5c});
    outer.add(pad);
    outer.add(digest);
    digest = outer.end();
    wipe(pad);
    return digest;
}

SecretBytes raw_kdfa(const std::span<const std::byte> key, const std::string_view label,
                     const std::span<const std::byte> party_u, const std::span<const std::byte> party_v) {
    static constexpr std::array zero = {std::byte{0}};
    const auto first_round = big_endian_u32(1);
    const auto bits = big_endian_u32(256);
    RawDigest digest = raw_hmac(key, {first_round, bytes_of_text(label), zero, party_u, party_v, bits});
    return taken(digest);
}

SecretBytes raw_cbc_decrypt(const std::span<const std::byte> key, const std::span<const std::byte> iv,
                            const std::span<const std::byte> data) {
    SecretBytes result{data.size()};
    ::AES_KEY schedule{};
    ::AES_set_decrypt_key(octets(key), 256, &schedule);
    std::array<std::byte, aes_block> vector{};
    std::ranges::copy(iv, vector.begin());
    ::AES_cbc_encrypt(octets(data), octets(result.bytes()), data.size(), &schedule,
                      octets(std::span<std::byte>{vector}), AES_DECRYPT);
    ::OPENSSL_cleanse(&schedule, sizeof schedule);
    return result;
}

std::array<std::byte, 64> raw_sha512(const std::span<const std::byte> data) noexcept {
    std::array<std::byte, 64> digest{};
    ::SHA512(octets(data), data.size(), octets(std::span<std::byte>{digest}));
    return digest;
}

void raw_cfb_decrypt(const std::span<const std::byte> key_and_iv, const std::span<std::byte> data) noexcept {
    ::AES_KEY key = {};
    ::AES_set_encrypt_key(octets(key_and_iv.first(aes_block)), 128, &key);
    std::array<std::byte, aes_block> previous{};
    std::ranges::copy(key_and_iv.subspan(aes_block, aes_block), previous.begin());
    for (std::size_t at = 0; at < data.size(); at += aes_block) {
        std::array<std::byte, aes_block> stream{};
        ::AES_encrypt(octets(std::span<const std::byte>{previous}), octets(std::span<std::byte>{stream}),
                      &key);
        const auto block = data.subspan(at, std::min(aes_block, data.size() - at));
        std::ranges::copy(block, previous.begin());
        for (std::size_t i = 0; i < block.size(); ++i) {
            block[i] ^= stream[i];
        }
        wipe(stream);
    }
    ::OPENSSL_cleanse(&key, sizeof key);
}

bool raw_equal(const std::span<const std::byte> a, const std::span<const std::byte> b) noexcept {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<RawSalt> raw_salt_for(const RawPoint& key) {
    static constexpr std::array zero = {std::byte{0}};
    const Group group{::EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    const Scratch scratch{::BN_CTX_secure_new()};
    if (!group || !scratch) {
        return std::nullopt;
    }
    const Point theirs{::EC_POINT_new(group.get())};
    const Point ours{::EC_POINT_new(group.get())};
    const Point shared{::EC_POINT_new(group.get())};
    const Number scalar = random_scalar(group.get());
    RawSalt result;
    RawPoint secret;
    const bool is_done =
        theirs && ours && shared && scalar &&
        set_coordinates(group.get(), theirs.get(), scratch.get(), key) &&
        ::EC_POINT_mul(group.get(), ours.get(), scalar.get(), nullptr, nullptr, scratch.get()) == 1 &&
        ::EC_POINT_mul(group.get(), shared.get(), nullptr, theirs.get(), scalar.get(), scratch.get()) == 1 &&
        get_coordinates(group.get(), ours.get(), scratch.get(), result.ephemeral) &&
        get_coordinates(group.get(), shared.get(), scratch.get(), secret);
    if (is_done) {
        const auto first_round = big_endian_u32(1);
        RawDigest digest =
            raw_sha256({first_round, secret.x, bytes_of_text("SECRET"), zero, result.ephemeral.x, key.x});
        result.salt = taken(digest);
    }
    wipe(secret.x);
    wipe(secret.y);
    return is_done ? std::optional{std::move(result)} : std::nullopt;
}

} // namespace sealmount
