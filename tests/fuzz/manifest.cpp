// Fuzz target: any bytes as a manifest, and the units of every volume that it accepts. What must hold: no
// crash, only Error is thrown, and each unit has exactly its lines, whatever the strings.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/manifest.hpp"
#include "core/volume/unit_text.hpp"

#include <algorithm>
#include <cstdlib>

using namespace sealmount;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::ptrdiff_t lines(std::string_view text) {
    return std::ranges::count(text, '\n');
}

void look_at(const Volume& volume) {
    Volume plain = volume;
    plain.name = "vault";
    plain.lower = "/srv/.vault";
    plain.mountpoint = "/srv/vault";
    plain.options.clear();
    for (const MountPlace& place : all_mount_places()) {
        const std::string text = mount_unit(volume, place);
        require(lines(text) == lines(mount_unit(plain, place)));
        require(std::ranges::count(text, '\0') == 0 && text.find("\\\n") == std::string::npos);
    }
    const std::optional<std::string> drop_in = load_drop_in(volume, "");
    const std::optional<std::string> plain_drop_in = load_drop_in(plain, "");
    require(drop_in.has_value() == plain_drop_in.has_value());
    require(!drop_in || lines(*drop_in) == lines(*plain_drop_in));
    require(lines(automount_unit(volume, {})) == lines(automount_unit(plain, {})));
    try {
        require(mount_unit_name(volume.mountpoint).ends_with(".mount"));
    } catch (const Error&) { // longer than systemd allows
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        const Manifest manifest = read_manifest(text);
        for (const Volume& volume : manifest.volumes) {
            look_at(volume);
        }
        if (manifest.problems.empty() && !manifest.volumes.empty()) {
            const std::string shorter = manifest_without(text, manifest.volumes.front().name);
            const Manifest again = read_manifest(manifest_with(shorter, manifest.volumes.front()));
            require(again.problems.empty() && again.volumes.size() == manifest.volumes.size() &&
                    again.volumes.back() == manifest.volumes.front());
        }
    } catch (const Error&) { // refused, as it should be
    }
    return 0;
}
