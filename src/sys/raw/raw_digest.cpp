// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_digest.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace sealmount {

namespace {

constexpr std::size_t digest_block = 64;
constexpr unsigned rounds = 64;

/// FIPS 180-4, 4.2.2.
constexpr std::array<std::uint32_t, rounds> round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using State = std::array<std::uint32_t, 8>;

std::uint32_t word_at(const char* const bytes) noexcept {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return std::endian::native == std::endian::little ? __builtin_bswap32(word) : word;
}

/// 6.2.2, of `digest_block` bytes. Instead of moving the eight variables in each round, each round names them
/// again.
void add_block(State& state, const char* const block) noexcept {
    std::array<std::uint32_t, rounds> words;
    for (unsigned t = 0; t < 16; ++t) {
        words[t] = word_at(block + std::size_t{4} * t);
    }
    for (unsigned t = 16; t < rounds; ++t) {
        const std::uint32_t a = words[t - 15];
        const std::uint32_t b = words[t - 2];
        words[t] = words[t - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3U) + words[t - 7] +
                   (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10U);
    }
    State s = state;
    for (unsigned from = 0; from < rounds; from += 8) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; ++i) {
            const auto v = [&s, i](const unsigned n) -> std::uint32_t& { return s[(n - i) % 8]; };
            const std::uint32_t one =
                v(7) + (std::rotr(v(4), 6) ^ std::rotr(v(4), 11) ^ std::rotr(v(4), 25)) +
                (((v(5) ^ v(6)) & v(4)) ^ v(6)) + round_constants[from + i] + words[from + i];
            const std::uint32_t two = (std::rotr(v(0), 2) ^ std::rotr(v(0), 13) ^ std::rotr(v(0), 22)) +
                                      (((v(0) | v(1)) & v(2)) | (v(0) & v(1)));
            v(3) += one;
            v(7) = one + two;
        }
    }
    for (std::size_t i = 0; i < state.size(); ++i) {
        state[i] += s[i];
    }
}

/// What is given in pieces, in whole blocks.
class Blocks {
  public:
    void add(std::string_view text) noexcept {
        size_ += text.size();
        while (!text.empty()) {
            const std::size_t taken = std::min(text.size(), digest_block - held_);
            std::memcpy(block_.data() + held_, text.data(), taken);
            text.remove_prefix(taken);
            held_ += taken;
            if (held_ == digest_block) {
                add_block(state_, block_.data());
                held_ = 0;
            }
        }
    }

    /// 5.1.1: a one, zeros, and the number of bits.
    [[nodiscard]] const State& finish() noexcept {
        constexpr std::array<char, digest_block> padding = {'\x80'};
        const std::uint64_t bits = 8 * size_;
        const std::size_t rest = (held_ < digest_block - 8 ? 1 : 2) * digest_block - 8 - held_;
        add({padding.data(), rest});
        std::array<char, 8> length{};
        for (std::size_t i = 0; i < length.size(); ++i) {
            length[i] = static_cast<char>(bits >> (56 - 8 * i) & 0xffU);
        }
        add({length.data(), length.size()});
        return state_;
    }

  private:
    State state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<char, digest_block> block_{};
    std::size_t held_ = 0;
    std::uint64_t size_ = 0;
};

} // namespace

std::array<std::byte, 32> digest_of_texts(const std::initializer_list<std::string_view> texts) noexcept {
    Blocks blocks;
    for (const std::string_view text : texts) {
        blocks.add(text);
    }
    const State& state = blocks.finish();
    std::array<std::byte, 32> digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
        digest[i] = static_cast<std::byte>(state[i / 4] >> (8 * (3 - i % 4)) & 0xffU);
    }
    return digest;
}

} // namespace sealmount
