// The five TPM commands of a boot, as bytes over an open TPM device: without tpm2-tss, whose libraries take
// longer to load than the commands. Layouts: TPM 2.0 Library, Part 2 (structures) and Part 3 (commands). A
// test compares the bytes with those that tss2-mu marshals.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"
#include "sys/tpm/pcr.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace sealmount {

/// A command being written; all that we send fits.
class RawCommand {
  public:
    /// The structure tag: with or without an authorization area.
    enum class Sessions : std::uint16_t { none = 0x8001, one = 0x8002 };

    explicit RawCommand(std::uint32_t code, Sessions sessions = Sessions::none) noexcept;

    void put_u8(unsigned value) noexcept;
    void put_u16(unsigned value) noexcept;
    void put_u32(std::uint32_t value) noexcept;
    void put(std::span<const std::byte> bytes) noexcept;
    /// A TPM2B: the size, in two bytes, and the bytes.
    void put_sized(std::span<const std::byte> bytes) noexcept;
    /// TPML_PCR_SELECTION with one bank.
    void put_selection(PcrSelection selection) noexcept;

    /// The whole command, its size filled in.
    [[nodiscard]] std::span<const std::byte> bytes() noexcept;

  private:
    std::array<std::byte, 1280> bytes_{};
    std::size_t size_ = 0;
};

/// Takes what the TPM sent off its front, big endian. Beyond the end there are zeros and empty bytes, and
/// `is_good()` is false from then on.
class RawReader {
  public:
    explicit RawReader(const std::span<const std::byte> rest) noexcept : rest_(rest) {}

    [[nodiscard]] bool is_good() const noexcept { return good_; }
    [[nodiscard]] bool is_at_end() const noexcept { return good_ && rest_.empty(); }

    std::span<const std::byte> take(std::size_t size) noexcept;
    /// A number of so many bytes.
    std::uint32_t number(std::size_t size) noexcept;
    /// The bytes of a TPM2B.
    std::span<const std::byte> sized() noexcept { return take(number(2)); }

  private:
    std::span<const std::byte> rest_;
    bool good_ = true;
};

[[nodiscard]] RawCommand pcr_read_command(PcrSelection selection) noexcept;
/// An unsalted, unbound policy session of SHA-256 without encryption: what the kernel's trusted keys can use.
[[nodiscard]] RawCommand start_policy_session_command(std::span<const std::byte, 16> nonce) noexcept;
/// With an empty digest: the present values.
[[nodiscard]] RawCommand policy_pcr_command(std::uint32_t session, PcrSelection selection) noexcept;
[[nodiscard]] RawCommand flush_context_command(std::uint32_t handle) noexcept;
/// TPM_CAP_HANDLES, from `first` on, one handle at the most.
[[nodiscard]] RawCommand get_handles_command(std::uint32_t first) noexcept;

/// PCR values of one bank; those that were not read are empty.
class RawPcrs {
  public:
    void set(unsigned pcr, std::span<const std::byte> value) noexcept;
    [[nodiscard]] std::span<const std::byte> value(unsigned pcr) const noexcept;

  private:
    struct Value {
        std::array<std::byte, 64> bytes{};
        std::uint8_t size = 0;
    };
    std::array<Value, pcr_count> values_{};
};

/// A TPM 2.0 behind a device node, /dev/tpm0 as a rule. Whatever does not succeed is an empty value: the
/// caller leaves it to somebody who can explain it.
class RawTpm {
  public:
    explicit RawTpm(UniqueFd device) noexcept : device_(std::move(device)) {}

    /// Nothing when there is none, or another process has it.
    [[nodiscard]] static std::optional<RawTpm> open(const char* node) noexcept;

    /// One command for up to eight PCRs, as long as the TPM gives more. Nothing when it does not keep one of
    /// them.
    [[nodiscard]] std::optional<RawPcrs> read_pcrs(PcrSelection selection) noexcept;

    /// The handle of a session that went through PolicyPCR. After a failure there is no session.
    [[nodiscard]] std::optional<std::uint32_t> start_pcr_session(PcrSelection selection) noexcept;

    /// A handle that the TPM does not know any more counts as flushed.
    bool flush(std::uint32_t handle) noexcept;

    /// Are there transient objects or loaded sessions, which others left? Also true when it does not say.
    [[nodiscard]] bool may_hold_leftovers() noexcept;

    /// What follows the header of a successful response, until the next command.
    [[nodiscard]] std::optional<std::span<const std::byte>> exchange(RawCommand& command) noexcept;
    [[nodiscard]] std::optional<std::span<const std::byte>> exchange(RawCommand&& command) noexcept {
        return exchange(command);
    }

  private:
    UniqueFd device_;
    std::array<std::byte, 4096> response_{};
    std::uint32_t code_ = 0; ///< of the last response
};

} // namespace sealmount
