// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/policy_digest.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/crypto/crypto.hpp"

#include <array>
#include <concepts>

namespace sealmount {

namespace {

constexpr std::size_t fewest_branches = 2;
constexpr std::size_t most_branches = 8; // TPML_DIGEST (TPM 2.0 Part 2, 10.9.4)

/// TPM_CC (TPM 2.0 Part 2, 6.5.2).
constexpr std::uint32_t cc_policy_authorize = 0x0000016a;
constexpr std::uint32_t cc_policy_auth_value = 0x0000016b;
constexpr std::uint32_t cc_policy_counter_timer = 0x0000016d;
constexpr std::uint32_t cc_policy_or = 0x00000171;
constexpr std::uint32_t cc_policy_pcr = 0x0000017f;
constexpr std::uint32_t cc_policy_authorize_nv = 0x00000192;

template<std::unsigned_integral Number>
std::array<std::byte, sizeof(Number)> big_endian(const Number number) {
    std::array<std::byte, sizeof(Number)> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((number >> (8 * (bytes.size() - 1 - i))) & 0xffU);
    }
    return bytes;
}

/// TPML_PCR_SELECTION (TPM 2.0 Part 2, 10.9.7) with one entry: three bytes of mask, PCR 0 first.
Bytes marshalled(const PcrSelection selection) {
    Bytes bytes;
    for (const std::byte byte : big_endian(std::uint32_t{1})) {
        bytes.push_back(byte);
    }
    for (const std::byte byte : big_endian(static_cast<std::uint16_t>(selection.bank))) {
        bytes.push_back(byte);
    }
    constexpr unsigned octets = pcr_count / 8;
    bytes.push_back(std::byte{octets});
    for (unsigned octet = 0; octet < octets; ++octet) {
        bytes.push_back(static_cast<std::byte>((selection.mask >> (8 * octet)) & 0xffU));
    }
    return bytes;
}

} // namespace

PolicyDigest fresh_policy() noexcept {
    return {};
}

PolicyDigest after_pcr(const PolicyDigest& policy, const PcrSelection selection, const PcrValues& values) {
    Bytes selected;
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((selection.mask >> pcr & 1U) == 0) {
            continue;
        }
        const auto value = values.find(pcr);
        if (value == values.end()) {
            throw Error{Reason::internal, formatted("no value for PCR {} of a policy", pcr)};
        }
        selected.insert(selected.end(), value->second.begin(), value->second.end());
    }
    return sha256({policy, big_endian(cc_policy_pcr), marshalled(selection), sha256({selected})});
}

PolicyDigest after_or(const std::span<const PolicyDigest> branches) {
    if (branches.size() < fewest_branches || branches.size() > most_branches) {
        throw Error{Reason::internal, formatted("a policy with a choice of {} branches", branches.size())};
    }
    return sha256({fresh_policy(), big_endian(cc_policy_or), std::as_bytes(branches)});
}

PolicyDigest after_authorize(const TpmName& key_name) {
    // PolicyUpdate() hashes twice: the name, then the policyRef, here empty (TPM 2.0 Part 3, 23.2.3).
    return sha256({sha256({fresh_policy(), big_endian(cc_policy_authorize), key_name})});
}

PolicyDigest after_authorize_nv(const TpmName& nv_name) {
    return sha256({fresh_policy(), big_endian(cc_policy_authorize_nv), nv_name});
}

PolicyDigest after_counter(const PolicyDigest& policy, const CounterStep& step) {
    const auto arguments = sha256(
        {step.operand, big_endian(step.offset), big_endian(static_cast<std::uint16_t>(step.comparison))});
    return sha256({policy, big_endian(cc_policy_counter_timer), arguments});
}

PolicyDigest after_password(const PolicyDigest& policy) {
    return sha256({policy, big_endian(cc_policy_auth_value)});
}

} // namespace sealmount
