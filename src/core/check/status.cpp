// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/status.hpp"

#include "base/format.hpp"
#include "core/check/check_volume.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/obstacle.hpp"
#include "core/unlock/unlock_load.hpp"
#include "core/volume/unit_text.hpp"
#include "core/volume/volume_ground.hpp"
#include "core/volume/volume_units.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sealmount {

namespace {

/// What a check would call bad or in the way, of what shows without the master key.
std::vector<Problem> problems_with(const Store& store, Keyring& keyring, const Volume& volume) {
    std::vector<Problem> problems;
    for (const std::string& signature : volume.signatures()) {
        if (auto problem = problem_with_key_file(store, volume, signature, nullptr)) {
            problems.push_back(std::move(*problem));
        }
    }
    for (Problem& problem : problems_with_user_keys(keyring, volume)) {
        problems.push_back(std::move(problem));
    }
    return problems;
}

/// Fills in the slots that would open now; or why none would.
void look_at_tpm(const Store& store, const Machine& machine, const MasterFile& master, MasterStatus& status) {
    const auto tpm = open_tpm(machine.tpm, TpmAccess::managed, machine.backoff);
    if (!tpm) {
        status.refusal = refusal_without_slots(tpm.error());
        return;
    }
    auto problem = problem_with_srk(**tpm, master);
    const bool is_evicted = problem && problem->kind == RefusalKind::srk_missing;
    if (problem && !(is_evicted && (*tpm)->use_primary(master.srk_name))) {
        status.refusal = refusal_without_slots(std::move(*problem));
        return;
    }
    SlotChoice choice = choose_slots(**tpm, {.file = master, .files = store.policy_files()});
    for (const FittingSlot& fitting : choice.fitting) {
        status.fitting_slots.push_back(fitting.slot->id);
    }
    status.refusal = {.slots = std::move(choice.refused)};
}

MasterStatus master_status(const Store& store, const Machine& machine, const std::string& name) {
    MasterStatus status{.name = name};
    try {
        const MasterFile master = store.master(name);
        for (const Slot& slot : master.slots) {
            if (const std::string weakness = weakness_of(slot.policy); !weakness.empty()) {
                status.weaknesses.push_back(formatted("slot {}: {}", slot.id, weakness));
            }
        }
        for (const RecoverySlot& slot : master.recovery) {
            status.recovery_slots.push_back(slot.id);
        }
        look_at_tpm(store, machine, master, status);
    } catch (const Error& error) {
        status.refusal = refusal_from(error);
    }
    return status;
}

/// A volume on a file system that is read-only is mounted all the same, and takes nothing.
std::vector<Problem> ground_warnings(const Paths& paths, const Volume& volume) {
    const auto look = look_at_lower(paths, view_for(paths, Viewer::this_process), volume);
    if (!look || !look->read_only) {
        return {};
    }
    return {{.message = formatted("{} is on a file system that is read-only", volume.lower),
             .advice = {.kind = AdviceKind::mount_read_write, .subject = volume.lower}}};
}

VolumeStatus volume_status(const Store& store, Keyring& keyring, const Volume& volume) {
    const auto mounted = mount_at(store.paths().below_root(volume.mountpoint));
    VolumeStatus status{.volume = volume,
                        .mounted = mounted && mounted->type == "ecryptfs",
                        .unlocked_by = loaded_by(store.paths(), volume.name),
                        .keys_loaded = is_loaded(keyring, volume),
                        .problems = problems_with(store, keyring, volume),
                        .warnings = ground_warnings(store.paths(), volume)};
    status.mounted_by_others = status.mounted && !status.keys_loaded &&
                               volume_state(store.paths(), volume.name) == VolumeState::untouched;
    return status;
}

Advice advice_about(const RefusalKind obstacle, const std::string& volume) {
    switch (obstacle) {
    case RefusalKind::ground_changed:
        return {.kind = AdviceKind::restore_ground, .subject = volume};
    case RefusalKind::lower_in_use:
        return {.kind = AdviceKind::end_other_use};
    default: // which component it is, and who can replace it
        return {.kind = AdviceKind::run_check};
    }
}

/// As its next start would find it.
void add_obstacle(const Paths& paths, MountObstacles& obstacles, VolumeStatus& status) {
    if (status.mounted) {
        return;
    }
    const bool was_mounted = volume_state(paths, status.volume.name) != VolumeState::untouched;
    const auto obstacle = obstacles.to_mount(status.volume, was_mounted);
    if (obstacle) {
        status.problems.push_back(
            {.message = formatted("a start would be refused: {}", with_detail(*obstacle)),
             .advice = advice_about(obstacle->kind, status.volume.name)});
    }
}

using UnitStates = std::map<std::string, UnitState>;

/// Asked once for all. Throws Error.
UnitStates states_of_units(const MachineFacts& facts, const std::vector<VolumeStatus>& volumes) {
    std::vector<std::string> names;
    for (const VolumeStatus& status : volumes) {
        for (std::string& name : units_of(status.volume).all()) {
            names.push_back(std::move(name));
        }
    }
    UnitStates states;
    for (UnitState& unit : facts.service_manager(names).units) {
        const std::string name = unit.name;
        states.emplace(name, std::move(unit));
    }
    return states;
}

void add_remarks(const UnitStates& states, VolumeStatus& status) {
    const VolumeUnits units = units_of(status.volume);
    for (const std::string& name : units.all()) {
        const auto found = states.find(name);
        if (found == states.end()) {
            continue;
        }
        const UnitState& unit = found->second;
        if (unit.load_state == "masked") {
            status.remarks.push_back(formatted("{} is masked", name));
        } else if (unit.active_state == "activating" && name == load_unit_name(status.volume)) {
            status.remarks.push_back(formatted("being unlocked: {} is running, and may be asking", name));
        } else if (!unit.job.empty()) {
            status.remarks.push_back(formatted("waiting: systemd has a job for {}, {}", name, unit.job));
        } else if (unit.active_state == "failed") {
            status.remarks.push_back(formatted("{} failed when it was started last ({})", name, unit.result));
        } else if (name == units.automount && unit.active_state == "active" && !status.mounted) {
            status.remarks.emplace_back("will be mounted when somebody looks");
        }
    }
}

/// What only the running system knows. One that cannot be asked takes nothing from the rest.
void look_at_machine(const Store& store, const MachineFacts& facts, Status& status) {
    try {
        MountObstacles obstacles{store.paths(), store.manifest().volumes};
        for (VolumeStatus& volume : status.volumes) {
            add_obstacle(store.paths(), obstacles, volume);
        }
        const UnitStates states = states_of_units(facts, status.volumes);
        for (VolumeStatus& volume : status.volumes) {
            add_remarks(states, volume);
        }
    } catch (const Error& error) {
        for (VolumeStatus& volume : status.volumes) {
            volume.remarks.emplace_back(error.what());
        }
    }
}

} // namespace

bool Status::is_well() const {
    return problems.empty() &&
           std::ranges::all_of(volumes, [](const VolumeStatus& volume) { return volume.problems.empty(); });
}

Status status_of(const Store& store, const Machine& machine, const std::optional<std::string>& name,
                 const MachineFacts* const facts) {
    Status status;
    std::vector<Volume> volumes;
    if (name) {
        volumes.push_back(store.volume(*name));
    } else {
        Manifest manifest = store.manifest();
        volumes = std::move(manifest.volumes);
        status.problems = std::move(manifest.problems);
    }
    std::set<std::string> masters;
    for (const Volume& volume : volumes) {
        status.volumes.push_back(volume_status(store, machine.keyring, volume));
        masters.insert(volume.master);
    }
    if (facts != nullptr) {
        look_at_machine(store, *facts, status);
    }
    for (const std::string& master : masters) {
        status.masters.push_back(master_status(store, machine, master));
    }
    return status;
}

} // namespace sealmount
