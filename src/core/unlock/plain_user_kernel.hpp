// BootKernel where the kernel has no trusted keys: the master key is unsealed here, and stays in this process
// and in its own keyring while it loads keys.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"
#include "sys/raw/boot_kernel.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sealmount {

/// The text of an encrypted key as with_master_description() (core/ecryptfs/encrypted_key.hpp) makes it:
/// under the same master key by another name, authenticated again. Nothing when it was not authentic under
/// this master key, or the FEKEK in it is not the one of this signature.
[[nodiscard]] std::optional<std::string> plain_text_under(std::string_view text,
                                                          std::span<const std::byte> master,
                                                          std::string_view description,
                                                          std::string_view signature);

/// Is the text of a proof authentic under this master key?
[[nodiscard]] bool is_plain_proof_under(std::string_view seal, std::span<const std::byte> master);

class PlainUserKernel final : public BootKernel {
  public:
    [[nodiscard]] std::string_view form() const override { return "user"; }
    [[nodiscard]] BootForm try_form() override;
    [[nodiscard]] std::optional<bool> has_key(const char* type, std::string_view description) override;
    [[nodiscard]] std::optional<RawPcrs> read_pcrs(PcrSelection selection) override;
    [[nodiscard]] bool bring_in(const BootSeal& seal) override;
    [[nodiscard]] bool prove(std::string_view seal) override;
    [[nodiscard]] bool load(std::string_view signature, std::string_view text) override;
    bool unload(std::string_view signature) override;
    void forget() override { master_.reset(); }

  private:
    std::optional<RawTpm> tpm_;
    std::optional<SecretBytes> master_;
    std::string description_; ///< of the master key, "user:NAME"
};

} // namespace sealmount
