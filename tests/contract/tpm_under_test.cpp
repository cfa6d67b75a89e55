// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "contract/tpm_under_test.hpp"
#include "core/policy/pcr_policy.hpp"

#include "fakes/fake_tpm.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/esys_connection.hpp"
#include "sys/tpm/esys_tpm.hpp"

namespace sealmount::testing {

namespace {

class FakeSubject final : public TpmUnderTest {
  public:
    TpmOpener& opener() override { return opener_; }
    void extend(const unsigned pcr) override { chip_.extend(pcr, "data"); }
    void disturb_sessions(const unsigned count) override { chip_.disturb_sessions(count); }
    void clear() override { chip_.clear(); }
    void set_owner_password() override { chip_.set_owner_password(true); }
    void evict_srk() override { chip_.evict_srk(); }
    void lock_srk() override { chip_.lock_srk(true); }
    void disable_storage() override { chip_.disable_storage(true); }
    void leave_objects(const unsigned count) override { chip_.leave_objects(count); }
    void lock_out() override { chip_.lock_out(true); }
    void end_lockout() override { chip_.lock_out(false); }
    std::size_t commands() override { return chip_.commands(); }
    std::size_t sessions() override { return chip_.open_sessions(); }
    std::size_t transients() override { return chip_.leftovers(); }
    std::size_t failed_tries() override { return chip_.failed_tries(); }
    SealedObject kernel_seal(const std::string_view secret) override { return chip_.kernel_seal(secret); }
    std::optional<Wire> kernel_unseal(const SealedObject& object, const std::uint32_t session) override {
        auto secret = chip_.kernel_unseal(object, session);
        return secret ? std::optional{std::move(*secret)} : std::nullopt;
    }
    Wire trial_digest(const PcrSelection selection) override {
        const auto reading = opener_.open(TpmAccess::managed).value()->read_pcrs(selection);
        const auto digest = policy_digest({.bank = selection.bank, .values = reading.values});
        return {digest.begin(), digest.end()};
    }
    bool crossed_wire(std::string_view /*text*/) override { return false; }

  private:
    FakeTpm chip_;
    FakeTpmOpener opener_{chip_};
};

/// ESYS over our own TCTI for devices.
class DeviceLikeOpener final : public TpmOpener {
  public:
    explicit DeviceLikeOpener(const Swtpm& swtpm) : swtpm_(swtpm) {}
    std::expected<std::unique_ptr<Tpm>, Refusal> open(TpmAccess /*access*/) override {
        return esys_tpm(device_tcti(swtpm_.connect()));
    }
    bool is_announced() override { return false; }
    bool wait_for_device(std::chrono::milliseconds /*limit*/) override { return false; }
    bool kernel_needs_room() override { return false; }
    std::vector<std::string> holders() override { return {}; }

  private:
    const Swtpm& swtpm_;
};

class SwtpmSubject final : public TpmUnderTest {
  public:
    explicit SwtpmSubject(const bool like_device) {
        if (like_device) {
            opener_ = std::make_unique<DeviceLikeOpener>(swtpm_);
        }
    }

    TpmOpener& opener() override { return *opener_; }
    void extend(const unsigned pcr) override { swtpm_.extend(pcr, "data"); }
    void disturb_sessions(const unsigned count) override { swtpm_.disturb_sessions(count); }
    void clear() override { swtpm_.clear(); }
    void set_owner_password() override { swtpm_.set_owner_password("owner"); }
    void evict_srk() override { swtpm_.evict_srk(); }
    void lock_srk() override { swtpm_.lock_srk("somebody's"); }
    void disable_storage() override { swtpm_.disable_storage(); }
    void leave_objects(const unsigned count) override { swtpm_.leave_objects(count); }
    void lock_out() override { swtpm_.allow_tries(0); }
    void end_lockout() override { swtpm_.allow_tries(3); }
    std::size_t commands() override { return swtpm_.commands_seen().size(); }
    std::size_t sessions() override { return swtpm_.handles(0x02000000) + swtpm_.handles(0x03000000); }
    std::size_t transients() override { return swtpm_.handles(0x80000000); }
    std::size_t failed_tries() override { return swtpm_.property(0x20e); }
    SealedObject kernel_seal(const std::string_view secret) override { return swtpm_.kernel_seal(secret); }
    std::optional<Wire> kernel_unseal(const SealedObject& object, const std::uint32_t session) override {
        auto secret = swtpm_.kernel_unseal(object, session);
        return secret ? std::optional{std::move(*secret)} : std::nullopt;
    }
    Wire trial_digest(const PcrSelection selection) override { return swtpm_.trial_digest(selection); }
    bool crossed_wire(const std::string_view text) override { return swtpm_.crossed(as_bytes(text)); }

  private:
    Swtpm swtpm_;
    std::unique_ptr<TpmOpener> opener_ = tpm_at(swtpm_.tcti());
};

} // namespace

std::unique_ptr<TpmUnderTest> fake_tpm_subject() {
    return std::make_unique<FakeSubject>();
}

std::unique_ptr<TpmUnderTest> swtpm_subject() {
    return std::make_unique<SwtpmSubject>(false);
}

std::unique_ptr<TpmUnderTest> device_subject() {
    return std::make_unique<SwtpmSubject>(true);
}

} // namespace sealmount::testing
