// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/strict_json.hpp"
#include "core/reproduction/grub_proof.hpp"
#include "sys/files/files.hpp"
#include "sys/files/mount_table.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace sealmount {

namespace {

std::string name_of_boot(const Paths& paths) {
    std::string name = read_proc_file(paths.below_root("/proc/sys/kernel/random/boot_id")).value_or("");
    name.resize(name.find_last_not_of('\n') + 1);
    return name;
}

} // namespace

std::string to_record(const GrubProof& proof, const std::string_view boot) {
    Json json = {{"boot", boot},
                 {"version", SEALMOUNT_VERSION},
                 {"pcrs", Json::array()},
                 {"disks", Json::array()},
                 {"setup_supported", proof.setup_supported},
                 {"signers", proof.signers}};
    for (const auto& [pcr, difference] : proof.differences) {
        json["pcrs"].push_back({{"pcr", pcr}, {"difference", difference}});
    }
    for (const auto& [name, disk] : proof.disks) {
        json["disks"].push_back({{"name", name}, {"disk", disk}});
    }
    if (proof.graphics) {
        json["graphics"] = *proof.graphics;
    }
    return json.dump(2) + "\n";
}

std::optional<GrubProof> from_record(const std::string_view text, const std::string_view boot) {
    try {
        const Json json = parse_json(text);
        ObjectReader reader{json, ""};
        const bool is_ours = reader.string("boot") == boot && reader.string("version") == SEALMOUNT_VERSION;
        if (!is_ours || boot.empty()) {
            return std::nullopt;
        }
        GrubProof proof;
        for (const Json& entry : reader.array("pcrs")) {
            ObjectReader pcr{entry, "pcrs"};
            const std::int64_t number = pcr.integer("pcr");
            proof.differences[number >= 0 && number < std::int64_t{pcr_count} ? static_cast<unsigned>(number)
                                                                              : pcr_count] =
                pcr.string("difference");
            pcr.finish();
        }
        for (const Json& entry : reader.array("disks")) {
            ObjectReader disk{entry, "disks"};
            const std::string name = disk.string("name");
            proof.disks[name] = disk.string("disk");
            disk.finish();
        }
        proof.setup_supported = reader.optional_boolean("setup_supported").value_or(true);
        proof.signers = reader.string("signers");
        proof.graphics = reader.optional_boolean("graphics");
        reader.finish();
        return proof;
    } catch (const Error&) {
        return std::nullopt; // then this boot is computed again
    }
}

std::optional<GrubProof> recorded_proof(const Paths& paths) {
    const auto text = read_trusted_file_if_exists(paths.runtime() / "grub.json");
    return text ? from_record(*text, name_of_boot(paths)) : std::nullopt;
}

void record_proof(const Paths& paths, const GrubProof& proof) {
    const std::string boot = name_of_boot(paths);
    if (boot.empty()) {
        return;
    }
    constexpr mode_t mode = 0600;
    make_directory(paths.runtime(), Paths::runtime_mode);
    write_file_atomically(paths.runtime() / "grub.json", to_record(proof, boot), mode);
}

} // namespace sealmount
