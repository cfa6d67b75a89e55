// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/user_unseal.hpp"

#include "base/hex.hpp"
#include "sys/raw/raw_crypto.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sealmount {

namespace {

// TPM 2.0 Part 2, as in raw_tpm.cpp.
constexpr std::uint32_t load_code = 0x157;
constexpr std::uint32_t unseal_code = 0x15e;
constexpr std::uint32_t read_public_code = 0x173;
constexpr std::uint32_t start_session_code = 0x176;
constexpr std::uint32_t srk_of_boot = 0x81000001;
constexpr std::uint32_t no_handle = 0x40000007;
constexpr std::uint32_t password_session = 0x40000009;
constexpr unsigned response_is_encrypted =
    0x40; // TPMA_SESSION; not continued: the session ends with the unseal

using Nonce = std::array<std::byte, 32>;

std::optional<Nonce> new_nonce() {
    Nonce nonce{};
    const bool is_new = ::getrandom(nonce.data(), nonce.size(), 0) == static_cast<ssize_t>(nonce.size());
    return is_new ? std::optional{nonce} : std::nullopt;
}

std::array<std::byte, 4> code_bytes(const std::uint32_t code) noexcept {
    return {static_cast<std::byte>(code >> 24U), static_cast<std::byte>(code >> 16U & 0xffU),
            static_cast<std::byte>(code >> 8U & 0xffU), static_cast<std::byte>(code & 0xffU)};
}

/// nameAlg and digest of a public area (Part 1, 16), for SHA-256.
std::array<std::byte, 34> name_of_area(const std::span<const std::byte> area) noexcept {
    std::array<std::byte, 34> name = {std::byte{0x00}, std::byte{0x0b}};
    std::ranges::copy(raw_sha256({area}), name.begin() + 2);
    return name;
}

/// The point of an ECC P-256 storage key with AES-128-CFB and without schemes (TPMT_PUBLIC, Part 2, 12.2.4);
/// nothing for any other key.
std::optional<RawPoint> point_of_area(const std::span<const std::byte> area) noexcept {
    RawReader reader{area};
    const bool is_ecc_sha256 = reader.number(2) == 0x0023 && reader.number(2) == 0x000b;
    reader.number(4); // attributes, which the name pins
    reader.sized();   // the policy, too
    const bool is_aes_128_cfb =
        reader.number(2) == 0x0006 && reader.number(2) == 128 && reader.number(2) == 0x0043;
    const bool is_plain_p256 =
        reader.number(2) == 0x0010 && reader.number(2) == 0x0003 && reader.number(2) == 0x0010;
    const auto x = reader.sized();
    const auto y = reader.sized();
    RawPoint point;
    if (!is_ecc_sha256 || !is_aes_128_cfb || !is_plain_p256 || !reader.is_at_end() ||
        x.size() != point.x.size() || y.size() != point.y.size()) {
        return std::nullopt;
    }
    std::ranges::copy(x, point.x.begin());
    std::ranges::copy(y, point.y.begin());
    return point;
}

/// The steps in their order. Each is false when it fails.
class UserSession {
  public:
    UserSession(RawTpm& tpm, const UserSeal& seal) : tpm_(tpm), seal_(seal) {}

    /// The key is what its name says, whoever sent it.
    [[nodiscard]] bool find_srk() {
        RawCommand command{read_public_code};
        command.put_u32(srk_of_boot);
        const auto answer = tpm_.exchange(command);
        if (!answer) {
            return false;
        }
        const auto area = RawReader{*answer}.sized();
        const auto point = point_of_area(area);
        if (!point || to_hex(name_of_area(area)) != seal_.srk_name) {
            return false;
        }
        srk_ = *point;
        return true;
    }

    [[nodiscard]] bool load() {
        RawCommand command{load_code, RawCommand::Sessions::one};
        command.put_u32(srk_of_boot);
        command.put_u32(9); // the size of what authorizes it: the empty password
        command.put_u32(password_session);
        command.put_u16(0);
        command.put_u8(0);
        command.put_u16(0);
        command.put(seal_.private_area);
        command.put(seal_.public_area);
        const auto answer = tpm_.exchange(command);
        if (!answer) {
            return false;
        }
        RawReader reader{*answer};
        object_ = reader.number(4);
        return reader.is_good();
    }

    [[nodiscard]] bool start() {
        const auto salt = raw_salt_for(srk_);
        const auto nonce = new_nonce();
        if (!salt || !nonce) {
            return false;
        }
        RawCommand command{start_session_code};
        command.put_u32(srk_of_boot);
        command.put_u32(no_handle);
        command.put_sized(*nonce);
        command.put_u16(2 * (2 + 32)); // TPM2B_ENCRYPTED_SECRET: a point
        command.put_sized(salt->ephemeral.x);
        command.put_sized(salt->ephemeral.y);
        command.put_u8(1); // a policy session
        command.put_u16(0x0006);
        command.put_u16(128);
        command.put_u16(0x0043);
        command.put_u16(0x000b);
        const auto answer = tpm_.exchange(command);
        if (!answer) {
            return false;
        }
        RawReader reader{*answer};
        session_ = reader.number(4);
        const auto theirs = reader.sized();
        if (!reader.is_good() || theirs.size() != nonce_of_tpm_.size()) {
            return false;
        }
        std::ranges::copy(theirs, nonce_of_tpm_.begin());
        key_ = raw_kdfa(salt->salt.bytes(), "ATH", nonce_of_tpm_, *nonce);
        return tpm_.exchange(policy_pcr_command(session_, seal_.selection)).has_value();
    }

    [[nodiscard]] std::optional<SecretBytes> unseal() {
        const auto nonce = new_nonce();
        if (!nonce) {
            return std::nullopt;
        }
        static constexpr std::array attributes = {static_cast<std::byte>(response_is_encrypted)};
        const auto name = name_of_area(seal_.public_area.subspan(2));
        const auto what = raw_sha256({code_bytes(unseal_code), name}); // cpHash: Part 1, 16.7
        const auto proof = raw_hmac(key_.bytes(), {what, *nonce, nonce_of_tpm_, attributes});
        RawCommand command{unseal_code, RawCommand::Sessions::one};
        command.put_u32(object_);
        command.put_u32(4 + 2 + 32 + 1 + 2 + 32);
        command.put_u32(session_);
        command.put_sized(*nonce);
        command.put_u8(response_is_encrypted);
        command.put_sized(proof);
        const auto answer = tpm_.exchange(command);
        return answer ? opened(*answer, *nonce) : std::nullopt;
    }

  private:
    /// The data of an answer that the TPM has authenticated (Part 1, 16.8 and 19.6).
    [[nodiscard]] std::optional<SecretBytes> opened(const std::span<const std::byte> answer,
                                                    const Nonce& nonce) {
        RawReader reader{answer};
        const auto parameters = reader.take(reader.number(4));
        const auto nonce_of_answer = reader.sized();
        const auto attributes = reader.take(1);
        const auto proof = reader.sized();
        const auto data = RawReader{parameters}.sized();
        if (!reader.is_good() || !reader.is_at_end() || data.size() + 2 != parameters.size() ||
            data.size() < 32 || data.size() > 128) {
            return std::nullopt;
        }
        const auto what = raw_sha256({code_bytes(0), code_bytes(unseal_code), parameters}); // rpHash
        if (!raw_equal(proof, raw_hmac(key_.bytes(), {what, nonce_of_answer, nonce, attributes})) ||
            (attributes.front() & static_cast<std::byte>(response_is_encrypted)) == std::byte{0}) {
            return std::nullopt;
        }
        const SecretBytes stream_key = raw_kdfa(key_.bytes(), "CFB", nonce_of_answer, nonce);
        SecretBytes secret{data};
        raw_cfb_decrypt(stream_key.bytes(), secret.bytes());
        return secret;
    }

    RawTpm& tpm_;
    const UserSeal& seal_;
    RawPoint srk_;
    std::uint32_t object_ = 0;
    std::uint32_t session_ = 0;
    Nonce nonce_of_tpm_{};
    SecretBytes key_;
};

} // namespace

std::optional<SecretBytes> unseal_in_one_session(RawTpm& tpm, const UserSeal& seal) {
    if (seal.public_area.size() < 3) {
        return std::nullopt;
    }
    UserSession session{tpm, seal};
    // The session comes last: any PCR that changes after PolicyPCR makes it useless.
    if (!session.find_srk() || !session.load() || !session.start()) {
        return std::nullopt;
    }
    return session.unseal();
}

} // namespace sealmount
