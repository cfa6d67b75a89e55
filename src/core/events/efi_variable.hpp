// EFI variables as they are measured, and the signature lists in those of Secure Boot.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/text.hpp"
#include "sys/crypto/crypto.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// An EFI_GUID as it is in memory: the first three fields little-endian (UEFI 2.10, appendix A).
using Guid = std::array<std::byte, 16>;

/// "8be4df61-93ca-11d2-aa0d-00e098032b8c".
[[nodiscard]] std::string to_string(const Guid& guid);
/// `text` must have that form.
[[nodiscard]] Guid guid_of(std::string_view text);

/// EFI_IMAGE_SECURITY_DATABASE_GUID, of db, dbx, dbt and dbr (UEFI 2.10, 32.6.1).
[[nodiscard]] Guid image_security_database();

/// UEFI_VARIABLE_DATA (TCG PC Client Platform Firmware Profile 1.05, 10.2.6): what is hashed and logged of a
/// variable.
struct VariableData {
    Guid guid{};
    Bytes name; ///< UTF-16LE without a NUL
    Bytes contents;

    [[nodiscard]] std::string name_text() const { return utf8(name); }
};

/// Nothing when the bytes are not such a structure; bytes behind it are ignored.
[[nodiscard]] std::optional<VariableData> variable_data_of(BytesView bytes);
[[nodiscard]] Bytes to_bytes(const VariableData& variable);

/// One entry of an EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1).
struct Signature {
    Guid type{}; ///< of the list: certificate, hash of one kind, ...
    Guid owner{};
    Bytes data;

    [[nodiscard]] bool is_certificate() const; ///< EFI_CERT_X509_GUID: `data` is its DER
    /// EFI_SIGNATURE_DATA: owner and data, as an authority is measured.
    [[nodiscard]] Bytes measured_form() const;
};

/// The entries of the signature lists that fill `bytes`; nothing when the bytes are not such
/// lists. An empty range has no entries.
[[nodiscard]] std::optional<std::vector<Signature>> signatures_of(BytesView bytes);

} // namespace sealmount
