// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/trusted_kernel.hpp"

#include "sys/raw/raw_file.hpp"
#include "sys/raw/raw_keyring.hpp"
#include "sys/tpm/tpm_device.hpp"

#include <string>

namespace sealmount {

namespace {

void append_hex(std::string& text, const std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const std::byte byte : bytes) {
        text.push_back(digits[std::to_integer<std::size_t>(byte >> 4U)]);
        text.push_back(digits[std::to_integer<std::size_t>(byte & std::byte{15})]);
    }
}

/// security/keys/trusted-keys/trusted_tpm1.c, getoptions. Never "pcrlock=" (sys/keyring/kernel_keyring.cpp).
std::string trusted_payload(const std::span<const std::byte> sealed, const std::uint32_t session) {
    std::string payload{"load "};
    payload.reserve(2 * sealed.size() + 32);
    append_hex(payload, sealed);
    payload.append(" policyhandle=");
    std::array<std::byte, 4> handle{};
    for (unsigned octet = 0; octet < handle.size(); ++octet) {
        handle[octet] = static_cast<std::byte>(session >> (8 * (3 - octet)) & 0xffU);
    }
    append_hex(payload, handle);
    return payload;
}

} // namespace

BootForm TrustedKernel::try_form() {
    const auto answer = kernel_has_trusted_keys();
    if (!answer) {
        return BootForm::unknown;
    }
    return *answer ? BootForm::possible : BootForm::other;
}

std::optional<bool> TrustedKernel::has_key(const char* const type, const std::string_view description) {
    return is_in_user_keyring(type, description);
}

std::optional<RawPcrs> TrustedKernel::read_pcrs(const PcrSelection selection) {
    if (!tpm_) {
        tpm_ = RawTpm::open(raw_tpm_node);
    }
    return tpm_ ? tpm_->read_pcrs(selection) : std::nullopt;
}

bool TrustedKernel::bring_in(const BootSeal& seal) {
    // A kernel that encrypts its own TPM traffic disables the TPM when it is full (sys/tpm/tpm.hpp,
    // TpmOpener).
    if (!tpm_ || (may_exist("/sys/class/tpm/tpm0/null_name") && tpm_->may_hold_leftovers())) {
        return false;
    }
    const auto session = tpm_->start_pcr_session(seal.selection);
    if (!session) {
        return false;
    }
    const std::string payload = trusted_payload(seal.sealed, *session);
    const bool loaded = add_master_key("trusted", seal.master, std::as_bytes(std::span{payload}));
    const bool flushed = tpm_->flush(*session);
    tpm_.reset();
    return loaded && flushed;
}

bool TrustedKernel::prove(const std::string_view seal) {
    return takes_key_text("sealmount:proof", seal);
}

bool TrustedKernel::load(const std::string_view signature, const std::string_view text) {
    return add_volume_key(signature, text);
}

bool TrustedKernel::unload(const std::string_view signature) {
    return drop_volume_key(signature);
}

} // namespace sealmount
