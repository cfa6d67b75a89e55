// The firmware's event log: what it measured into the TPM on the way to the kernel, and its replay.
//
// Source of every rule: TCG PC Client Platform Firmware Profile Specification 1.05, section 10 (event
// logging); the kernel's copy of the log is /sys/kernel/security/tpm0/binary_bios_measurements
// (drivers/char/tpm/eventlog/).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Event types that decide something here (10.4.1); event_text.hpp has the names of all.
enum class EventType : std::uint32_t {
    post_code = 0x1,
    no_action = 0x3, ///< information, not measured
    separator = 0x4,
    event_tag = 0x6,
    ipl = 0xd,
    variable_driver_config = 0x80000001,
    variable_boot = 0x80000002,
    boot_services_application = 0x80000003,
    boot_services_driver = 0x80000004,
    runtime_services_driver = 0x80000005,
    gpt = 0x80000006,
    variable_boot2 = 0x8000000c,
    variable_authority = 0x800000e0,
};

/// Digests of one event, or values of one PCR, by bank.
using BankDigests = std::map<PcrBank, Bytes>;

struct LogEvent {
    unsigned number = 0;    ///< from 1, in the order of the log
    std::size_t offset = 0; ///< in bytes from the log's beginning
    unsigned pcr = 0;
    EventType type{}; ///< any number: firmware has types of its own
    BankDigests digests;
    Bytes data; ///< what the firmware says about it; what was hashed only for some types

    [[nodiscard]] bool is_measured() const noexcept { return type != EventType::no_action; }
};

struct EventLog {
    std::string file; ///< where it came from, for messages
    std::vector<LogEvent> events;
    std::vector<PcrBank> banks;        ///< whose digests every event has
    std::uint8_t startup_locality = 0; ///< of TPM2_Startup: PCR 0 begins with it (10.4.5.3)
};

/// Tags of EV_EVENT_TAG that Linux's EFI stub uses (drivers/firmware/efi/libstub/efistub.h).
inline constexpr std::uint32_t linux_initrd_tag = 0x8f3b22ec;
inline constexpr std::uint32_t linux_options_tag = 0x8f3b22ed;

/// Reads a log in the crypto-agile form (TCG_PCR_EVENT2, 10.2.2) or in the SHA-1 form of TPM 1.2
/// (TCG_PCClientPCREvent, 10.2.1). Hash algorithms of other banks than ours are ignored, and so is a bank in
/// which some event has no digest; zeros or ones behind the last event are padding. Throws Error{bad_data}
/// naming `file`, the event and the offset when an event does not fit in, or makes no sense.
[[nodiscard]] EventLog parse_event_log(BytesView bytes, const std::string& file);

/// The PCR's value before its first event: zeros, or ones for the PCRs of dynamic launch (TCG PC Client
/// Platform TPM Profile, 4.6.1), and the startup locality in PCR 0.
[[nodiscard]] Bytes initial_pcr_value(unsigned pcr, PcrBank bank, std::uint8_t startup_locality);

/// TPM2_PCR_Extend (TPM 2.0 Part 3, 22.2): the new value.
[[nodiscard]] Bytes extended(PcrBank bank, BytesView value, BytesView digest);

/// The values of all PCRs after the events of the log. Throws Error{unavailable} when it has no digests of
/// that bank.
[[nodiscard]] PcrValues replay(const EventLog& log, PcrBank bank);

} // namespace sealmount
