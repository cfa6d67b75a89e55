// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/pcr_registry.hpp"

#include "sys/tpm/pcr.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct KnownPcr {
    std::string_view name; ///< systemd's; "" where it has none
    std::string_view meaning;
};

/// By number.
constexpr std::array<KnownPcr, pcr_count> known_pcrs = {{
    {"platform-code", "firmware code"},
    {"platform-config", "firmware configuration"},
    {"external-code", "option ROMs and other added firmware code"},
    {"external-config", "configuration of added firmware code"},
    {"boot-loader-code", "boot loader"},
    {"boot-loader-config", "partition table and boot loader configuration"},
    {"host-platform", "what the machine's manufacturer decides"},
    {"secure-boot-policy", "Secure Boot policy"},
    {"", "GRUB commands and kernel command line"},
    {"kernel-initrd", "initrd and files that GRUB read"},
    {"ima", "IMA measurements of running files"},
    {"kernel-boot", "unified kernel image"},
    {"kernel-config", "kernel command line and credentials"},
    {"sysexts", "system extensions"},
    {"shim-policy", "shim certificates (MOK)"},
    {"system-identity", "machine id and file systems"},
    {"debug", "debugging"},
    {"", "dynamic launch (DRTM)"},
    {"", "dynamic launch (DRTM)"},
    {"", "dynamic launch (DRTM)"},
    {"", "dynamic launch (DRTM)"},
    {"", "dynamic launch (DRTM)"},
    {"", "dynamic launch (DRTM)"},
    {"application-support", "what applications decide"},
}};

} // namespace

std::string_view pcr_meaning(const unsigned pcr) {
    return pcr < pcr_count ? known_pcrs[pcr].meaning : "not a PCR of a PC";
}

std::optional<unsigned> pcr_named(const std::string_view name) {
    const auto* const found = std::ranges::find(known_pcrs, name, &KnownPcr::name);
    if (name.empty() || found == known_pcrs.end()) {
        return std::nullopt;
    }
    return static_cast<unsigned>(found - known_pcrs.begin());
}

} // namespace sealmount
