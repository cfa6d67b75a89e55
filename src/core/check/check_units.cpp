// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_units.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/check/unit_files.hpp"
#include "core/volume/unit_text.hpp"
#include "core/volume/volume_units.hpp"
#include "sys/files/files.hpp"
#include "sys/host/program.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// Units of ours do not start again what was done already: they are not in the way.
constexpr std::string_view our_notes = "/run/sealmount/";
constexpr std::string_view our_source = "/etc/sealmount/manifest.json";
constexpr std::string_view unlock_program_name = "sealmount-unlock";
constexpr const char* full_program_suffix = "-full"; ///< of what it becomes where something is unusual

bool names_unit(const std::vector<std::string>& units, const std::string& unit) {
    return std::ranges::find(units, unit) != units.end();
}

class UnitsCheck {
  public:
    UnitsCheck(const CheckContext& context, const Volume& volume, const UnitsReport& report,
               std::vector<Finding>& findings)
        : context_(context), paths_(context.store.paths()), volume_(volume), report_(report),
          findings_(findings), names_(units_of(volume)) {}

    void run() {
        if (report_.failure) {
            add(Severity::unknown, "units", *report_.failure, {.kind = AdviceKind::run_where_systemd_runs});
            return;
        }
        const UnitState& mount = state_of(names_.mount);
        if (is_loaded_unit(mount)) {
            mount_comes_from(mount);
            if (names_.automount.empty() || is_loaded_unit(state_of(names_.automount))) {
                something_starts(state_of(names_.first()));
            }
        }
        for (const std::string& name : names_.services) {
            const UnitState& service = state_of(name);
            if (is_loaded_unit(service)) {
                service_comes_from(service);
            }
        }
        programs();
        for (const std::string& name : names_.all()) {
            about_any(state_of(name));
        }
        order();
        if (is_fine_) {
            add(Severity::good, "start",
                formatted("nothing stands against a start of {}", join(names_.all())));
        }
    }

  private:
    void add(const Severity severity, std::string item, std::string text, Advice fix = {}) {
        is_fine_ = is_fine_ && severity == Severity::good;
        findings_.push_back({.about = formatted("volume {}", volume_.name),
                             .item = std::move(item),
                             .severity = severity,
                             .text = std::move(text),
                             .fix = std::move(fix)});
    }

    [[nodiscard]] const UnitState& state_of(const std::string& name) const { return report_.units.at(name); }

    [[nodiscard]] bool is_generated_unit(const std::string& name) const {
        return name == names_.mount || name == names_.automount;
    }

    /// Else there is a finding.
    bool is_loaded_unit(const UnitState& unit) {
        if (unit.load_state == "loaded") {
            return true;
        }
        if (unit.load_state == "masked") {
            masked(unit.name, unit.fragment_path, "is masked");
        } else if (unit.load_state == "not-found") {
            add(Severity::bad, "units",
                is_generated_unit(unit.name) ? formatted("systemd has no {} of ours", unit.name)
                                             : formatted("systemd has no {}", unit.name),
                {.kind =
                     is_generated_unit(unit.name) ? AdviceKind::reload_units : AdviceKind::install_again});
        } else {
            add(Severity::bad, "units", formatted("systemd cannot load {}: {}", unit.name, unit.load_error),
                {.kind = AdviceKind::look_at_unit, .subject = unit.name});
        }
        return false;
    }

    void masked(const std::string& unit, const std::string& file, const char* const how) {
        add(Severity::bad, "masked",
            file.empty() ? formatted("{} {}: systemd does not start it", unit, how)
                         : formatted("{} {} ({}): systemd does not start it", unit, how, file),
            {.kind = file.starts_with("/run/") ? AdviceKind::unmask_until_boot : AdviceKind::unmask_unit,
             .subject = unit});
    }

    void mount_comes_from(const UnitState& mount) {
        if (is_generated(mount.fragment_path) && mount.source_path == our_source) {
            const auto text = read_trusted_file_if_exists(paths_.below_root(mount.fragment_path));
            is_as_manifest_ = text && std::ranges::any_of(all_mount_places(), [&](const MountPlace& place) {
                                  return *text == mount_unit(volume_, place);
                              });
            is_as_manifest_
                ? add(Severity::good, "units", formatted("{} is as the manifest says", mount.name))
                : add(Severity::bad, "units", formatted("{} is not as the manifest says", mount.name),
                      {.kind = AdviceKind::reload_units});
            changed_by_drop_ins(mount);
        } else {
            overridden_mount(mount);
        }
    }

    void changed_by_drop_ins(const UnitState& mount) {
        const std::string wrong = differing_setting(mount);
        if (is_as_manifest_ && !mount.drop_ins.empty() && !wrong.empty()) {
            add(Severity::bad, "override",
                formatted("{} is changed by {}: {}", mount.name, join(mount.drop_ins), wrong),
                {.kind = AdviceKind::remove_override, .subject = mount.drop_ins.back()});
        }
    }

    /// Another file of the mount's name. It may do the same.
    void overridden_mount(const UnitState& mount) {
        const std::string from = mount.source_path.empty()
                                     ? mount.fragment_path
                                     : formatted("{}, made from {}", mount.fragment_path, mount.source_path);
        if (mount.fragment_path.empty()) {
            add(Severity::bad, "units",
                formatted("systemd has no {} of ours, only what is mounted there", mount.name),
                {.kind = AdviceKind::reload_units});
            return;
        }
        std::string wrong = differing_setting(mount);
        // An automount pulls them in itself.
        const auto& pulled_in = names_.automount.empty() ? names_.services : std::vector<std::string>{};
        std::vector<std::string> left_out;
        std::ranges::copy_if(pulled_in, std::back_inserter(left_out), [&](const std::string& service) {
            return !names_unit(mount.pulls_in, service) || !names_unit(mount.starts_after, service);
        });
        if (!left_out.empty()) {
            wrong = formatted("it does not start {} before", join(left_out));
        }
        if (wrong.empty()) {
            add(Severity::warning, "override",
                formatted("{} is taken from {}, not from the manifest; it starts the volume all the same",
                          mount.name, from),
                {.kind = AdviceKind::remove_override, .subject = mount.fragment_path});
        } else {
            add(Severity::bad, "override",
                formatted("{} is taken from {}, not from the manifest, and {}", mount.name, from, wrong),
                fix_for_override(mount));
        }
    }

    [[nodiscard]] static Advice fix_for_override(const UnitState& mount) {
        if (mount.source_path != "/etc/fstab") {
            return {.kind = AdviceKind::remove_override, .subject = mount.fragment_path};
        }
        const auto type = mount.mount.find("Type");
        const bool is_ecryptfs = type != mount.mount.end() && type->second == "ecryptfs";
        return {.kind = is_ecryptfs ? AdviceKind::comment_out_fstab : AdviceKind::take_out_of_fstab};
    }

    /// "" where the mount is of the volume's directories.
    [[nodiscard]] std::string differing_setting(const UnitState& mount) const {
        const std::map<std::string, std::string> expected = {
            {"What", volume_.lower}, {"Where", volume_.mountpoint}, {"Type", "ecryptfs"}};
        for (const auto& [setting, value] : expected) {
            const auto found = mount.mount.find(setting);
            if (found == mount.mount.end() || found->second != value) {
                return formatted("its {} is {}", setting,
                                 found == mount.mount.end() ? "missing" : in_quotes(found->second));
            }
        }
        return {};
    }

    void service_comes_from(const UnitState& service) {
        const bool is_ours = is_packaged(service.fragment_path) || is_generated(service.fragment_path);
        const std::string from = is_ours ? join(service.drop_ins) : service.fragment_path;
        const Advice fix = {.kind = AdviceKind::remove_override,
                            .subject = is_ours && !service.drop_ins.empty() ? service.drop_ins.back()
                                                                            : service.fragment_path};
        if (starts_something_else(service)) {
            add(Severity::bad, "override",
                formatted("{} is taken from {}, and does not run the unlock", service.name, from), fix);
        } else if (!is_ours) {
            add(Severity::warning, "override",
                formatted("{} is taken from {}, not from the package; it runs the unlock all the same",
                          service.name, from),
                fix);
        }
        runs_program(service);
    }

    [[nodiscard]] static bool is_unlock(const UnitCommand& command) {
        return fs::path{command.program}.filename() == unlock_program_name;
    }

    /// A service without a program to start it is for the end only.
    [[nodiscard]] static bool starts_something_else(const UnitState& service) {
        const bool has_start = std::ranges::any_of(service.commands, &UnitCommand::is_start);
        return has_start && std::ranges::none_of(service.commands, [&](const UnitCommand& command) {
                   return command.is_start && is_unlock(command);
               });
    }

    void runs_program(const UnitState& service) {
        for (const UnitCommand& command : service.commands) {
            run_by_[command.program].insert(service.name);
            if (is_unlock(command)) {
                run_by_[command.program + full_program_suffix].insert(service.name);
            }
        }
    }

    /// Each program that the services run, or that one of them becomes, is there.
    void programs() {
        for (const auto& [program, services] : run_by_) {
            if (!is_executable(paths_.below_root(program))) {
                add(Severity::bad, "program",
                    formatted("{} cannot be executed, or is not there, for {}", program, join(services)),
                    {.kind = AdviceKind::install_again, .subject = program});
            }
        }
    }

    /// A volume that is to be mounted by itself has to be started by something that a boot starts.
    void something_starts(const UnitState& mount) {
        if (volume_.noauto) {
            return;
        }
        const bool at_boot = std::ranges::any_of(mount.pulled_in_by, [](const std::string& unit) {
            return unit.ends_with(".target") || unit.ends_with(".automount");
        });
        if (at_boot) {
            return;
        }
        if (mount.pulled_in_by.empty()) {
            add(Severity::bad, "not-wanted",
                formatted("nothing starts {} at boot, though the volume is to be mounted then", mount.name),
                {.kind = AdviceKind::have_target_start, .subject = mount.name});
        } else {
            add(Severity::bad, "not-wanted",
                formatted("{} is started by no target at boot, only together with {}", mount.name,
                          join(mount.pulled_in_by)),
                {.kind = AdviceKind::have_target_start, .subject = mount.name});
        }
    }

    void about_any(const UnitState& unit) {
        if (unit.load_state == "not-found" || unit.load_state.empty()) {
            return;
        }
        at_next_boot(unit);
        if (unit.load_state != "loaded") {
            return;
        }
        conditions(unit);
        failed_before(unit);
        if (!unit.job.empty()) {
            add(Severity::unknown, "job",
                formatted("{} is not settled: systemd has a job for it, {}", unit.name, unit.job),
                {.kind = AdviceKind::list_jobs, .subject = unit.name});
        }
        if (const auto unread = unread_drop_ins(paths_, report_.unit_path, unit.name, unit.drop_ins);
            !unread.empty()) {
            add(Severity::unknown, "reload",
                formatted("{} will be changed by {} at the next boot, which systemd has not read yet",
                          unit.name, join(unread)),
                {.kind = AdviceKind::reload_units});
        } else if (unit.needs_reload && is_as_manifest_) {
            add(Severity::unknown, "reload",
                formatted("files of {} have changed since systemd read them: what they say now is not known",
                          unit.name),
                {.kind = AdviceKind::reload_units});
        }
    }

    /// The file may be another one by then: one that systemd has not read yet, or none of /run.
    void at_next_boot(const UnitState& unit) {
        const auto file = unit_file_at_boot(paths_, report_.unit_path, unit.name);
        if (!file || is_same_file(paths_, *file, unit.fragment_path)) {
            return;
        }
        if (is_masking(paths_.below_root(*file))) {
            masked(unit.name, *file, "will be masked at the next boot");
        } else if (!is_runtime(unit.fragment_path)) {
            add(Severity::unknown, "reload",
                formatted("{} will be taken from {} at the next boot, which systemd has not read yet",
                          unit.name, *file),
                {.kind = AdviceKind::reload_units});
        }
    }

    /// Gone at the next boot, which then takes what is on disk; the findings are about that which is loaded.
    [[nodiscard]] static bool is_runtime(const std::string& fragment) {
        return fragment.starts_with("/run/") && !is_generated(fragment);
    }

    /// On our notes, or on what check_volume() looks at.
    [[nodiscard]] bool is_ours(const UnitCondition& condition) const {
        return condition.parameter.starts_with(our_notes) ||
               (condition.type == "AssertPathIsDirectory" && condition.parameter == volume_.mountpoint);
    }

    void conditions(const UnitState& unit) {
        std::vector<UnitCondition> relevant;
        std::ranges::copy_if(unit.conditions, std::back_inserter(relevant),
                             [&](const UnitCondition& condition) { return !is_ours(condition); });
        if (relevant.empty()) {
            return;
        }
        const Advice fix = {.kind = AdviceKind::look_at_condition, .subject = unit.name};
        std::vector<std::string> words;
        std::ranges::transform(relevant, std::back_inserter(words),
                               [](const UnitCondition& condition) { return to_string(condition); });
        const std::string text =
            formatted("{} is started only with {}", unit.name, join(words)) + drop_ins(unit);
        try {
            if (!context_.facts.conditions(relevant)) {
                add(Severity::bad, "condition", text + ", which does not hold", fix);
            } else if (!unit.conditions_held) {
                add(Severity::unknown, "condition",
                    text + ": that holds now, but did not when it was to be started", fix);
            }
        } catch (const Error& error) {
            add(Severity::unknown, "condition",
                formatted("{}, and whether that holds is not known: {}", text, error.what()), fix);
        }
    }

    [[nodiscard]] static std::string drop_ins(const UnitState& unit) {
        return unit.drop_ins.empty() ? "" : formatted(" (see {})", join(unit.drop_ins));
    }

    void failed_before(const UnitState& unit) {
        if (unit.active_state != "failed") {
            return;
        }
        if (unit.result == "start-limit-hit") {
            add(Severity::bad, "failed",
                formatted("{} was started too often: systemd does not start it any more", unit.name),
                {.kind = AdviceKind::reset_failed_unit, .subject = unit.name});
            return;
        }
        // Why a service of ours failed is what this check looks for. Why a mount did, the kernel knows.
        const bool is_explained =
            unit.name != names_.mount || std::ranges::any_of(names_.services, [&](const auto& name) {
                return state_of(name).active_state == "failed";
            });
        add(is_explained ? Severity::warning : Severity::unknown, "failed",
            formatted("{} failed when it was started last ({})", unit.name, unit.result),
            {.kind = AdviceKind::start_again, .subject = names_.mount, .other = unit.name});
    }

    /// The manifest's reader knows the volumes' own orders; with what other units say, only systemd does. It
    /// drops a job of a circle, and which one does not show before.
    void order() {
        if (volume_.needs.empty() && volume_.before.empty() && volume_.required_by.empty()) {
            return;
        }
        const std::vector<std::string> circle = order_circle();
        if (!circle.empty()) {
            add(Severity::unknown, "order",
                formatted("the order of units is a circle: {}; systemd breaks it where it likes",
                          join(circle, " after ")),
                {.kind = AdviceKind::look_at_unit, .subject = names_.mount});
        }
    }

    /// Each unit starts after the next one, from the mount to itself; empty when there is none. Asked in
    /// waves.
    [[nodiscard]] std::vector<std::string> order_circle() const {
        constexpr std::size_t most_units = 5000;
        std::map<std::string, std::string> came_from;
        std::vector<std::string> wave;
        const auto visit = [&](const std::string& unit, const std::vector<std::string>& earlier) {
            for (const std::string& first : earlier) {
                if (came_from.try_emplace(first, unit).second) {
                    wave.push_back(first);
                }
            }
        };
        visit(names_.mount, state_of(names_.mount).starts_after);
        while (!wave.empty() && !came_from.contains(names_.mount) && came_from.size() < most_units) {
            const std::vector<std::string> asked = std::exchange(wave, {});
            for (const UnitState& unit : context_.facts.service_manager(asked).units) {
                visit(unit.name, unit.starts_after);
            }
        }
        std::vector<std::string> circle;
        for (std::string at = names_.mount; came_from.contains(names_.mount); at = came_from.at(at)) {
            circle.insert(circle.begin(), at);
            if (circle.size() > 1 && at == names_.mount) {
                break;
            }
        }
        return circle;
    }

    const CheckContext& context_;
    const Paths& paths_;
    const Volume& volume_;
    const UnitsReport& report_;
    std::vector<Finding>& findings_;
    VolumeUnits names_;
    std::map<std::string, std::set<std::string>> run_by_; ///< programs, and the services that run them
    bool is_as_manifest_ = true;
    bool is_fine_ = true;
};

} // namespace

UnitsReport ask_about_units(const CheckContext& context, const std::vector<Volume>& volumes) {
    UnitsReport report;
    try {
        std::vector<std::string> names;
        for (const Volume& volume : volumes) {
            for (std::string& name : units_of(volume).all()) {
                names.push_back(std::move(name));
            }
        }
        ServiceManagerReport said = context.facts.service_manager(names);
        report.unit_path = std::move(said.unit_path);
        for (UnitState& unit : said.units) {
            const std::string name = unit.name;
            report.units.emplace(name, std::move(unit));
        }
        for (const std::string& name : names) {
            report.units.try_emplace(name, UnitState{.name = name, .load_state = "not-found"});
        }
    } catch (const Error& error) {
        report.failure = error.what();
    }
    return report;
}

void check_units(const CheckContext& context, const Volume& volume, const UnitsReport& report,
                 std::vector<Finding>& findings) {
    try {
        UnitsCheck{context, volume, report, findings}.run();
    } catch (const Error& error) {
        findings.push_back(failed_look(formatted("volume {}", volume.name), "units", error,
                                       {.kind = AdviceKind::fix_as_message_says}));
    } catch (const fs::filesystem_error& error) {
        findings.push_back({.about = formatted("volume {}", volume.name),
                            .item = "units",
                            .severity = Severity::unknown,
                            .text = error.what(),
                            .fix = {.kind = AdviceKind::fix_as_message_says}});
    }
}

} // namespace sealmount
