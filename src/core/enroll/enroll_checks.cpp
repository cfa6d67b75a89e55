// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll/enroll_checks.hpp"

#include "base/format.hpp"
#include "core/volume/manifest_rules.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/files/idle_mountpoint.hpp"

#include <algorithm>
#include <filesystem>

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

} // namespace

void refuse_enrollment(const std::string& message, Advice advice) {
    throw Error{Reason::refused, message, std::move(advice)};
}

bool is_same_place(const Volume& a, const Volume& b) {
    return a.name == b.name && a.lower == b.lower && a.mountpoint == b.mountpoint;
}

void check_against_manifest(const Store& store, const Manifest& manifest, const Volume& volume) {
    const std::string file = store.paths().manifest().string();
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
