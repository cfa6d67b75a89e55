// The manifest: the volumes, as people write them in /etc/sealmount/manifest.json (sealmount-manifest(5),
// config/manifest.schema.json).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/error.hpp"
#include "sys/files/ground_record.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Which forms of the master key a volume may be opened with (core/master/master_form.hpp).
enum class FormChoice {
    any, ///< "auto": a trusted key where the kernel has it and the TPM's raw device is free, else a user key
    trusted, ///< never a user key, which root can read for the moment of the load
};

/// One eCryptfs mount. Every value has passed the checks of read_manifest().
struct Volume {
    std::string name;       ///< [a-z0-9][a-z0-9._-]{0,63}; the instance name of its unit
    std::string lower;      ///< absolute and clean
    std::string mountpoint; ///< absolute and clean
    std::string signature;  ///< 16 lower-case hex digits
    std::optional<std::string> filename_signature;
    std::string cipher = "aes";
    unsigned key_bytes = 0;
    std::string filename_cipher = "aes"; ///< as `cipher` unless given
    unsigned filename_key_bytes = 0;     ///< as `key_bytes` unless given
    std::optional<std::string>
        salt; ///< the passphrase's, where it is not the usual one: 16 lower-case hex digits
    std::string master = "default";
    FormChoice form = FormChoice::any;
    std::vector<std::string> options; ///< further mount options
    bool nofail = true;
    bool noauto = false;
    bool headless = false;
    bool no_passphrase = false; ///< none makes its keys: only a recovery key helps when the TPM does not
    bool keep_keys = false;     ///< a stop leaves the keys, which only a mount can use, in the kernel
    bool rebind_after_recovery =
        false; ///< a passphrase at boot also binds the master key to the present state
    std::chrono::seconds timeout{90};
    std::vector<std::string> required_by; ///< units that start only with the volume, and after it
    std::vector<std::string> before;      ///< units that start after it, with or without it
    std::vector<std::string> needs;       ///< "requires": units that it starts only with, and after
    bool automount = false;               ///< mounted when somebody looks
    std::optional<std::chrono::seconds> idle_timeout; ///< and unmounted when nobody did for so long
    std::optional<Ground> ground;                     ///< what the lower directory was when it was recorded

    bool operator==(const Volume&) const = default;

    /// The signature, and the filename key's where it is another one.
    [[nodiscard]] std::vector<std::string> signatures() const;
};

/// What reading a manifest gave: one bad volume costs only that volume.
struct Manifest {
    std::vector<Volume> volumes;
    std::vector<Error>
        problems; ///< one for each volume that was left out, with its place: "volumes[2].cipher: ..."

    /// The volume, or nullptr.
    [[nodiscard]] const Volume* find(std::string_view name) const;
};

/// Reads a manifest's text. Throws Error{config} when the document as a whole is unusable (not JSON, unknown
/// version or top-level member); problems of single volumes are collected: unknown member, wrong type,
/// duplicate name or mount point (the first keeps it), relative or unclean path, bad signature, a pair of
/// cipher and key size that eCryptfs does not have, an option that belongs to sealmount or would break the
/// list of options, a name that no unit can have, an order of units that is a circle
/// (core/volume/order_circles.hpp). The time it takes is linear: a volume that says nothing
/// unusual is read as it stands (core/volume/plain_volume.hpp).
[[nodiscard]] Manifest read_manifest(std::string_view text);

/// The text of a manifest with the volume added behind the others, or without it; everything else in `text`
/// keeps its order. With `grounds`, by name, those of volumes that are in it then become these; throws
/// Error{no_input} where one is not. `text` may be empty: a new manifest. Throws like read_manifest(), and
/// also when a single volume is bad, so that a machine never rewrites what it does not understand.
[[nodiscard]] std::string manifest_with(std::string_view text, const Volume& volume);
[[nodiscard]] std::string manifest_with(std::string_view text, const std::vector<Volume>& added,
                                        const std::map<std::string, Ground>& grounds = {});
[[nodiscard]] std::string manifest_without(std::string_view text, std::string_view name);
/// The same text with another ground for the volume, which is in it.
[[nodiscard]] std::string manifest_with_ground(std::string_view text, std::string_view name,
                                               const Ground& ground);

} // namespace sealmount
