// The master file as an unattended unlock needs it, when all its TPM slots have literal PCR values of one
// bank: the same document that core/master/master_file.hpp reads, with fewer forms; of version 2, which is
// proved. Whatever this reader takes, that one takes too.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/raw/raw_tpm.hpp"
#include "sys/tpm/pcr.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sealmount {

/// A slot of the TPM. Refers to the file's text.
struct PlainSlot {
    std::uint32_t id = 0;
    PcrSelection selection;
    std::array<std::string_view, pcr_count> expected{}; ///< lower-case hex, of the PCRs of the selection
    std::vector<std::byte> sealed;                      ///< TPMKey, DER: the bytes that write_tpm_key() makes
};

struct PlainMasterFile {
    std::string_view srk_name;    ///< lower-case hex; refers to the file's text
    std::vector<PlainSlot> slots; ///< in their order; all of one bank
    std::string_view seal;        ///< the member; refers to the file's text, as does what is before it
    std::string_view before_seal; ///< without the comma and the line end

    /// What has to be read to choose among the slots; an empty mask when there is no slot.
    [[nodiscard]] PcrSelection needs() const noexcept;
};

/// Nothing when anything in it is not plainly good, or a slot has any other policy: one that is signed, kept
/// by pcrlock, with a boot window, a PIN, an end, several banks, or none at all; or is not proved.
[[nodiscard]] std::optional<PlainMasterFile> read_plain_master(std::string_view text);

/// The two areas of a sealed object, TPM2B structures as a whole, in the bytes of PlainSlot::sealed.
struct PlainSealedAreas {
    std::span<const std::byte> public_area;
    std::span<const std::byte> private_area;
};
/// Nothing when these are not the bytes that write_tpm_key() (core/master/tpm_key.hpp) makes for an object
/// under the SRK.
[[nodiscard]] std::optional<PlainSealedAreas> plain_sealed_areas(std::span<const std::byte> der) noexcept;

/// The first slot whose PCRs have the expected values, or nullptr.
[[nodiscard]] const PlainSlot* fitting_slot(const PlainMasterFile& file, const RawPcrs& present) noexcept;

/// Is this the text of an encrypted key in eCryptfs's format (core/ecryptfs/encrypted_key.hpp), under a
/// master key of either form?
[[nodiscard]] bool is_plain_key_text(std::string_view text) noexcept;

} // namespace sealmount
