// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_user_kernel.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/unlock/plain_master.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/raw/raw_keyring.hpp"
#include "sys/raw/user_unseal.hpp"
#include "sys/tpm/tpm_device.hpp"

#include <utility>

namespace sealmount {

BootForm PlainUserKernel::try_form() {
    const auto has_trusted = kernel_has_trusted_keys();
    if (!has_trusted) {
        return BootForm::unknown;
    }
    return *has_trusted ? BootForm::other : BootForm::possible;
}

std::optional<bool> PlainUserKernel::has_key(const char* const type, const std::string_view description) {
    return is_in_user_keyring(type, description);
}

std::optional<RawPcrs> PlainUserKernel::read_pcrs(const PcrSelection selection) {
    if (!tpm_) {
        tpm_ = RawTpm::open(managed_tpm_node);
    }
    return tpm_ ? tpm_->read_pcrs(selection) : std::nullopt;
}

bool PlainUserKernel::bring_in(const BootSeal& seal) {
    const auto areas = plain_sealed_areas(seal.sealed);
    if (!tpm_ || !areas) {
        return false;
    }
    UniqueFd device = std::move(*tpm_).release();
    tpm_.reset();
    try {
        master_ = unseal_in_one_session(std::move(device), {.srk_name = seal.srk_name,
                                                            .public_area = areas->public_area,
                                                            .private_area = areas->private_area,
                                                            .selection = seal.selection});
        if (!master_) {
            return false;
        }
        // A name that cannot be guessed: nobody can have an impostor ready.
        const std::string name = "sealmount-" + to_hex(random_bytes(8));
        description_ = "user:" + name;
        return add_master_key("user", name, master_->bytes());
    } catch (const Error&) { // no locked memory, no random bytes
        return false;
    }
}

bool PlainUserKernel::load(const std::string_view signature, const std::string_view text) {
    try {
        return master_ && add_volume_key(signature, with_master_description(text, *master_, description_));
    } catch (const Error&) { // damaged, or of another master key
        return false;
    }
}

bool PlainUserKernel::unload(const std::string_view signature) {
    return drop_volume_key(signature);
}

} // namespace sealmount
