// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_units.hpp"

#include "base/format.hpp"
#include "core/check/unit_files.hpp"
#include "core/store/configuration_mount.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/host/program.hpp"

#include <algorithm>
#include <array>
#include <fstream>

namespace sealmount {

namespace {

void add_boot_finding(const Severity severity, std::string item, std::string text, Advice fix,
                      std::vector<Finding>& findings) {
    findings.push_back({.about = "boot",
                        .item = std::move(item),
                        .severity = severity,
                        .text = std::move(text),
                        .fix = std::move(fix)});
}

void check_generator_file(const Paths& paths, std::vector<Finding>& findings) {
    const auto file = generator_file_at_boot(paths);
    if (!file) {
        add_boot_finding(Severity::bad, "generator", "the generator of the volumes' units is not installed",
                         {.kind = AdviceKind::install_again}, findings);
    } else if (is_masking(paths.below_root(*file))) {
        add_boot_finding(Severity::bad, "generator",
                         formatted("the generator of the volumes' units is masked by {}", *file),
                         {.kind = AdviceKind::remove_override, .subject = *file}, findings);
    } else if (!is_executable(paths.below_root(*file))) {
        add_boot_finding(Severity::bad, "generator",
                         formatted("{} cannot be executed: no boot makes the volumes' units", *file),
                         {.kind = AdviceKind::install_again, .subject = *file}, findings);
    }
}

/// As the generator reads it (sealmount-generator(8)).
bool is_off_on_command_line(const Paths& paths) {
    constexpr std::array<std::string_view, 6> noes{"0", "no", "n", "false", "f", "off"};
    constexpr std::string_view prefix = "sealmount=";
    std::ifstream command_line{paths.below_root("/proc/cmdline")};
    bool is_off = false;
    for (std::string word; command_line >> word;) {
        if (word.starts_with(prefix)) {
            is_off = std::ranges::find(noes, std::string_view{word}.substr(prefix.size())) != noes.end();
        }
    }
    return is_off;
}

/// A mount that no file of this system makes, and that was there before everything else, is the initrd's.
Severity severity_for(const ConfigurationMount& mount, const ServiceManagerReport& said) {
    const UnitState& unit = said.units.front();
    const UnitState& early_boot = said.units.back();
    if (mount.is_in_table || !unit.fragment_path.empty()) {
        return Severity::bad;
    }
    const bool was_there = unit.active_since > 0 && unit.active_since < early_boot.active_since;
    return was_there ? Severity::good : Severity::unknown;
}

void check_configuration_mount(const CheckContext& context, std::vector<Finding>& findings) {
    const auto mount = configuration_mount(context.store.paths(), context.facts.mounts());
    if (!mount) {
        return;
    }
    const Severity severity = severity_for(
        *mount, context.facts.service_manager({mount_unit_name(mount->mountpoint), "sysinit.target"}));
    if (severity == Severity::good) {
        add_boot_finding(severity, "configuration",
                         formatted("/etc/sealmount is in a mount of its own ({}), which the initrd made",
                                   mount->mountpoint),
                         {}, findings);
        return;
    }
    Problem problem = problem_with(*mount);
    add_boot_finding(severity, "configuration", std::move(problem.message), std::move(problem.advice),
                     findings);
}

} // namespace

void check_generator(const CheckContext& context, std::vector<Finding>& findings) {
    const Paths& paths = context.store.paths();
    try {
        check_generator_file(paths, findings);
        if (is_off_on_command_line(paths)) {
            add_boot_finding(Severity::bad, "switched-off",
                             "this boot's kernel command line switches the volumes' units off (sealmount=)",
                             {.kind = AdviceKind::change_command_line}, findings);
        }
        check_configuration_mount(context, findings);
    } catch (const Error& error) {
        findings.push_back(
            {.about = "boot", .item = "accident", .severity = Severity::unknown, .text = error.what()});
    }
}

} // namespace sealmount
