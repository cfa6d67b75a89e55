// TpmUnderTest: a TPM under test, fake or swtpm, and what tests do to it behind the back of the Tpm
// interface.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "contract/swtpm.hpp"
#include "sys/tpm/tpm.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace sealmount::testing {

class TpmUnderTest {
  public:
    TpmUnderTest() = default;
    TpmUnderTest(const TpmUnderTest&) = delete;
    TpmUnderTest& operator=(const TpmUnderTest&) = delete;
    virtual ~TpmUnderTest() = default;
    virtual TpmOpener& opener() = 0;
    virtual void extend(unsigned pcr) = 0;
    virtual void disturb_sessions(unsigned count) = 0;
    virtual void clear() = 0;
    virtual void set_owner_password() = 0;
    virtual void evict_srk() = 0;
    virtual void lock_srk() = 0;
    virtual void disable_storage() = 0;
    virtual void leave_objects(unsigned count) = 0;
    virtual void lock_out() = 0;
    virtual void end_lockout() = 0;
    virtual std::size_t commands() = 0;
    virtual std::size_t sessions() = 0;
    virtual std::size_t transients() = 0;
    virtual std::size_t failed_tries() = 0;
    virtual SealedObject kernel_seal(std::string_view secret) = 0;
    virtual std::optional<Wire> kernel_unseal(const SealedObject& object, std::uint32_t session) = 0;
    virtual Wire trial_digest(PcrSelection selection) = 0;
    virtual bool crossed_wire(std::string_view text) = 0;
};

[[nodiscard]] std::unique_ptr<TpmUnderTest> fake_tpm_subject();
/// ESYS and tpm2-tss's own TCTI on swtpm.
[[nodiscard]] std::unique_ptr<TpmUnderTest> swtpm_subject();
/// ESYS and our TCTI for devices on swtpm.
[[nodiscard]] std::unique_ptr<TpmUnderTest> device_subject();

} // namespace sealmount::testing
