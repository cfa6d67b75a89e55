// BootKernel where the kernel has trusted keys: it unseals the master key itself, in a policy session of ours
// on the raw TPM device, and no program sees it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/raw/boot_kernel.hpp"

#include <optional>

namespace sealmount {

class TrustedKernel final : public BootKernel {
  public:
    [[nodiscard]] std::string_view form() const override { return "trusted"; }
    [[nodiscard]] BootForm try_form() override;
    [[nodiscard]] std::optional<bool> has_key(const char* type, std::string_view description) override;
    [[nodiscard]] std::optional<RawPcrs> read_pcrs(PcrSelection selection) override;
    [[nodiscard]] bool bring_in(const BootSeal& seal) override;
    [[nodiscard]] bool prove(std::string_view seal) override;
    [[nodiscard]] bool load(std::string_view signature, std::string_view text) override;
    bool unload(std::string_view signature) override;

  private:
    std::optional<RawTpm> tpm_;
};

} // namespace sealmount
