// Swtpm: a software TPM of one's own, with a tap on its wire.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"
#include "sys/tpm/tpm.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace sealmount::testing {

using Wire = std::vector<std::byte>;

/// TPM2_Clear, TPM2_PolicyPCR and so on (TPM 2.0 Part 2, 6.5.2), as far as tests send or count them.
enum class Command : std::uint32_t {
    evict_control = 0x120,
    hierarchy_control = 0x121,
    clear = 0x126,
    hierarchy_change_auth = 0x129,
    create_primary = 0x131,
    dictionary_attack_parameters = 0x13a,
    create = 0x153,
    load = 0x157,
    unseal = 0x15e,
    flush_context = 0x165,
    start_auth_session = 0x176,
    get_capability = 0x17a,
    pcr_read = 0x17e,
    policy_pcr = 0x17f,
    pcr_extend = 0x182,
    hash_sequence_start = 0x186,
    policy_get_digest = 0x189,
};

/// A response: its code and what follows the header.
struct Response {
    std::uint32_t code = 0;
    Wire body;
};

/// One swtpm process with a new TPM. It hangs on a socket pair, so it is ready at once and ends with us;
/// clients come through a socket of ours, where commands are counted and others slipped in between.
class Swtpm {
  public:
    /// Throws Error{unavailable} without a swtpm program, or when the TPM does not call itself swtpm.
    Swtpm();
    Swtpm(const Swtpm&) = delete;
    Swtpm& operator=(const Swtpm&) = delete;
    ~Swtpm();

    /// For tpm_at().
    [[nodiscard]] std::string tcti() const;
    /// A connection that behaves like a TPM device: whole commands in, whole responses out.
    [[nodiscard]] UniqueFd connect() const;
    /// Did these bytes cross the wire of a client, in either direction?
    [[nodiscard]] bool crossed(std::span<const std::byte> bytes);
    /// What clients sent so far, oldest first.
    [[nodiscard]] std::vector<std::uint32_t> commands_seen();
    /// PCR 10 is extended after each of the next `count` TPM2_PolicyPCR of clients.
    void disturb_sessions(unsigned count);

    // Commands past the clients.
    [[nodiscard]] Response send(Command command, std::span<const std::byte> body, bool with_session = false);
    void extend(unsigned pcr, std::string_view data);
    void clear();
    void set_owner_password(std::string_view password);
    /// TPM2_EvictControl of the storage root key.
    void evict_srk();
    /// TPM2_HierarchyControl until the next start.
    void disable_storage();
    /// The same storage root key again at its handle, with an authorization value.
    void lock_srk(std::string_view password);
    /// Leaves transient objects behind.
    void leave_objects(unsigned count);
    /// With no tries allowed, the TPM is in lockout.
    void allow_tries(unsigned count);
    /// TPM2_PolicyGetDigest of a trial session after TPM2_PolicyPCR.
    [[nodiscard]] Wire trial_digest(PcrSelection selection);
    /// TPM2_Create below the SRK as the kernel's "new 32 keyhandle=0x81000001" sends it.
    [[nodiscard]] SealedObject kernel_seal(std::string_view secret);
    /// The bytes that the kernel sends (security/keys/trusted-keys/trusted_tpm2.c): TPM2_Load and TPM2_Unseal
    /// with the given session. The response code when it fails.
    [[nodiscard]] std::expected<Wire, std::uint32_t> kernel_unseal(const SealedObject& object,
                                                                   std::uint32_t session);
    /// Handles of this kind (TPM_HT << 24) that exist in the TPM.
    [[nodiscard]] std::size_t handles(std::uint32_t kind);
    [[nodiscard]] std::uint32_t property(std::uint32_t number);

  private:
    void serve();
    [[nodiscard]] Wire exchange(std::span<const std::byte> command);
    [[nodiscard]] Wire exchange_locked(std::span<const std::byte> command);
    void answer_client(int client, bool& gone);

    /// Of its own, so that it goes also when the constructor throws.
    struct Directory {
        Directory();
        Directory(const Directory&) = delete;
        Directory& operator=(const Directory&) = delete;
        ~Directory();
        std::filesystem::path path;
    };

    Directory directory_;
    ::pid_t child_ = -1;
    UniqueFd upstream_;
    UniqueFd listener_;
    UniqueFd stop_;
    std::mutex mutex_; ///< over upstream_ and what follows
    std::vector<std::uint32_t> seen_;
    Wire traffic_;
    unsigned disturbances_ = 0;
    std::thread thread_;
};

} // namespace sealmount::testing
