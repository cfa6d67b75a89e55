// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/rescue.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/enroll/enroll_keys.hpp"
#include "core/enroll/enroll_survey.hpp"
#include "core/master/ephemeral_master.hpp"
#include "core/slots/recovery.hpp"
#include "core/unlock/volume_keys.hpp"
#include "core/volume/unit_text.hpp"
#include "core/volume/volume_ground.hpp"
#include "core/volume/volume_paths.hpp"
#include "sys/files/mounts.hpp"
#include "sys/host/process.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// Unloads, however the scope ends, what was not there before.
class TemporaryKeys {
  public:
    TemporaryKeys(Keyring& keyring, const Volume& volume) : keyring_(keyring) {
        for (const std::string& signature : volume.signatures()) {
            if (!keyring.has_volume_key(signature)) {
                ours_.push_back(signature);
            }
        }
    }
    TemporaryKeys(const TemporaryKeys&) = delete;
    TemporaryKeys& operator=(const TemporaryKeys&) = delete;
    ~TemporaryKeys() {
        for (const std::string& signature : ours_) {
            try {
                keyring_.unload_volume_key(signature);
            } catch (const Error&) { // NOLINT(bugprone-empty-catch): it can only be used for a mount
            }
        }
    }

  private:
    Keyring& keyring_;
    std::vector<std::string> ours_;
};

/// The options from which eCryptfs knows how the volume was made; the others are for its own machine.
std::string rescue_options(Volume volume) {
    std::erase_if(volume.options, [](const std::string& option) { return !option.starts_with("ecryptfs_"); });
    volume.nofail = false;
    volume.noauto = false;
    return mount_options(volume, false);
}

Volume volume_between(const std::filesystem::path& lower, const std::filesystem::path& mountpoint) {
    Volume volume;
    volume.lower = std::filesystem::absolute(lower).lexically_normal().string();
    volume.mountpoint = std::filesystem::absolute(mountpoint).lexically_normal().string();
    return volume;
}

/// Nor where others than the owner of the lower directory could put another one in its place.
void check_lower_path(const Volume& volume) {
    const Paths here;
    const MountView view = view_for(here, Viewer::this_process);
    if (auto problem = problem_with_lower(volume, look_along_lower(here, view, volume))) {
        throw Error{Reason::refused, problem->message, std::move(problem->advice)};
    }
}

/// Not even read-only: what another mount of it has not written yet would be missing.
void check_nobody_else(const Volume& volume) {
    const Paths here;
    const MountView view = view_for(here, Viewer::this_process);
    const auto mounts = EcryptfsMounts::look("/proc", view, EcryptfsMounts::held_by_kernel());
    if (const auto users = other_mounts_of(here, view, mounts, volume); !users.empty()) {
        throw Error{Reason::refused, users.front(), {AdviceKind::end_other_use}};
    }
}

} // namespace

Rescued rescue_by_passphrase(const std::filesystem::path& lower, const SecretBytes& passphrase,
                             PassphraseMeans means) {
    EnrollRequest request;
    request.volume.name = "rescue";
    request.volume.lower = lower.string();
    const Survey found = survey_of(lower);
    if (found.empty_of_keys()) {
        throw Error{Reason::refused,
                    formatted("{}: holds no eCryptfs file, so nothing shows how the volume was made",
                              lower.string())};
    }
    static_cast<void>(
        complete_from_survey(request, found)); // its warnings are for volumes that are written to
    const std::vector<Volume> nothing_enrolled;
    PassphraseSource source{passphrase, std::move(means)};
    Rescued rescued;
    rescued.keys = keys_for_volume(nothing_enrolled, request, found, source);
    rescued.volume = std::move(request.volume);
    return rescued;
}

Rescued rescue_from_backup(const Store& backup, const std::string& name, const SecretBytes& answer,
                           const SecretBytes* const filename_passphrase) {
    Rescued rescued{.volume = backup.volume(name), .keys = {}};
    const Volume& volume = rescued.volume;
    const auto recovery_key = recovery_key_from(answer);
    const auto master =
        recovery_key ? open_with_recovery_key(volume.master, backup.master(volume.master), *recovery_key)
                     : std::nullopt;
    if (!master) {
        AnsweredKeys answered{volume};
        answered.add(answer);
        if (filename_passphrase != nullptr) {
            answered.add(*filename_passphrase);
        }
        if (answered.keys().empty()) {
            throw Error{Reason::refused,
                        formatted("that is neither the passphrase of the volume \"{}\" nor the "
                                  "recovery key of its master key \"{}\"",
                                  name, volume.master)};
        }
        if (!answered.is_complete()) {
            throw Error{
                Reason::refused,
                formatted("file names and contents of the volume \"{}\" have a passphrase each", name),
                {AdviceKind::add_filename_passphrase}};
        }
        rescued.keys = std::move(answered).keys();
        return rescued;
    }
    for (const std::string& signature : volume.signatures()) {
        rescued.keys.push_back(
            {.key = volume_key_in(backup, signature, master->key), .signature = signature});
    }
    return rescued;
}

void mount_rescued(Keyring& keyring, const Rescued& rescued, const std::filesystem::path& lower,
                   const std::filesystem::path& mountpoint, const bool read_only) {
    if (mount_at(mountpoint)) {
        throw Error{Reason::refused,
                    formatted("{}: something is mounted there already", mountpoint.string())};
    }
    const Volume place = volume_between(lower, mountpoint);
    check_lower_path(place);
    check_nobody_else(place);
    const SignalsHeld held;
    const TemporaryKeys keys{keyring, rescued.volume};
    if (const auto loaded = load_under_ephemeral_master(keyring, rescued.keys); !loaded) {
        throw Error{Reason::unavailable,
                    formatted("the kernel does not take the keys: {}", describe(loaded.error().kind))};
    }
    mount_ecryptfs(lower, mountpoint, rescue_options(rescued.volume), read_only);
}

} // namespace sealmount
