// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/status.hpp"
#include "app/options/this_machine.hpp"
#include "app/options/verbs.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/volume_json.hpp"
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
    json["keys_loaded"] = status.keys_loaded;
    json["unlocked_by"] = status.unlocked_by.empty() ? Json(nullptr) : Json(status.unlocked_by);
    json["problems"] = with_hints(status.problems);
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

void print(const VolumeStatus& status) {
    const Volume& volume = status.volume;
    const auto how = !status.keys_loaded || status.unlocked_by.empty() ? std::string{}
                     : status.unlocked_by == "trusted" || status.unlocked_by == "user"
                         ? " (by the TPM, " + status.unlocked_by + " key)"
                     : status.unlocked_by == "recovery-key" ? std::string{" (by the recovery key)"}
                                                            : " (by " + status.unlocked_by + ")";
    std::printf("%s: %s, keys %s%s\n  %s on %s\n", volume.name.c_str(),
                status.mounted ? "mounted" : "not mounted", status.keys_loaded ? "loaded" : "not loaded",
                how.c_str(), volume.lower.c_str(), volume.mountpoint.c_str());
    for (const std::string& problem : with_hints(status.problems)) {
        std::printf("  problem: %s\n", problem.c_str());
    }
}

void print(const MasterStatus& status, const Paths& paths) {
    if (status.opens_now()) {
        std::printf("master key %s: the TPM would release it now (slot %u)\n", status.name.c_str(),
                    status.fitting_slots.front());
        return;
    }
    std::printf("master key %s: the TPM would not release it now\n", status.name.c_str());
    for (const std::string& line :
         explain(status.refusal, status.name, differing_events(status.refusal, paths))) {
        std::printf("  %s\n", line.c_str());
    }
}

int run_status(const std::string& name, const Globals& globals) {
    const Store store{globals.paths()};
    const ThisMachine this_machine{globals};
    const Status status =
        status_of(store, this_machine.machine(), name.empty() ? std::nullopt : std::optional{name});
    if (globals.json) {
        Json json = {{"volumes", Json::array()}, {"masters", Json::array()}, {"problems", Json::array()}};
        for (const VolumeStatus& volume : status.volumes) {
            json["volumes"].push_back(to_json(volume));
        }
        for (const MasterStatus& master : status.masters) {
            json["masters"].push_back(to_json(master));
        }
        for (const Error& problem : status.problems) {
            json["problems"].push_back(problem.what());
        }
        std::printf("%s\n", json.dump(2).c_str());
    } else {
        std::ranges::for_each(status.volumes, [](const VolumeStatus& volume) { print(volume); });
        for (const MasterStatus& master : status.masters) {
            print(master, globals.paths());
            for (const std::string& weakness : master.weaknesses) {
                std::printf("  WARNING: %s\n", weakness.c_str());
            }
        }
        for (const Error& problem : status.problems) {
            std::printf("problem: %s: %s\n", store.paths().manifest().c_str(), problem.what());
        }
    }
    return status.is_well() ? 0 : exit_code(Reason::config);
}

} // namespace

Run declare_status(CLI::App& verb, const Globals& globals) {
    const auto name = std::make_shared<std::string>();
    verb.add_option("NAME", *name, "one volume only");
    return [name, &globals] { return run_status(*name, globals); };
}

} // namespace sealmount
