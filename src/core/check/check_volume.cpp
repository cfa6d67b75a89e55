// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_volume.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/unlock/obstacle.hpp"
#include "core/unlock/unlock_load.hpp"
#include "core/volume/volume_paths.hpp"
#include "sys/files/files.hpp"
#include "sys/files/fstab.hpp"
#include "sys/files/guard.hpp"
#include "sys/files/idle_mountpoint.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>
#include <system_error>
#include <unistd.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

class VolumeCheck {
  public:
    VolumeCheck(const CheckContext& context, const Volume& volume, std::vector<Finding>& findings)
        : context_(context), volume_(volume), findings_(findings),
          about_(formatted("volume {}", volume.name)), lower_(context.store.paths().below_root(volume.lower)),
          mountpoint_(context.store.paths().below_root(volume.mountpoint)) {}

    void run(const SecretBytes* const master) {
        for (const std::string& signature : volume_.signatures()) {
            look([&] { key(signature, master); });
        }
        look([&] { lower_directory(); });
        look([&] { mount_point(); });
        look([&] { paths(); });
        if (context_.is_this_machine) {
            look([&] { other_users(); });
            look([&] { keys_in_the_way(); });
        }
        look([&] { table_of_mounts(); });
    }

  private:
    template<typename Look>
    void look(const Look& what) {
        constexpr AdviceKind fix = AdviceKind::fix_as_message_says;
        try {
            what();
        } catch (const Error& error) {
            findings_.push_back(failed_look(about_, "accident", error, {.kind = fix}));
        } catch (const fs::filesystem_error& error) {
            const bool may_not = error.code() == std::errc::permission_denied;
            add(may_not ? Severity::unknown : Severity::bad, "accident", error.what(),
                {.kind = may_not ? AdviceKind::run_as_root : fix});
        }
    }

    void add(const Severity severity, std::string item, std::string text, Advice fix = {}) {
        findings_.push_back({.about = about_,
                             .item = std::move(item),
                             .severity = severity,
                             .text = std::move(text),
                             .fix = std::move(fix)});
    }
    void good(std::string item, std::string text) { add(Severity::good, std::move(item), std::move(text)); }

    void key(const std::string& signature, const SecretBytes* const master) {
        if (is_readable(signature)) {
            check_privacy(context_.store.paths().key(signature), about_, findings_);
        }
        if (auto problem = problem_with_key_file(context_.store, volume_, signature, master)) {
            const Severity severity = severity_of(*problem);
            add(severity, "key", std::move(problem->message), std::move(problem->advice));
        } else if (master != nullptr) {
            good("key", formatted("the key {} opens under the master key", signature));
        }
    }

    [[nodiscard]] bool is_readable(const std::string& signature) const {
        try {
            static_cast<void>(context_.store.key(signature));
            return true;
        } catch (const Error&) {
            return false;
        }
    }

    void lower_directory() {
        if (!fs::is_directory(lower_)) {
            const std::string was = volume_.ground ? formatted("; it was {}", describe(*volume_.ground)) : "";
            add(Severity::bad, "lower",
                formatted("{} is not a directory, or not there{}", volume_.lower, was),
                {.kind = AdviceKind::fix_lower});
            return;
        }
        good("lower", formatted("{} is there", volume_.lower));
        const MountView view = view_for(context_.store.paths(), Viewer::this_process);
        if (volume_.lower == volume_.mountpoint && is_volume_mounted(context_.store.paths(), view, volume_)) {
            return; // the mount hides it
        }
        ground(look_at_lower(context_.store.paths(), view, volume_));
    }

    void ground(const std::expected<GroundLook, int>& look) {
        const Advice restore{.kind = AdviceKind::restore_ground, .subject = volume_.name};
        if (auto problem = problem_with_ground(volume_, look)) {
            add(Severity::bad, "ground", std::move(*problem), restore);
        } else if (!volume_.ground) {
            add(Severity::warning, "ground",
                formatted(
                    "which directory {} is was not recorded: another disk in its place would not be noticed",
                    volume_.lower),
                {.kind = AdviceKind::record_ground, .subject = volume_.name});
        } else if (look && look->is_empty.value_or(false) && !volume_.ground->empty) {
            add(Severity::warning, "ground",
                formatted("{} is empty, and was not when it was enrolled", volume_.lower), restore);
        } else {
            good("ground", formatted("{} is the directory that was enrolled", volume_.lower));
        }
        const bool is_meant = std::ranges::find(volume_.options, "ro") != volume_.options.end();
        if (look && look->read_only && !is_meant) { // eCryptfs then mounts read-only as well, without a word
            add(Severity::warning, "read-only",
                formatted("{} is on a file system that is read-only: so will the volume be", volume_.lower),
                {.kind = AdviceKind::mount_read_write, .subject = volume_.lower});
        }
    }

    /// Its files are lost, or it would not be mounted again.
    void other_users() {
        for (std::string& user : MountObstacles{context_.store.paths()}.users_left(volume_, false)) {
            add(Severity::bad, "in-use", std::move(user), {.kind = AdviceKind::end_other_use});
        }
    }

    void mount_point() {
        if (is_usable_mountpoint() && volume_.mountpoint != volume_.lower) {
            guard();
        }
    }

    /// Is it a directory, as far as the guard is concerned? One that is not there, or that nothing can be
    /// mounted on, needs none.
    bool is_usable_mountpoint() {
        const std::string& mountpoint = volume_.mountpoint;
        if (const auto mounted = mount_at(mountpoint_)) {
            const bool is_ours = mounted->type == "ecryptfs";
            is_ours ? good("mounted", formatted("{} is mounted", mountpoint))
                    : add(Severity::bad, "mounted",
                          formatted("{} ({}) is mounted on {}", mounted->source, mounted->type, mountpoint),
                          {.kind = AdviceKind::free_mountpoint});
            return is_ours;
        }
        if (!fs::exists(mountpoint_)) {
            missing_mountpoint();
            return false;
        }
        if (!fs::is_directory(mountpoint_)) {
            add(Severity::bad, "mountpoint", formatted("{} is not a directory", mountpoint),
                {.kind = AdviceKind::move_file_away});
            return false;
        }
        std::error_code failed;
        const bool hides_files = mountpoint != volume_.lower && !is_idle(mountpoint_, failed);
        if (failed) {
            add(Severity::unknown, "plaintext",
                formatted("{} cannot be looked into: {}", mountpoint, failed.message()),
                {.kind = AdviceKind::fix_as_message_says});
        } else if (hides_files) {
            add(Severity::bad, "plaintext",
                formatted("{} holds files that are not in the volume: a program wrote them while it was not "
                          "mounted",
                          mountpoint),
                {.kind = AdviceKind::move_files_away});
        }
        return true;
    }

    /// Systemd makes one only inside another volume, which has to be mounted first.
    void missing_mountpoint() {
        const std::vector<Volume> volumes = context_.store.manifest().volumes;
        const bool is_inside = std::ranges::any_of(volumes, [&](const Volume& other) {
            return volume_.mountpoint.starts_with(other.mountpoint + "/");
        });
        if (is_inside) {
            good("mountpoint", formatted("{} will be made", volume_.mountpoint));
        } else {
            add(Severity::bad, "mountpoint",
                formatted("{} is missing, and one that systemd makes would accept plaintext: the volume is "
                          "not mounted without it",
                          volume_.mountpoint),
                {.kind = AdviceKind::make_mountpoint, .subject = volume_.mountpoint});
        }
    }

    /// Could somebody else decide what is mounted, and where?
    void paths() {
        const Paths& root = context_.store.paths();
        const MountView view = view_for(root, Viewer::this_process);
        // Below a mount, only root sees the guard.
        const bool is_hidden = mount_at(mountpoint_) && ::geteuid() != 0;
        const LastComponent last =
            is_hidden || is_guarded(mountpoint_) ? LastComponent::guarded : LastComponent::as_it_is;
        for (auto problem :
             {problem_with_mountpoint(volume_, look_along_mountpoint(root, view, volume_), last),
              problem_with_lower(volume_, look_along_lower(root, view, volume_))}) {
            if (problem) {
                add(Severity::bad, "path", std::move(problem->message), std::move(problem->advice));
            }
        }
    }

    void guard() {
        if (is_guarded(mountpoint_)) {
            good("guard", formatted("{} accepts no files while it is not mounted", volume_.mountpoint));
        } else {
            add(Severity::warning, "guard",
                formatted("{} would accept plaintext files while the volume is not mounted",
                          volume_.mountpoint),
                {.kind = AdviceKind::guard_now, .subject = volume_.mountpoint});
        }
    }

    /// A line of the table makes a mount unit of its own, which wins over ours.
    void table_of_mounts() {
        const fs::path file = context_.store.paths().below_root("/etc/fstab");
        const auto text = read_trusted_file_if_exists(file);
        for (const FstabLine& line : read_fstab(text.value_or(""))) {
            if (line.mountpoint == volume_.mountpoint) {
                add(Severity::warning, "fstab",
                    formatted("{}: line {} mounts {} as well, and wins at boot: the TPM is not asked",
                              file.string(), line.number, volume_.mountpoint),
                    {.kind = line.type == "ecryptfs" ? AdviceKind::comment_out_fstab
                                                     : AdviceKind::take_out_of_fstab});
            }
        }
    }

    void keys_in_the_way() {
        for (Problem& problem : problems_with_user_keys(context_.machine.keyring, volume_)) {
            add(Severity::warning, "user-key", std::move(problem.message), std::move(problem.advice));
        }
    }

    const CheckContext& context_;
    const Volume& volume_;
    std::vector<Finding>& findings_;
    std::string about_;
    fs::path lower_;
    fs::path mountpoint_;
};

} // namespace

void check_volume(const CheckContext& context, const Volume& volume, const SecretBytes* const master,
                  std::vector<Finding>& findings) {
    VolumeCheck{context, volume, findings}.run(master);
}

std::optional<Problem> problem_with_key_file(const Store& store, const Volume& volume,
                                             const std::string& signature, const SecretBytes* const master) {
    const std::string file = store.paths().key(signature).string();
    std::string text;
    try {
        text = store.key(signature);
    } catch (const Error& error) {
        const bool may_not = error.reason() == Reason::refused;
        return Problem{.message = error.what(),
                       .advice = {.kind = may_not ? AdviceKind::run_as_root : AdviceKind::restore_key}};
    }
    const std::string description = master_description_of(text);
    if (description != formatted("trusted:{}", volume.master)) {
        return Problem{.message = formatted("{}: is under {}, but the manifest says master \"{}\"", file,
                                            description, volume.master),
                       .advice = {.kind = AdviceKind::fix_master_name}};
    }
    try {
        if (master != nullptr) {
            static_cast<void>(open_volume_key(text, *master, signature));
        }
    } catch (const Error& error) {
        return Problem{.message = error.in(file).what(), .advice = {.kind = AdviceKind::restore_key}};
    }
    return std::nullopt;
}

std::vector<Problem> problems_with_user_keys(Keyring& keyring, const Volume& volume) {
    std::vector<Problem> problems;
    for (const std::string& signature : user_keys_in_the_way(keyring, volume)) {
        problems.push_back(
            {.message = formatted("a user key {} is in root's keyring: eCryptfs takes it instead of "
                                  "ours, and root can read it",
                                  signature),
             .advice = {.kind = AdviceKind::purge_user_key, .subject = signature}});
    }
    return problems;
}

void check_privacy(const fs::path& file, const std::string& about, std::vector<Finding>& findings) {
    constexpr auto others = fs::perms::group_all | fs::perms::others_all;
    std::error_code failed;
    const fs::file_status status = fs::status(file, failed);
    if (fs::exists(status) && (status.permissions() & others) != fs::perms::none) {
        findings.push_back({.about = about,
                            .item = "permissions",
                            .severity = Severity::warning,
                            .text = formatted("{} can be read by users other than root", file.string()),
                            .fix = {.kind = AdviceKind::make_private, .subject = file.string()}});
    }
}

} // namespace sealmount
