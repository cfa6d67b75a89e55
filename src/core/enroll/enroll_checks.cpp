// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_checks.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/enroll/enroll_session.hpp"
#include "core/volume/manifest_rules.hpp"
#include "core/volume/taken_places.hpp"
#include "core/volume/unit_text.hpp"
#include "core/volume/volume_ground.hpp"
#include "sys/files/fstab.hpp"
#include "sys/files/guard.hpp"
#include "sys/files/idle_mountpoint.hpp"
#include "sys/host/kernel_features.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace sealmount {

namespace {

/// What differs with the machine's peripherals, its partitions, or every start (UAPI.7 Linux TPM PCR
/// Registry).
bool is_volatile(const unsigned pcr) {
    constexpr PcrMask volatile_pcrs = 1U << 1 | 1U << 3 | 1U << 5 | 1U << 10 | 1U << 15 | 1U << 16 | 1U << 23;
    return (volatile_pcrs >> pcr & 1U) != 0;
}

void throw_problem(const std::string_view what, const std::optional<std::string>& problem) {
    if (problem) {
        throw Error{Reason::usage, formatted("{}: {}", what, *problem)};
    }
}

void check_mount_options(const Volume& volume) {
    for (const std::string& option : volume.options) {
        throw_problem("mount option", problem_with_option(option));
    }
}

/// Is the volume's lower directory mounted there? In an encrypted home it was named through a symbolic link
/// (~/.Private), which the kernel keeps as it was given.
bool is_mount_of(const Mount& mounted, const Volume& volume, const Paths& paths) {
    std::error_code failed;
    return mounted.type == "ecryptfs" &&
           (mounted.source == volume.lower ||
            std::filesystem::equivalent(mounted.source, paths.below_root(volume.lower), failed));
}

/// An idle mount point, or one where this very volume is mounted by hand at the moment.
void check_mountpoint(const Paths& paths, const MountList& mounts, const Volume& volume) {
    const std::filesystem::path mountpoint = paths.below_root(volume.mountpoint);
    if (const std::optional<Mount> mounted = mounts.at(mountpoint)) {
        if (!is_mount_of(*mounted, volume, paths)) {
            throw Error{Reason::refused,
                        formatted("{} is in use: {} ({}) is mounted there", volume.mountpoint,
                                  mounted->source, mounted->type),
                        {.kind = AdviceKind::free_mountpoint}};
        }
        return;
    }
    if (volume.mountpoint == volume.lower || !std::filesystem::exists(mountpoint)) {
        return; // systemd makes a missing mount point
    }
    if (!std::filesystem::is_directory(mountpoint)) {
        refuse_enrollment(formatted("{} is not a directory: choose another mount point", volume.mountpoint));
    }
    std::error_code failed;
    const bool idle = is_idle(mountpoint, failed);
    if (failed) {
        throw_errno(failed.value(), mountpoint.string());
    }
    if (!idle) {
        refuse_enrollment(
            formatted("{} is in use: it holds files, which the volume would hide; move them away first",
                      volume.mountpoint));
    }
}

/// Without symbolic links, as the system below the root calls it; as it is where that cannot be found out.
/// What does not exist yet is taken as it is written.
std::string without_links(const Paths& paths, const std::string& path) {
    std::error_code failed;
    const std::string whole = std::filesystem::weakly_canonical(paths.below_root(path), failed).string();
    if (failed || paths.is_running_system()) {
        return failed ? path : whole;
    }
    const std::string root = std::filesystem::canonical(paths.below_root("/"), failed).string();
    return !failed && whole != root && is_in(whole, root) ? whole.substr(root.size()) : path;
}

void take_links_out_of(const Paths& paths, const bool may_follow, std::string& path,
                       std::vector<Problem>& warnings) {
    if (problem_with_path(path)) {
        return; // is refused next
    }
    std::string found = without_links(paths, path);
    if (found != path && !may_follow) {
        refuse_enrollment(formatted("{} leads to {} through a symbolic link", path, found));
    }
    if (found != path) {
        warnings.push_back(
            {.message = formatted("{} leads to {} through a symbolic link: the volume gets that path", path,
                                  found)});
        path = std::move(found);
    }
}

/// A mount that belongs between the root and the lower directory, and is not there: it will be at the next
/// boot, and then the path leads elsewhere.
void check_table_of_mounts(EnrollSession& session, const std::string& lower) {
    for (const FstabLine& line : session.fstab()) {
        if (line.mountpoint == "/" || !line.mountpoint.starts_with('/') || line.type == "ecryptfs" ||
            !is_in(lower, line.mountpoint)) {
            continue;
        }
        const MountLine* const mounted = session.view().table().covering(lower);
        if (mounted == nullptr || !is_in(mounted->mountpoint, line.mountpoint)) {
            refuse_enrollment(
                formatted("{} lies below {}, where line {} of /etc/fstab mounts {}, which is not mounted",
                          lower, line.mountpoint, line.number, line.source),
                {.kind = AdviceKind::mount_table_line, .subject = line.mountpoint});
        }
    }
}

/// The user's own directory, which the path leads to now.
void check_owner(const std::string& path, const PathLook& look, const uid_t owner) {
    if (!look.owner || *look.owner != owner) {
        refuse_enrollment(look.owner ? formatted("{} belongs to user {} by now", path, *look.owner)
                                     : formatted("{} is not there any more", path));
    }
}

} // namespace

void refuse_enrollment(const std::string& message, Advice advice) {
    throw Error{Reason::refused, message, std::move(advice)};
}

bool is_same_place(const Volume& a, const Volume& b) {
    return a.name == b.name && a.lower == b.lower && a.mountpoint == b.mountpoint;
}

void check_against_manifest(EnrollSession& session, const Volume& volume) {
    const Manifest& manifest = session.manifest();
    const std::string file = session.store().paths().manifest().string();
    if (!manifest.problems.empty()) {
        throw manifest.problems.front().in(file);
    }
    for (const Volume& other : manifest.volumes) {
        if (is_same_place(volume, other)) {
            continue;
        }
        if (other.name == volume.name) {
            throw Error{Reason::refused,
                        formatted("{} already has a volume called \"{}\"", file, volume.name),
                        {.kind = AdviceKind::choose_name_or_remove, .subject = volume.name}};
        }
        if (other.mountpoint == volume.mountpoint) {
            refuse_enrollment(
                formatted("{} is in use: it is the mount point of the volume \"{}\"; choose another one",
                          volume.mountpoint, other.name));
        }
    }
    if (const auto conflict = conflict_with_itself(volume)) {
        refuse_enrollment(*conflict, {AdviceKind::separate_volumes});
    }
    if (const auto conflict = session.taken_places().conflict_with(volume)) {
        refuse_enrollment(*conflict, {AdviceKind::separate_volumes});
    }
}

std::vector<Problem> take_links_out(const Paths& paths, EnrollRequest& request) {
    std::vector<Problem> warnings;
    take_links_out_of(paths, !request.expected, request.volume.lower, warnings);
    take_links_out_of(paths, !request.expected, request.volume.mountpoint, warnings);
    return warnings;
}

LastComponent last_component_before_guard(const bool guard, const Volume& volume) {
    const bool is_to_be_guarded = guard && volume.mountpoint != volume.lower;
    return is_to_be_guarded ? LastComponent::guarded : LastComponent::as_it_is;
}

LastComponent last_component_now(const Paths& paths, const MountList& mounts, const Volume& volume) {
    const std::filesystem::path mountpoint = paths.below_root(volume.mountpoint);
    // Without a mount, the look along the path sees the guard itself.
    return mounts.at(mountpoint) && is_guarded(mountpoint) ? LastComponent::guarded : LastComponent::as_it_is;
}

void check_paths(const Paths& paths, const MountView& view, const Volume& volume,
                 const std::optional<uid_t> owner, const LastComponent last) {
    const PathLook lower = look_along_lower(paths, view, volume);
    const PathLook mountpoint = look_along_mountpoint(paths, view, volume);
    for (auto problem :
         {problem_with_lower(volume, lower), problem_with_mountpoint(volume, mountpoint, last)}) {
        if (problem) {
            refuse_enrollment(problem->message, std::move(problem->advice));
        }
    }
    if (owner) {
        check_owner(volume.lower, lower, *owner);
        check_owner(volume.mountpoint, mountpoint, *owner);
    }
}

std::vector<Problem> check_ground(EnrollSession& session, EnrollRequest& request) {
    Volume& volume = request.volume;
    const Paths& paths = session.store().paths();
    const auto users = other_mounts_of(paths, session.view(), session.ecryptfs_mounts(), volume);
    if (!users.empty()) {
        refuse_enrollment(users.front(), {AdviceKind::end_other_use});
    }
    const auto look = look_at_lower(paths, session.view(), volume);
    if (!look) {
        throw_errno(look.error(), volume.lower);
    }
    const Volume* const before = session.manifest().find(volume.name);
    if (before != nullptr) {
        if (const auto problem = problem_with_ground(*before, look)) {
            refuse_enrollment(*problem, {.kind = AdviceKind::restore_ground, .subject = volume.name});
        }
    }
    volume.ground = look->ground;
    std::vector<Problem> warnings;
    if (!request.may_be_empty && before == nullptr) {
        if (paths.is_running_system()) {
            check_table_of_mounts(session, volume.lower);
        }
        if (look->ground.empty) {
            warnings.push_back(
                {.message = formatted("{} is empty: the volume begins without files", volume.lower),
                 .advice = {AdviceKind::confirm_empty}});
        }
    }
    if (look->read_only) {
        warnings.push_back({.message = formatted("{} is on a file system that is read-only", volume.lower),
                            .advice = {.kind = AdviceKind::mount_read_write, .subject = volume.lower}});
    }
    return warnings;
}

bool is_ground_to_be_written(const Volume& before, const Volume& volume) {
    return volume.ground && (!before.ground || (before.ground->empty && !volume.ground->empty));
}

void check_ciphers_of_kernel(const Paths& paths, const Volume& volume) {
    if (!paths.is_running_system()) {
        return; // another kernel will mount it
    }
    std::set<std::string> absent;
    for (const std::string& cipher : {volume.cipher, volume.filename_cipher}) {
        absent.merge(absent_for_ecryptfs(cipher));
    }
    if (!absent.empty()) {
        const bool is_for_fips = absent.contains("md5") && module_state().is_fips;
        throw Error{
            Reason::unavailable,
            formatted("this kernel does not have {}, which eCryptfs requires for this volume", join(absent)),
            is_for_fips ? Advice{.kind = AdviceKind::leave_fips_mode}
                        : Advice{.kind = AdviceKind::boot_with_cipher, .subject = *absent.begin()}};
    }
}

void check_directories(const Store& store, const MountList& mounts, const Volume& volume) {
    throw_problem("volume name", problem_with_name(volume.name));
    throw_problem("master key", problem_with_name(volume.master));
    throw_problem("lower directory", problem_with_path(volume.lower));
    throw_problem("mount point", problem_with_path(volume.mountpoint));
    static_cast<void>(mount_unit_name(volume.mountpoint)); // throws when no unit can be called so
    check_mount_options(volume);
    const std::filesystem::path lower = store.paths().below_root(volume.lower);
    if (!std::filesystem::exists(lower)) {
        throw Error{Reason::no_input,
                    formatted("{}: no such directory", lower.string()),
                    {.kind = AdviceKind::name_lower}};
    }
    if (!std::filesystem::is_directory(lower)) {
        throw Error{Reason::no_input,
                    formatted("{} is not a directory", lower.string()),
                    {.kind = AdviceKind::name_lower}};
    }
    if (const auto mounted = mounts.at(lower); mounted && mounted->type == "ecryptfs") {
        refuse_enrollment(
            formatted("{} is itself a mounted eCryptfs volume: unmount it, its encrypted files lie below",
                      volume.lower));
    }
    check_mountpoint(store.paths(), mounts, volume);
}

std::vector<Problem> warnings_about(const Policy& policy) {
    std::vector<Problem> warnings;
    if (policy.is_empty()) {
        warnings.push_back({.message =
                                "the policy is empty: whoever has the machine gets the master key, whatever "
                                "they boot on it"});
    }
    for (const PcrPolicy& literal : policy.pcrs) {
        for (const auto& [pcr, value] : literal.values) {
            if (std::ranges::all_of(value, [](const std::byte b) { return b == std::byte{0}; })) {
                warnings.push_back(
                    {.message = formatted("PCR {} ({}) is all zero: nothing was measured into it, so "
                                          "it protects little",
                                          pcr, pcr_meaning(pcr))});
            } else if (is_volatile(pcr)) {
                warnings.push_back(
                    {.message =
                         formatted("PCR {} ({}) differs from boot to boot on many machines: the volumes may "
                                   "ask for their passphrases at the next one",
                                   pcr, pcr_meaning(pcr))});
            }
        }
    }
    return warnings;
}

} // namespace sealmount
