// How the kernel gets a master key: as a *trusted* key, which it unseals itself and no program ever sees, or,
// where it has no trusted keys, as a *user* key that we unseal for it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/master_unlock.hpp"
#include "core/volume/manifest.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

enum class MasterForm { trusted, user };

/// "trusted" or "user", as the journal's field FORM= has it.
[[nodiscard]] std::string_view to_string(MasterForm form) noexcept;

/// The form that this kernel supports, found out by trying: trusted where it knows the type and its encrypted
/// keys take such a master (trusted keys as a module and encrypted keys built in do not go together).
/// key_type_absent when it has no encrypted keys. The kernel logs a line for it; so not for every
/// unlock.
[[nodiscard]] std::expected<MasterForm, Refusal> kernel_form(Keyring& keyring);

/// A master key in this process's own keyring, until the end of the scope. The files on disk are the same for
/// both forms.
class KernelMaster {
  public:
    /// For a trusted key that has been loaded as "trusted:NAME".
    [[nodiscard]] static KernelMaster trusted(Keyring& keyring, std::string name, unsigned slot);

    /// Loads the bytes as a user key under a name that nobody else has.
    [[nodiscard]] static KernelMaster user(Keyring& keyring, UnsealedMaster master);

    [[nodiscard]] MasterForm form() const { return bytes_ ? MasterForm::user : MasterForm::trusted; }
    [[nodiscard]] unsigned slot() const { return slot_; }

    /// From here on only texts that are bound to their names: the store's file is sealed.
    void demand_bound_texts(const bool demanded) { is_bound_demanded_ = demanded; }

    /// The text of a key file as the kernel takes it under this form of its master. Throws Error{bad_data}
    /// when it is not bound to its name, where that is demanded; and in the user form, when it was not made
    /// under this master key, or what is in it is not the key of that name.
    [[nodiscard]] std::string text_for(const std::string& signature, const std::string& text) const;

  private:
    KernelMaster(Keyring& keyring, std::string name, unsigned slot);

    std::unique_ptr<LoadedMaster> loaded_;
    std::string name_;
    unsigned slot_;
    std::optional<SecretBytes> bytes_; ///< with the user form
    bool is_bound_demanded_ = false;
};

/// Called when a trusted key was possible but did not come, and the user form is tried.
using FallbackObserver = std::function<void(const MasterRefusal&)>;

/// How long a TPM that the firmware announces may take to appear.
inline constexpr std::chrono::seconds tpm_appearance_limit{30};

/// Nothing when the TPM's device nodes are there. Waits for them, up to the limit, only where the firmware
/// announces a TPM: machines without one boot at once. A limit below the usual one: somebody has waited so
/// long before.
[[nodiscard]] std::optional<Refusal> wait_for_tpm(TpmOpener& tpm,
                                                  std::chrono::seconds limit = tpm_appearance_limit);

/// Brings the master key `name` into the kernel in the best form that kernel, TPM and `choice` allow. The
/// user form is also tried when the trusted one fails for a reason that lies in the way and not in the TPM's
/// state: raw device busy, no room, an unseal that the kernel cannot explain.
[[nodiscard]] std::expected<KernelMaster, MasterRefusal>
bring_in_master(const Machine& machine, const std::string& name, const UnsealRequest& request,
                FormChoice choice, const FallbackObserver& falls_back);

/// The same in the user form.
[[nodiscard]] std::expected<KernelMaster, MasterRefusal> bring_in_user_master(const Machine& machine,
                                                                              const UnsealRequest& request);

} // namespace sealmount
