// The proof of an enrollment by the kernel: everything that a boot will do, up to the mount.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll_texts.hpp"
#include "core/master/master_form.hpp"

#include <expected>
#include <map>
#include <optional>
#include <string>

namespace sealmount {

/// Brings each master key into this process's own keyring once, in the form that a boot will use, and keeps
/// it there for the proofs to come. The context must outlive it.
class KernelProof {
  public:
    explicit KernelProof(const EnrollContext& context) : context_(context) {}

    /// Has the kernel load the texts and read them back. False where it has no encrypted keys, or uses
    /// another TPM. Throws Error when it refuses a text, or the master key does not come.
    [[nodiscard]] bool prove(const Volume& volume, const MasterFile& file, const KeyTexts& texts);

    /// Takes the master key out of the keyring.
    void forget(const std::string& master) { masters_.erase(master); }
    void forget_all() { masters_.clear(); }

  private:
    struct BroughtIn {
        KernelMaster key;
        bool is_fallback; ///< a user key where a trusted one was possible
    };

    [[nodiscard]] const KernelMaster& master_for(const Volume& volume, const MasterFile& file,
                                                 const KeyTexts& texts);
    [[nodiscard]] std::expected<KernelMaster, MasterRefusal> bring_in(const std::string& name,
                                                                      const UnsealRequest& request) const;

    const EnrollContext& context_;
    std::optional<std::expected<MasterForm, Refusal>> form_; ///< the kernel logs a line when it is asked
    std::map<std::string, BroughtIn> masters_;               ///< by name
};

} // namespace sealmount
