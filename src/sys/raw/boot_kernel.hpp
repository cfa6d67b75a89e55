// BootKernel: what an unattended unlock asks of TPM and kernel. Two real forms, one for each form of a master
// key: trusted_kernel.hpp and core/unlock/plain_user_kernel.hpp; a fake in tests.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/raw/raw_tpm.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sealmount {

/// Does this form of a master key work here?
enum class BootForm {
    possible,
    other,   ///< the kernel takes the other form only
    unknown, ///< it answers in a way that must be explained
};

/// A master key as it is sealed. Refers to what its file says.
struct BootSeal {
    std::string_view master;           ///< its name
    std::string_view srk_name;         ///< of the key that it is sealed under, in lower-case hex
    std::span<const std::byte> sealed; ///< TPMKey in DER
    PcrSelection selection;            ///< whose present values release it
};

/// Every answer that is not the usual one is an empty value or false: the unlock then begins again, in a
/// program that can explain it.
class BootKernel {
  public:
    BootKernel() = default;
    BootKernel(const BootKernel&) = delete;
    BootKernel& operator=(const BootKernel&) = delete;
    virtual ~BootKernel() = default;

    /// "trusted" or "user", as notes and journal have it.
    [[nodiscard]] virtual std::string_view form() const = 0;
    /// Asks the kernel, not the TPM.
    [[nodiscard]] virtual BootForm try_form() = 0;

    /// Is there a key of this type in root's user keyring?
    [[nodiscard]] virtual std::optional<bool> has_key(const char* type, std::string_view description) = 0;

    /// Opens the TPM, if it is not open, and reads.
    [[nodiscard]] virtual std::optional<RawPcrs> read_pcrs(PcrSelection selection) = 0;

    /// Brings the master key in and closes the TPM, in which nothing stays. read_pcrs() has opened it.
    [[nodiscard]] virtual bool bring_in(const BootSeal& seal) = 0;

    /// Is the text of a proof (core/ecryptfs/encrypted_key.hpp, compose_proof()) authentic under the master
    /// key that was brought in? The TPM is not asked.
    [[nodiscard]] virtual bool prove(std::string_view seal) = 0;

    /// Loads an encrypted key from its text, protected as in sys/raw/raw_keyring.hpp.
    [[nodiscard]] virtual bool load(std::string_view signature, std::string_view text) = 0;
    /// Takes it out again; one that is not there is no failure.
    virtual bool unload(std::string_view signature) = 0;

    /// Wipes the master key, if it is in this process: another program takes its place.
    virtual void forget() {}
};

} // namespace sealmount
