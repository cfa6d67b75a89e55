// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/strength.hpp"

#include "base/format.hpp"
#include "core/master/master_form.hpp"
#include "sys/tpm/object_demands.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace sealmount {

namespace fs = std::filesystem;

namespace {

constexpr unsigned commands_pcr = 8;
constexpr unsigned security_pcr = 7;

/// What is the same for all master keys.
struct Here {
    MeasuringMachine measuring;
    DiskProtection root = DiskProtection::unknown;
    std::optional<MasterForm> form{}; ///< that the kernel brings a master key in; nothing where nobody says
    bool has_encrypted_bus = false;
    std::optional<TpmClock> clock{};
};

bool holds_something(const PcrValues& values, const unsigned pcr) {
    const auto value = values.find(pcr);
    return value != values.end() &&
           std::ranges::any_of(value->second, [](const std::byte b) { return b != std::byte{0}; });
}

StrengthReason reason_for(const Reach reach) {
    switch (reach) {
    case Reach::anything:
        return StrengthReason::slot_opens_anything;
    case Reach::any_system:
        return StrengthReason::slot_opens_any_system;
    case Reach::vendor:
        return StrengthReason::slot_opens_vendor;
    case Reach::unknown:
        return StrengthReason::slot_is_unknown;
    case Reach::initrd:
        return StrengthReason::slot_opens_initrd;
    case Reach::command_line:
        return StrengthReason::slot_opens_command_line;
    case Reach::measured:
        return StrengthReason::slot_is_measured;
    }
    return StrengthReason::slot_is_unknown;
}

Gain gain_by(const Reach reach) {
    if (reach <= Reach::vendor) {
        return Gain::key;
    }
    return reach == Reach::measured ? Gain::nothing : Gain::unknown;
}

bool belongs_to_a_user(const fs::path& directory) {
    struct ::stat status = {};
    return ::lstat(directory.c_str(), &status) == 0 && status.st_uid != 0;
}

std::string subject_of(const Slot& slot) {
    return formatted("{}, {}", slot.id, describe(slot.policy));
}

/// One master key, and who would get it.
class Judge {
  public:
    Judge(const CheckContext& context, const Here& here, const std::string& name, const MasterFile& master,
          const std::vector<Volume>& volumes)
        : context_(context), here_(here), name_(name), master_(master), volumes_(volumes) {}

    [[nodiscard]] std::vector<AttackerStrength> all() const {
        return {{Attacker::disk_thief, disk_thief()}, {Attacker::live_stick, live_stick()},
                {Attacker::hour_alone, hour_alone()}, {Attacker::on_the_bus, on_the_bus()},
                {Attacker::other_user, other_user()}, {Attacker::old_copy, old_copy()}};
    }

  private:
    [[nodiscard]] std::vector<StrengthPoint> disk_thief() const {
        std::vector<StrengthPoint> points{{.reason = StrengthReason::tpm_is_needed}};
        add_recovery_key(points);
        return points;
    }

    void add_recovery_key(std::vector<StrengthPoint>& points) const {
        if (!master_.recovery.empty()) {
            points.push_back({.reason = StrengthReason::recovery_key_is_there});
        }
    }

    /// Its boots are over, and no boot comes that it was made for.
    [[nodiscard]] bool has_ended(const Slot& slot) const {
        return slot.policy.last_boot && here_.clock && here_.clock->reset_count > *slot.policy.last_boot;
    }

    [[nodiscard]] Advice bind_to_boot() const {
        return {.kind = AdviceKind::bind_to_boot,
                .subject = name_,
                .other = here_.measuring.has_measured_commands ? "4+7+8+9" : "4+7+9"};
    }

    [[nodiscard]] StrengthPoint point_of(const Slot& slot) const {
        if (!is_sealed_to_its_policy(slot)) {
            return {
                .reason = StrengthReason::slot_is_false, .gain = Gain::unknown, .subject = subject_of(slot)};
        }
        const Reach reach = reach_of(slot.policy, context_.store.policy_files(), here_.measuring);
        StrengthPoint point{.reason = reason_for(reach), .gain = gain_by(reach), .subject = subject_of(slot)};
        if (point.gain == Gain::nothing) {
            return point;
        }
        if (slot.policy.pin) {
            return {.reason = StrengthReason::slot_has_pin, .subject = std::move(point.subject)};
        }
        point.raise =
            slot.policy.last_boot ? Advice{.kind = AdviceKind::resume, .subject = name_} : bind_to_boot();
        return point;
    }

    [[nodiscard]] std::vector<StrengthPoint> live_stick() const {
        std::vector<StrengthPoint> points;
        for (const Slot& slot : master_.slots) {
            if (!has_ended(slot)) {
                points.push_back(point_of(slot));
            }
        }
        if (points.empty()) {
            points.push_back({.reason = StrengthReason::tpm_is_needed});
        }
        return points;
    }

    [[nodiscard]] StrengthPoint root() const {
        switch (here_.root) {
        case DiskProtection::open:
            return {.reason = StrengthReason::root_is_open,
                    .gain = Gain::key,
                    .raise = {.kind = AdviceKind::encrypt_root}};
        case DiskProtection::encrypted:
            return {.reason = StrengthReason::root_is_encrypted};
        case DiskProtection::verified:
            return {.reason = StrengthReason::root_is_verified};
        case DiskProtection::unknown:
            break;
        }
        return {.reason = StrengthReason::root_is_unknown, .gain = Gain::unknown};
    }

    /// He plants what the approved system runs, or boots another system himself.
    [[nodiscard]] std::vector<StrengthPoint> hour_alone() const {
        std::vector<StrengthPoint> points{root()};
        std::ranges::copy_if(live_stick(), std::back_inserter(points),
                             [](const StrengthPoint& point) { return point.gain != Gain::nothing; });
        return points;
    }

    [[nodiscard]] bool has_slot_with_pin(const bool with_pin) const {
        return std::ranges::any_of(
            master_.slots, [&](const Slot& slot) { return slot.policy.pin == with_pin && !has_ended(slot); });
    }

    [[nodiscard]] std::vector<StrengthPoint> on_the_bus() const {
        std::vector<StrengthPoint> points;
        if (!here_.form) {
            points.push_back({.reason = StrengthReason::unseal_is_unknown, .gain = Gain::unknown});
        } else if (*here_.form == MasterForm::user) {
            points.push_back({.reason = StrengthReason::program_unseals});
        } else if (here_.has_encrypted_bus) {
            points.push_back({.reason = StrengthReason::kernel_unseals_encrypted, .gain = Gain::unknown});
        } else {
            points.push_back({.reason = StrengthReason::kernel_unseals_in_clear,
                              .gain = Gain::key,
                              .raise = {.kind = AdviceKind::encrypt_tpm_bus}});
        }
        if (has_slot_with_pin(true) && here_.form == MasterForm::trusted) {
            points.push_back({.reason = StrengthReason::pin_crosses_in_clear});
        }
        if (has_slot_with_pin(false)) {
            points.push_back({.reason = StrengthReason::measured_by_hand,
                              .gain = Gain::key,
                              .raise = {.kind = AdviceKind::require_pin, .subject = name_}});
        }
        return points;
    }

    [[nodiscard]] std::vector<StrengthPoint> other_user() const {
        std::vector<StrengthPoint> points;
        std::vector<fs::path> files{context_.store.paths().master(name_)};
        for (const Volume& volume : volumes_) {
            files.push_back(context_.store.paths().key(volume.signature));
            if (volume.filename_signature) {
                files.push_back(context_.store.paths().key(*volume.filename_signature));
            }
        }
        for (const fs::path& file : files) {
            std::error_code failed;
            const fs::perms mode = fs::status(file, failed).permissions();
            if (!failed && (mode & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none) {
                points.push_back({.reason = StrengthReason::file_is_readable,
                                  .gain = Gain::unknown,
                                  .subject = file.string(),
                                  .raise = {.kind = AdviceKind::make_private, .subject = file.string()}});
            }
        }
        if (points.empty()) {
            points.push_back({.reason = StrengthReason::files_are_private});
        }
        for (const Volume& volume : volumes_) {
            if (belongs_to_a_user(context_.store.paths().below_root(volume.lower))) {
                points.push_back({.reason = StrengthReason::lower_is_its_owners, .subject = volume.lower});
            }
        }
        return points;
    }

    [[nodiscard]] std::vector<StrengthPoint> old_copy() const {
        std::vector<StrengthPoint> points{{.reason = StrengthReason::copy_needs_state}};
        add_recovery_key(points);
        return points;
    }

    const CheckContext& context_;
    const Here& here_;
    const std::string& name_;
    const MasterFile& master_;
    const std::vector<Volume>& volumes_;
};

/// What a question to the machine gives; nothing when it fails.
template<typename Question>
auto answer_to(const Question& question) -> std::optional<decltype(question())> {
    try {
        return question();
    } catch (const Error&) {
        return std::nullopt;
    }
}

Here look_here(const CheckContext& context) {
    Here here;
    std::unique_ptr<Tpm> tpm;
    if (auto opened = open_tpm(context.machine.tpm, TpmAccess::managed, context.machine.backoff)) {
        tpm = std::move(*opened);
        here.clock = answer_to([&] { return tpm->clock(); });
    }
    here.measuring = measuring_machine(context, tpm.get());
    if (context.is_this_machine) {
        here.root = answer_to(context.facts.root_protection).value_or(DiskProtection::unknown);
        here.has_encrypted_bus = answer_to(context.facts.tpm_bus_encryption).value_or(false);
        if (const auto form = kernel_form(context.machine.keyring)) {
            here.form = *form;
        }
    }
    return here;
}

} // namespace

Gain AttackerStrength::gain() const {
    return points.empty() ? Gain::unknown : std::ranges::max(points, {}, &StrengthPoint::gain).gain;
}

MeasuringMachine measuring_machine(const CheckContext& context, Tpm* const tpm) {
    MeasuringMachine machine;
    if (context.is_this_machine) {
        machine.secure_boot = answer_to(context.facts.secure_boot).value_or(std::nullopt);
    }
    if (tpm != nullptr) {
        if (const auto values = answer_to([&] {
                return tpm->read_pcrs({PcrBank::sha256, 1U << commands_pcr | 1U << security_pcr}).values;
            })) {
            machine.has_measured_commands = holds_something(*values, commands_pcr);
            machine.has_measured_security = holds_something(*values, security_pcr);
        }
    }
    return machine;
}

std::vector<MasterStrength> strength_of(const CheckContext& context, const std::optional<std::string>& name) {
    std::map<std::string, std::vector<Volume>> masters;
    const std::vector<Volume> volumes = context.store.manifest().volumes;
    for (const Volume& volume : volumes) {
        masters[volume.master].push_back(volume);
    }
    if (name) {
        const std::string master = context.store.volume(*name).master;
        std::erase_if(masters, [&](const auto& entry) { return entry.first != master; });
    }
    if (masters.empty()) {
        return {};
    }
    const Here here = look_here(context);
    std::vector<MasterStrength> all;
    for (const auto& [master, its_volumes] : masters) {
        MasterStrength strength{.name = master};
        try {
            const MasterFile file = context.store.master(master);
            strength.attackers = Judge{context, here, master, file, its_volumes}.all();
        } catch (const Error& error) {
            strength.failure = error;
        }
        all.push_back(std::move(strength));
    }
    return all;
}

void check_reach(const CheckContext& context, const std::string& name, const MasterFile& master, Tpm& tpm,
                 std::vector<Finding>& findings) {
    const MeasuringMachine machine = measuring_machine(context, &tpm);
    for (const Slot& slot : master.slots) {
        const Reach reach = reach_of(slot.policy, context.store.policy_files(), machine);
        // What a check warns of already.
        const bool is_said = slot.policy.is_empty() || slot.policy.last_boot;
        if (gain_by(reach) == Gain::key && !slot.policy.pin && !is_said && is_sealed_to_its_policy(slot)) {
            findings.push_back({.about = formatted("master {}", name),
                                .item = "reach",
                                .severity = Severity::warning,
                                .text = formatted("slot {}: {}", subject_of(slot), words_for(reach))});
        }
    }
}

} // namespace sealmount
