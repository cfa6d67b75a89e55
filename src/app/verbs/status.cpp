// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/status.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/output/volume_json.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/unlock/event_differences.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

Json to_json(const VolumeStatus& status) {
    Json json = volume_json(status.volume);
    json["mounted"] = status.mounted;
    json["mounted_by_others"] = status.mounted_by_others;
    json["keys_loaded"] = status.keys_loaded;
    json["unlocked_by"] = status.unlocked_by.empty() ? Json(nullptr) : Json(status.unlocked_by);
    json["problems"] = with_hints(status.problems);
    json["warnings"] = with_hints(status.warnings);
    json["remarks"] = status.remarks;
    return json;
}

Json to_json(const MasterStatus& status) {
    Json json = {{"name", status.name},
                 {"opens_now", status.opens_now()},
                 {"fitting_slots", status.fitting_slots},
                 {"recovery_slots", status.recovery_slots},
                 {"weaknesses", status.weaknesses}};
    if (!status.opens_now()) {
        json["reason"] = describe(status.refusal.kind);
        json["detail"] = status.refusal.detail;
    }
    json["mismatches"] = Json::array();
    json["reasons"] = Json::array();
    for (const SlotRefusal& slot : status.refusal.slots) {
        for (const PcrMismatch& mismatch : slot.mismatches) {
            json["mismatches"].push_back({{"slot", slot.slot},
                                          {"bank", to_string(mismatch.bank)},
                                          {"pcr", mismatch.pcr},
                                          {"expected", mismatch.expected},
                                          {"found", mismatch.found}});
        }
    }
    for (const SlotRefusal& slot : status.refusal.slots) {
        for (const Problem& reason : slot.reasons) {
            json["reasons"].push_back({{"slot", slot.slot}, {"words", with_hint(reason)}});
        }
    }
    return json;
}

/// " (by the TPM, trusted key)"
std::string unlocked_by(const VolumeStatus& status) {
    const std::string& who = status.unlocked_by;
    if (who.empty()) {
        return "";
    }
    if (who == "trusted" || who == "user") {
        return formatted(" (by the TPM, {} key)", who);
    }
    return formatted(" (by {})", who == "recovery-key" ? "the recovery key" : who);
}

const char* mount_state(const VolumeStatus& status) {
    if (!status.mounted) {
        return "not mounted";
    }
    return status.mounted_by_others ? "mounted, not by us" : "mounted";
}

void print_volume(const VolumeStatus& status) {
    const Volume& volume = status.volume;
    print("{}: {}, keys {}{}\n  {} on {}\n", volume.name, mount_state(status),
          status.keys_loaded ? "loaded" : "not loaded", status.keys_loaded ? unlocked_by(status) : "",
          volume.lower, volume.mountpoint);
    for (const std::string& remark : status.remarks) {
        print("  {}\n", remark);
    }
    for (const std::string& problem : with_hints(status.problems)) {
        print("  problem: {}\n", problem);
    }
    for (const std::string& warning : with_hints(status.warnings)) {
        print("  WARNING: {}\n", warning);
    }
}

void print_master(const MasterStatus& status, const Paths& paths) {
    if (status.opens_now()) {
        print("master key {}: the TPM would release it now (slot {})\n", status.name,
              status.fitting_slots.front());
        return;
    }
    print("master key {}: the TPM would not release it now\n", status.name);
    for (const std::string& line :
         explain(status.refusal, status.name, differing_events(status.refusal, paths))) {
        print("  {}\n", line);
    }
}

Json to_json(const Status& status) {
    Json json = {{"volumes", Json::array()}, {"masters", Json::array()}, {"problems", Json::array()}};
    for (const VolumeStatus& volume : status.volumes) {
        json["volumes"].push_back(to_json(volume));
    }
    for (const MasterStatus& master : status.masters) {
        json["masters"].push_back(to_json(master));
    }
    for (const Error& problem : status.problems) {
        json["problems"].push_back(with_hint(problem));
    }
    return json;
}

void print_status(const Status& status, const Paths& paths) {
    for (const VolumeStatus& volume : status.volumes) {
        print_volume(volume);
    }
    for (const MasterStatus& master : status.masters) {
        print_master(master, paths);
        for (const std::string& weakness : master.weaknesses) {
            print("  WARNING: {}\n", weakness);
        }
    }
    for (const Error& problem : status.problems) {
        print("problem: {}: {}\n", paths.manifest().native(), with_hint(problem));
    }
}

int run_status(const std::string& name, const Globals& globals, const Machine& machine) {
    const Store store{globals.paths()};
    const MachineFacts facts;
    const Status status = status_of(store, machine, name.empty() ? std::nullopt : std::optional{name},
                                    globals.paths().is_running_system() ? &facts : nullptr);
    if (globals.json) {
        print_json(to_json(status));
    } else {
        print_status(status, globals.paths());
    }
    return status.is_well() ? 0 : exit_code(Reason::config);
}

} // namespace

Run declare_status(Arguments& verb) {
    const auto name = std::make_shared<std::string>();
    verb.argument("NAME", *name, "one volume only");
    return [name](const Globals& globals, const Machine& machine) {
        return run_status(*name, globals, machine);
    };
}

} // namespace sealmount
