// TPM commands as bytes, independent of tpm2-tss (TPM 2.0 Part 3).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "contract/swtpm.hpp"

namespace sealmount::testing {

void put_u8(Wire& wire, unsigned value);
void put_u16(Wire& wire, unsigned value);
void put_u32(Wire& wire, std::uint32_t value);
void put(Wire& wire, std::span<const std::byte> bytes);
[[nodiscard]] std::uint32_t read_u16(std::span<const std::byte> wire, std::size_t offset);
[[nodiscard]] std::uint32_t read_u32(std::span<const std::byte> wire, std::size_t offset);

/// The authorization area with one session: a password session with the empty password, or a policy session.
void put_session(Wire& wire, std::uint32_t session);

/// TPML_PCR_SELECTION with one entry.
void put_selection(Wire& wire, PcrSelection selection);

/// With its header.
[[nodiscard]] Wire tpm_command(Command command, std::span<const std::byte> body, bool with_session);
[[nodiscard]] Wire pcr_extend_command(unsigned pcr, std::string_view data);

} // namespace sealmount::testing
