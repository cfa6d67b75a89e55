// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_tpm.hpp"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>

namespace sealmount {

namespace {

// TPM 2.0 Part 2: 6.9 (structure tags), 6.5.2 (commands), 6.12 (capabilities), 7.4 (permanent handles), 7.2
// (handle types), 6.6.3 (response codes), 6.3 (algorithms), 6.11 (session types).
constexpr std::uint32_t flush_context_code = 0x165;
constexpr std::uint32_t start_auth_session_code = 0x176;
constexpr std::uint32_t get_capability_code = 0x17a;
constexpr std::uint32_t pcr_read_code = 0x17e;
constexpr std::uint32_t policy_pcr_code = 0x17f;
constexpr std::uint32_t handles_capability = 1;
constexpr std::uint32_t null_handle = 0x40000007;
constexpr std::uint32_t first_transient = 0x80000000;
constexpr std::uint32_t first_loaded_session = 0x02000000;
constexpr std::uint32_t handle_type = 0xff000000;
constexpr unsigned null_algorithm = 0x0010;
constexpr unsigned sha256_algorithm = 0x000b;
constexpr unsigned policy_session_type = 1;

constexpr std::size_t header_bytes = 10;
constexpr unsigned selected_octets = 3;

/// TPML_PCR_SELECTION of at most one bank, which must be the one that was asked for.
PcrMask take_selection(RawReader& reader, const PcrBank bank) noexcept {
    const std::uint32_t banks = reader.number(4);
    PcrMask mask = 0;
    for (std::uint32_t i = 0; i < banks && reader.is_good(); ++i) {
        const bool is_ours = reader.number(2) == static_cast<std::uint32_t>(bank);
        const auto octets = reader.take(reader.number(1));
        for (std::size_t octet = 0; is_ours && octet < std::min<std::size_t>(octets.size(), selected_octets);
             ++octet) {
            mask |= std::to_integer<PcrMask>(octets[octet]) << (8U * octet);
        }
    }
    return mask;
}

/// Writes a whole command, reads a whole response: one write(2) and, of a device, one read(2).
std::size_t converse(const int device, const std::span<const std::byte> command,
                     const std::span<std::byte> response) noexcept {
    if (::write(device, command.data(), command.size()) != static_cast<ssize_t>(command.size())) {
        return 0;
    }
    std::size_t size = 0;
    std::size_t wanted = header_bytes;
    while (size < wanted) {
        const ssize_t got = ::read(device, response.data() + size, response.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return 0;
        }
        size += static_cast<std::size_t>(got);
        if (size >= header_bytes) {
            RawReader header{response.subspan(2, 4)};
            wanted = std::clamp<std::size_t>(header.number(4), header_bytes, response.size());
        }
    }
    return size == wanted ? size : 0;
}

} // namespace

RawCommand::RawCommand(const std::uint32_t code, const Sessions sessions) noexcept {
    put_u16(static_cast<unsigned>(sessions));
    put_u32(0);
    put_u32(code);
}

void RawCommand::put_u8(const unsigned value) noexcept {
    if (size_ < bytes_.size()) {
        bytes_[size_++] = static_cast<std::byte>(value & 0xffU);
    }
}

void RawCommand::put_u16(const unsigned value) noexcept {
    put_u8(value >> 8U);
    put_u8(value);
}

void RawCommand::put_u32(const std::uint32_t value) noexcept {
    put_u16(value >> 16U);
    put_u16(value & 0xffffU);
}

void RawCommand::put(const std::span<const std::byte> bytes) noexcept {
    for (const std::byte byte : bytes) {
        put_u8(std::to_integer<unsigned>(byte));
    }
}

void RawCommand::put_sized(const std::span<const std::byte> bytes) noexcept {
    put_u16(static_cast<unsigned>(bytes.size()));
    put(bytes);
}

void RawCommand::put_selection(const PcrSelection selection) noexcept {
    put_u32(1);
    put_u16(static_cast<unsigned>(selection.bank));
    put_u8(selected_octets);
    for (unsigned octet = 0; octet < selected_octets; ++octet) {
        put_u8(selection.mask >> (8 * octet));
    }
}

std::span<const std::byte> RawCommand::bytes() noexcept {
    for (unsigned octet = 0; octet < 4; ++octet) {
        bytes_[2 + octet] = static_cast<std::byte>(size_ >> (8 * (3 - octet)) & 0xffU);
    }
    return std::span{bytes_}.first(size_);
}

std::span<const std::byte> RawReader::take(const std::size_t size) noexcept {
    if (!good_ || size > rest_.size()) {
        good_ = false;
        return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

std::uint32_t RawReader::number(const std::size_t size) noexcept {
    std::uint32_t value = 0;
    for (const std::byte byte : take(size)) {
        value = value << 8U | std::to_integer<std::uint32_t>(byte);
    }
    return value;
}

RawCommand pcr_read_command(const PcrSelection selection) noexcept {
    RawCommand command{pcr_read_code};
    command.put_selection(selection);
    return command;
}

RawCommand start_policy_session_command(const std::span<const std::byte, 16> nonce) noexcept {
    RawCommand command{start_auth_session_code};
    command.put_u32(null_handle); // no key for a salt
    command.put_u32(null_handle); // not bound
    command.put_sized(nonce);
    command.put_u16(0); // no salt
    command.put_u8(policy_session_type);
    command.put_u16(null_algorithm); // nothing is encrypted
    command.put_u16(sha256_algorithm);
    return command;
}

RawCommand policy_pcr_command(const std::uint32_t session, const PcrSelection selection) noexcept {
    RawCommand command{policy_pcr_code};
    command.put_u32(session);
    command.put_u16(0);
    command.put_selection(selection);
    return command;
}

RawCommand flush_context_command(const std::uint32_t handle) noexcept {
    RawCommand command{flush_context_code};
    command.put_u32(handle);
    return command;
}

RawCommand get_handles_command(const std::uint32_t first) noexcept {
    RawCommand command{get_capability_code};
    command.put_u32(handles_capability);
    command.put_u32(first);
    command.put_u32(1);
    return command;
}

void RawPcrs::set(const unsigned pcr, const std::span<const std::byte> value) noexcept {
    if (pcr < values_.size() && value.size() <= values_[pcr].bytes.size()) {
        std::ranges::copy(value, values_[pcr].bytes.begin());
        values_[pcr].size = static_cast<std::uint8_t>(value.size());
    }
}

std::span<const std::byte> RawPcrs::value(const unsigned pcr) const noexcept {
    return pcr < values_.size() ? std::span{values_[pcr].bytes}.first(values_[pcr].size)
                                : std::span<const std::byte>{};
}

std::optional<RawTpm> RawTpm::open(const char* const node) noexcept {
    UniqueFd device{::open(node, O_RDWR | O_CLOEXEC)};
    if (!device) {
        return std::nullopt;
    }
    return std::optional<RawTpm>{std::in_place, std::move(device)};
}

std::optional<std::span<const std::byte>> RawTpm::exchange(RawCommand& command) noexcept {
    const auto sent = command.bytes();
    const auto size_of_answer = converse(device_.get(), sent, response_);
    RawReader reader{std::span{response_}.first(size_of_answer)};
    // The answer to a command with a session has one as well, unless it is an error.
    const bool is_alike = reader.number(2) == RawReader{sent}.number(2);
    const std::uint32_t size = reader.number(4);
    code_ = reader.number(4);
    if (!reader.is_good() || !is_alike || code_ != 0 || size != size_of_answer) {
        return std::nullopt;
    }
    return std::span{response_}.subspan(header_bytes, size - header_bytes);
}

std::optional<RawPcrs> RawTpm::read_pcrs(PcrSelection selection) noexcept {
    RawPcrs pcrs;
    while (selection.mask != 0) {
        const auto answer = exchange(pcr_read_command(selection));
        if (!answer) {
            return std::nullopt;
        }
        RawReader reader{*answer};
        reader.number(4); // the update counter, which only helps to explain
        const PcrMask given = take_selection(reader, selection.bank) & selection.mask;
        if (given == 0 || reader.number(4) != static_cast<std::uint32_t>(std::popcount(given))) {
            return std::nullopt;
        }
        for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
            if ((given >> pcr & 1U) != 0) {
                pcrs.set(pcr, reader.take(reader.number(2)));
            }
        }
        if (!reader.is_good()) {
            return std::nullopt;
        }
        selection.mask &= ~given;
    }
    return pcrs;
}

std::optional<std::uint32_t> RawTpm::start_pcr_session(const PcrSelection selection) noexcept {
    std::array<std::byte, 16> nonce{};
    if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
        return std::nullopt;
    }
    const auto answer = exchange(start_policy_session_command(nonce));
    if (!answer) {
        return std::nullopt;
    }
    RawReader reader{*answer};
    const std::uint32_t session = reader.number(4);
    if (!reader.is_good()) {
        return std::nullopt;
    }
    if (!exchange(policy_pcr_command(session, selection))) {
        flush(session);
        return std::nullopt;
    }
    return session;
}

bool RawTpm::flush(const std::uint32_t handle) noexcept {
    // TPM_RC_HANDLE, the handle being the first parameter: the kernel's unseal has flushed the session
    // (Linux 6.10).
    constexpr std::uint32_t unknown_handle = 0x08b;
    constexpr std::uint32_t first_parameter = 0x1c0;
    if (exchange(flush_context_command(handle))) {
        return true;
    }
    return code_ == (unknown_handle | first_parameter) || code_ == (unknown_handle | 0x100U);
}

bool RawTpm::may_hold_leftovers() noexcept {
    for (const std::uint32_t first : {first_transient, first_loaded_session}) {
        const auto answer = exchange(get_handles_command(first));
        if (!answer) {
            return true;
        }
        RawReader reader{*answer};
        reader.number(1); // is there more?
        reader.number(4); // the capability
        const std::uint32_t count = reader.number(4);
        const std::uint32_t handle = count == 0 ? 0 : reader.number(4);
        if (!reader.is_good() || (count != 0 && (handle & handle_type) == (first & handle_type))) {
            return true;
        }
    }
    return false;
}

} // namespace sealmount
