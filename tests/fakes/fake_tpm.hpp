// FakeTpm: a TPM in memory, with state, as far as the project asks one.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "fakes/fault.hpp"
#include "sys/tpm/tpm.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace sealmount::testing {

/// The chip. What it seals opens only while its identity lasts and its PCRs satisfy the policy. It has the
/// SHA-256 bank; PCRs 17 to 22 start as ones, the others as zeros. Must outlive its openers and connections.
class FakeTpm {
  public:
    FakeTpm();

    // What tests do to it.
    void extend(unsigned pcr, std::string_view data);
    /// A power cycle: PCRs as after start-up, no session; what is persistent stays.
    void reboot();
    /// TPM2_Clear: another identity, no storage root key.
    void clear();
    void make_srk();
    /// Another program takes the storage root key from its handle. It can be made again.
    void evict_srk() { has_srk_ = false; }
    /// Another program has made it again, with an authorization value; or it is as it was.
    void lock_srk(const bool locked) { srk_locked_ = locked; }
    void disable_storage(const bool disabled) { storage_disabled_ = disabled; }
    void lock_out(const bool locked) { locked_out_ = locked; }
    /// Others left this many objects in its three slots.
    void leave_objects(const unsigned count) { leftovers_ = count; }
    void set_owner_password(const bool has) { owner_password_ = has; }
    /// This much time has passed since it was switched on.
    void pass(const std::chrono::milliseconds time) { clock_.time += time; }
    /// Suspend and resume.
    void suspend() { ++clock_.restart_count; }
    /// What an NV index of systemd-pcrlock holds.
    void write_nv(const std::uint32_t index, const PolicyDigest& digest) { nv_[index] = digest; }
    /// PCR 10 is extended right after the policy of each of the next `count` sessions was made.
    void disturb_sessions(const unsigned count) { disturbances_ = count; }
    /// Somebody between the TPM and us shows a storage root key of his own, after so many true answers.
    void interpose_after(const unsigned true_answers) { true_answers_ = true_answers; }
    void end_interposing() { true_answers_ = always_true; }
    /// How often that was noticed before anything was sent under it.
    [[nodiscard]] unsigned foreign_keys() const { return foreign_keys_; }
    /// The n+1-th command fails: tpm_failed where a refusal can be returned, else Error{unavailable}.
    void fail_after(const unsigned commands) { fault_.after(commands); }
    [[nodiscard]] const Fault& fault() const { return fault_; }

    // What tests ask it.
    [[nodiscard]] bool has_srk() const { return has_srk_; }
    [[nodiscard]] std::size_t open_sessions() const { return sessions_.size(); }
    [[nodiscard]] unsigned commands() const { return commands_; }
    /// The policies of all that was sealed so far, in order.
    [[nodiscard]] const std::vector<PolicyDigest>& seals() const { return seals_; }
    [[nodiscard]] unsigned failed_tries() const { return failed_tries_; }
    void forgive() { failed_tries_ = 0; }
    [[nodiscard]] unsigned leftovers() const { return leftovers_; }
    [[nodiscard]] bool held_raw() const { return held_raw_; }

    // What the fakes do with it.
    /// TPM2_Create as the kernel's "new 32 keyhandle=" sends it: no policy, the empty authorization value.
    [[nodiscard]] SealedObject kernel_seal(std::string_view secret);
    /// The kernel's unseal through a session that userspace made: the bytes, or the refusal that the
    /// kernel would report as EPERM. A session that opened the object is gone afterwards.
    [[nodiscard]] std::expected<std::vector<std::byte>, Refusal>
    kernel_unseal(const SealedObject& object, std::uint32_t session, const SecretBytes* pin = nullptr);

  private:
    friend class FakeConnection;
    friend class FakeSession;
    friend class FakeTpmOpener;

    struct Session {
        PolicyDigest digest{};
        std::uint32_t counter = 0;
        bool wants_pin = false;
    };
    struct Sealed {
        PolicyDigest policy{};
        std::vector<std::byte> secret;
        std::vector<std::byte> pin;
        bool without_policy = false;
    };
    class Follower;

    [[nodiscard]] SealedObject new_object(const PolicyDigest& policy, bool has_pin);
    /// Counts a command; throws when it is the one to fail.
    void command();
    /// The same for functions that can refuse.
    [[nodiscard]] std::optional<Refusal> refused_command();
    /// The same for commands that use a key, which a lockout stops.
    [[nodiscard]] std::optional<Refusal> refused_use();
    [[nodiscard]] PcrValues values(PcrSelection selection) const;
    [[nodiscard]] TpmName name() const;
    [[nodiscard]] static TpmName foreign_name();
    [[nodiscard]] std::expected<Session, Refusal> make_session(const PolicySteps& steps);
    [[nodiscard]] std::expected<const Sealed*, Refusal> find(const SealedObject& object) const;
    /// Is there a key at its handle that the TPM shows?
    [[nodiscard]] bool shows_srk() const { return has_srk_ && !storage_disabled_; }
    [[nodiscard]] std::optional<Refusal> check(const Session& session, const Sealed& sealed,
                                               const SecretBytes* pin);
    void start_pcrs();

    std::map<unsigned, std::vector<std::byte>> pcrs_;
    std::uint32_t counter_ = 0;
    TpmClock clock_{.time = std::chrono::seconds{10}, .reset_count = 1, .restart_count = 0};
    std::map<std::uint32_t, PolicyDigest> nv_;
    unsigned identity_ = 1;
    bool has_srk_ = false;
    bool srk_locked_ = false;
    bool storage_disabled_ = false;
    bool locked_out_ = false;
    bool owner_password_ = false;
    bool held_raw_ = false;
    static constexpr unsigned always_true = ~0U;
    unsigned true_answers_ = always_true;
    unsigned foreign_keys_ = 0;
    unsigned disturbances_ = 0;
    unsigned leftovers_ = 0;
    unsigned commands_ = 0;
    unsigned failed_tries_ = 0;
    std::uint32_t next_session_ = 0x03000000;
    std::uint32_t sealed_count_ = 0;
    std::vector<PolicyDigest> seals_;
    std::map<std::uint32_t, Session> sessions_;
    std::map<std::vector<std::byte>, Sealed> sealed_; ///< by both areas, so that a damaged one is not found
    Fault fault_;
};

/// Opens a FakeTpm. Raw access is exclusive, as /dev/tpm0 is.
class FakeTpmOpener final : public TpmOpener {
  public:
    explicit FakeTpmOpener(FakeTpm& chip) : chip_(chip) {}

    void set_absent(const bool absent) { absent_ = absent; }
    /// The firmware reports a TPM that is absent; it appears while somebody waits, or never.
    void announce(const bool appears) {
        absent_ = true;
        announced_ = true;
        appears_ = appears;
    }
    [[nodiscard]] std::chrono::milliseconds waited() const { return waited_; }
    void set_kernel_needs_room(const bool needs) { kernel_needs_room_ = needs; }
    void set_holders(std::vector<std::string> holders) { holders_ = std::move(holders); }
    /// The next `times` tries find the raw device taken.
    void set_busy(const unsigned times) { busy_ = times; }
    [[nodiscard]] unsigned opened() const { return opened_; }

    std::expected<std::unique_ptr<Tpm>, Refusal> open(TpmAccess access) override;
    bool is_announced() override { return announced_; }
    bool wait_for_device(std::chrono::milliseconds limit) override;
    bool kernel_needs_room() override { return kernel_needs_room_; }
    std::vector<std::string> holders() override { return holders_; }

  private:
    FakeTpm& chip_;
    bool absent_ = false;
    bool announced_ = false;
    bool kernel_needs_room_ = false;
    bool appears_ = false;
    std::chrono::milliseconds waited_{0};
    std::vector<std::string> holders_;
    unsigned busy_ = 0;
    unsigned opened_ = 0;
};

} // namespace sealmount::testing
