// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/store/store.hpp"
#include "core/volume/unit_text.hpp"
#include "core/volume/volume_ground.hpp"
#include "core/volume/volume_paths.hpp"

#include <nlohmann/json.hpp>

#include <system_error>

namespace sealmount {

namespace {

struct GroundOptions {
    std::string name;
    bool renew = false;
    bool yes = false;
};

struct GroundReport {
    Volume volume;
    std::expected<GroundLook, int> found;
    std::optional<std::string> problem;
    bool is_written = false;
};

/// Is what a look would show the mounted volume itself?
bool is_hidden(const Paths& paths, const MountView& view, const Volume& volume) {
    return volume.lower == volume.mountpoint && is_volume_mounted(paths, view, volume);
}

GroundReport report_about(const Paths& paths, const MountView& view, const Volume& volume) {
    auto found = look_at_lower(paths, view, volume);
    auto problem = is_hidden(paths, view, volume) ? std::nullopt : problem_with_ground(volume, found);
    return {.volume = volume, .found = std::move(found), .problem = std::move(problem)};
}

Json ground_json(const Ground& ground) {
    return {{"uuid", ground.uuid.empty() ? Json(nullptr) : Json(ground.uuid)},
            {"inode", ground.inode == 0 ? Json(nullptr) : Json(ground.inode)},
            {"generation", ground.generation ? Json(*ground.generation) : Json(nullptr)},
            {"empty", ground.empty}};
}

Json to_json(const GroundReport& report) {
    const Volume& volume = report.volume;
    return {{"name", volume.name},
            {"lower", volume.lower},
            {"recorded", volume.ground ? ground_json(*volume.ground) : Json(nullptr)},
            {"found", report.found ? ground_json(report.found->ground) : Json(nullptr)},
            {"problem", report.problem ? Json(*report.problem) : Json(nullptr)},
            {"written", report.is_written}};
}

std::string found_text(const GroundReport& report) {
    return report.found ? describe(report.found->ground)
                        : formatted("nothing that can be looked at ({})",
                                    std::generic_category().message(report.found.error()));
}

void print_report(const GroundReport& report) {
    const Volume& volume = report.volume;
    print("{}: {}\n  recorded  {}\n  found     {}\n", volume.name, volume.lower,
          volume.ground ? describe(*volume.ground) : "nothing", found_text(report));
    if (report.is_written) {
        print("  recorded now\n");
    } else if (report.problem) {
        print("  problem: {}\n",
              with_hint(*report.problem, {.kind = AdviceKind::restore_ground, .subject = volume.name}));
    } else if (!volume.ground) {
        print("  {}\n", hint_for({.kind = AdviceKind::record_ground, .subject = volume.name}));
    }
}

/// What is there now takes the place of what was recorded; the person has seen both.
void confirm_renewal(const GroundReport& report) {
    const std::string change =
        formatted("{}: from now on this volume is {}", report.volume.lower, found_text(report));
    confirm({.question = formatted("{}? [y/N] ", change),
             .word = {},
             .otherwise = formatted("{}: give --yes to record that", change),
             .declined = "not confirmed: nothing was changed"});
}

/// Records it where it is not, or where that was asked for.
void record(const Store& store, const GroundOptions& options, GroundReport& report) {
    if (!report.found) {
        throw Error{
            Reason::unavailable,
            formatted("{}: {}", report.volume.lower, std::generic_category().message(report.found.error())),
            {.kind = AdviceKind::fix_lower}};
    }
    const MountView view = view_for(store.paths(), Viewer::this_process);
    if (auto unsafe =
            problem_with_lower(report.volume, look_along_lower(store.paths(), view, report.volume))) {
        throw Error{Reason::refused, unsafe->message, std::move(unsafe->advice)};
    }
    if (report.problem && !options.yes) {
        confirm_renewal(report);
    }
    const FileLock lock = store.lock();
    store.write_manifest(
        manifest_with_ground(store.manifest_text(), report.volume.name, report.found->ground));
    report.is_written = true;
    report.problem.reset();
}

int run_ground(const GroundOptions& options, const Globals& globals, const Machine&) {
    if (options.name.empty() && options.renew) {
        throw Error{Reason::usage, "--renew is for one volume: give its NAME"};
    }
    const Store store{globals.paths()};
    const MountView view = view_for(store.paths(), Viewer::this_process);
    const std::vector<Volume> volumes =
        options.name.empty() ? store.manifest().volumes : std::vector<Volume>{store.volume(options.name)};
    Json json = Json::array();
    bool is_well = true;
    for (const Volume& volume : volumes) {
        GroundReport report = report_about(store.paths(), view, volume);
        if (!options.name.empty() && (options.renew || (!volume.ground && report.found))) {
            if (is_hidden(store.paths(), view, volume)) {
                throw Error{
                    Reason::unavailable,
                    formatted("{}: the volume is mounted there, and hides its lower directory", volume.lower),
                    {.kind = AdviceKind::stop_unit, .subject = mount_unit_name(volume.mountpoint)}};
            }
            record(store, options, report);
        }
        is_well = is_well && !report.problem;
        json.push_back(to_json(report));
        if (!globals.json) {
            print_report(report);
        }
    }
    if (globals.json) {
        print_json({{"volumes", std::move(json)}});
    } else if (volumes.empty()) {
        print("There are no volumes.\n");
    }
    return is_well ? 0 : exit_code(Reason::unavailable);
}

} // namespace

Run declare_ground(Arguments& verb) {
    const auto options = std::make_shared<GroundOptions>();
    verb.argument("NAME", options->name, "one volume only; records its ground if that is not recorded yet");
    verb.flag(
        "--renew", options->renew,
        "record what is there now: the volume's files were moved to another disk or directory on purpose");
    verb.flag("--yes", options->yes, "do not ask");
    return [options](const Globals& globals, const Machine& machine) {
        return run_ground(*options, globals, machine);
    };
}

} // namespace sealmount
