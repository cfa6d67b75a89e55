// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/volume_json.hpp"
#include "base/strict_json.hpp"

#include "core/volume/unit_text.hpp"

#include <nlohmann/json.hpp>

namespace sealmount {

Json volume_json(const Volume& volume) {
    return {
        {"name", volume.name},
        {"lower", volume.lower},
        {"mountpoint", volume.mountpoint},
        {"signature", volume.signature},
        {"filename_signature", volume.filename_signature ? Json(*volume.filename_signature) : Json(nullptr)},
        {"cipher", volume.cipher},
        {"key_bytes", volume.key_bytes},
        {"master", volume.master},
        {"form", volume.form == FormChoice::trusted ? "trusted" : "auto"},
        {"nofail", volume.nofail},
        {"noauto", volume.noauto},
        {"headless", volume.headless},
        {"no_passphrase", volume.no_passphrase},
        {"mount_unit", mount_unit_name(volume.mountpoint)},
        {"unlock_unit", unlock_unit_name(volume)},
        {"load_unit", load_unit_name(volume)}};
}

} // namespace sealmount
