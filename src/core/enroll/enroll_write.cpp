// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_write.hpp"

#include "base/format.hpp"
#include "core/enroll/enroll_checks.hpp"
#include "core/store/store_check.hpp"
#include "sys/files/files.hpp"
#include "sys/files/guard.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sealmount {

namespace {

/// The mount point as an enrollment makes it, so that a failed one can take it back.
class GuardedMountpoint {
  public:
    GuardedMountpoint(const Paths& paths, StagedVolume& volume)
        : paths_(paths), enrolled_(volume.enrolled), place_(paths.below_root(enrolled_.volume.mountpoint)) {
        for (auto missing = place_; !std::filesystem::exists(missing); missing = missing.parent_path()) {
            made_.push_back(missing);
        }
    }

    void set() {
        try {
            std::set<std::filesystem::path> changed; // sync() looks at all of them
            make_directory(place_, mountpoint_mode, changed);
        } catch (const Error& error) {
            problem_ = error.what();
            return;
        }
        const bool was_guarded = is_guarded(place_);
        if (const auto guarded = set_guard(place_); !guarded) {
            problem_ = guarded.error();
            return;
        }
        set_ = !was_guarded;
    }

    /// The directory, the names that lead to it, and its guard, by whomever they were made. `synced`: what
    /// was already.
    void sync(std::set<std::filesystem::path>& synced) {
        if (problem_) {
            return;
        }
        try {
            sync_names(synced);
        } catch (const Error& error) {
            problem_ = error.what();
            return;
        }
        if (auto guarded = sync_guard(place_); !guarded) {
            problem_ = std::move(guarded.error());
        }
    }

    void report() {
        enrolled_.guarded = !problem_;
        if (problem_) {
            enrolled_.warnings.push_back(
                {.message =
                     formatted("{} cannot be guarded: {}; while the volume is not mounted, programs may "
                               "write plaintext there",
                               enrolled_.volume.mountpoint, *problem_),
                 .advice = {.kind = AdviceKind::guard_by_hand}});
        }
    }

    void take_back() const noexcept {
        if (set_) {
            static_cast<void>(lift_guard(place_));
        }
        for (const auto& directory : made_) {
            std::error_code stays;
            std::filesystem::remove(directory, stays);
        }
    }

  private:
    void sync_names(std::set<std::filesystem::path>& synced) const {
        std::filesystem::path up = enrolled_.volume.mountpoint;
        while (up != up.root_path()) {
            up = up.parent_path();
            const auto directory = paths_.below_root(up);
            if (!synced.contains(directory)) {
                sync_directory(directory);
                synced.insert(directory);
            }
        }
    }

    static constexpr mode_t mountpoint_mode = 0755;
    const Paths& paths_;
    Enrolled& enrolled_;
    std::filesystem::path place_;
    std::vector<std::filesystem::path> made_; ///< with the parents, from below
    bool set_ = false;
    std::optional<std::string> problem_;
};

/// All are set before the first is made durable: the file system commits its journal once for them then.
void guard_mountpoints(const Paths& paths, const std::span<StagedVolume* const> volumes,
                       std::deque<GuardedMountpoint>& mountpoints) {
    for (StagedVolume* const volume : volumes) {
        if (volume->guard && volume->enrolled.volume.mountpoint != volume->enrolled.volume.lower) {
            mountpoints.emplace_back(paths, *volume);
        }
    }
    for (GuardedMountpoint& mountpoint : mountpoints) {
        mountpoint.set();
    }
    std::set<std::filesystem::path> synced;
    for (GuardedMountpoint& mountpoint : mountpoints) {
        mountpoint.sync(synced);
        mountpoint.report();
    }
}

/// Before the guards are set, and once they are.
void check_paths_of(EnrollSession& session, const std::span<StagedVolume* const> volumes,
                    const bool are_guarded) {
    const Paths& paths = session.store().paths();
    for (const StagedVolume* const staged : volumes) {
        const Volume& volume = staged->enrolled.volume;
        check_paths(paths, session.view(), volume, staged->owner,
                    are_guarded ? last_component_now(paths, session.mounts(), volume)
                                : last_component_before_guard(staged->guard, volume));
    }
}

/// What is left to do when a write failed, even if that fails as well.
template<typename Action>
void attempt(const Action& action) noexcept {
    try {
        action();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the first failure is the one to report
    }
}

bool holds(const Store& store, const std::string& signature, const std::string& text) {
    try {
        return store.key(signature) == text;
    } catch (const Error&) {
        return false; // damaged
    }
}

/// Nothing where it cannot be read.
std::optional<Manifest> manifest_on_disk(const Store& store) {
    try {
        return store.manifest();
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// The files of a group, in the order of the store's rule: the manifest is last, so until then nothing refers
/// to the others.
class GroupFiles {
  public:
    GroupFiles(EnrollSession& session, const std::span<StagedVolume* const> volumes)
        : session_(session), store_(session.store()), volumes_(volumes) {}

    /// Throws Error.
    void write() {
        write_masters();
        write_keys();
        write_manifest();
        for (const std::string& name : written_masters_) {
            session_.master(name).note_written();
        }
    }

    /// Past the commit point there is no way back: a failure there (a directory that cannot be synchronized)
    /// leaves volumes that open. Where that is not known, they are committed: nothing is taken from a volume.
    [[nodiscard]] bool is_committed(const std::optional<Manifest>& on_disk) const {
        return !on_disk || std::ranges::any_of(volumes_, [&](const StagedVolume* const volume) {
            return !volume->is_listed && on_disk->find(volume->enrolled.volume.name) != nullptr;
        });
    }

    /// What is new and not used by a volume of the manifest.
    void take_back(const Manifest& on_disk) const noexcept {
        for (const std::string& signature : new_keys_) {
            if (std::ranges::none_of(on_disk.volumes, [&](const Volume& volume) {
                    return volume.signature == signature || volume.filename_signature == signature;
                })) {
                attempt([&] { store_.remove_key(signature); });
            }
        }
        for (const std::string& name : written_masters_) {
            if (session_.master(name).is_new &&
                std::ranges::none_of(on_disk.volumes,
                                     [&](const Volume& volume) { return volume.master == name; })) {
                attempt([&] { store_.remove_master(name); });
            }
        }
    }

  private:
    /// All keys that are under it then prove the file, and it allows what the volumes ask for.
    void prove_master(const std::string& name, EnrolledMaster& master) {
        KeyTexts texts;
        const std::string before = slots_form(master.file);
        for (const StagedVolume* const staged : volumes_) {
            const Volume& volume = staged->enrolled.volume;
            if (volume.master == name) {
                texts.insert(staged->texts.begin(), staged->texts.end());
                master.file.may_rebind = master.file.may_rebind || volume.rebind_after_recovery;
            }
        }
        const bool is_same = slots_form(master.file) == before;
        if (!is_same || !master.file.is_sealed()) { // else the others have proved it when it was opened
            texts.merge(texts_under(store_, name));
        }
        master.file = proved(name, std::move(master.file), master.key, texts,
                             is_same ? KnownProofs::kept : KnownProofs::dropped);
    }

    void write_masters() {
        std::set<std::string> looked_at;
        for (StagedVolume* const staged : volumes_) {
            Enrolled& enrolled = staged->enrolled;
            const std::string& name = enrolled.volume.master;
            if (!looked_at.insert(name).second) {
                continue;
            }
            EnrolledMaster& master = session_.master(name);
            prove_master(name, master);
            if (write_master_file(master.file) == master.on_disk) {
                continue;
            }
            written_masters_.insert(name);
            store_.write_master(name, master.file);
            enrolled.files.push_back(store_.paths().master(name).string());
            enrolled.new_master = master.is_new;
            enrolled.new_srk = master.new_srk;
            enrolled.srk = master.srk;
            enrolled.recovery_slot = master.recovery_slot;
        }
    }

    void write_keys() {
        KeyTexts missing;
        for (StagedVolume* const staged : volumes_) {
            for (const auto& [signature, text] : staged->texts) {
                if (missing.contains(signature)) {
                    continue;
                }
                if (!store_.has_key(signature)) {
                    new_keys_.push_back(signature);
                } else if (holds(store_, signature, text)) {
                    continue;
                }
                missing.emplace(signature, text);
                staged->enrolled.files.push_back(store_.paths().key(signature).string());
            }
        }
        if (!missing.empty()) {
            store_.write_keys(missing);
        }
    }

    void write_manifest() {
        std::vector<Volume> added;
        std::map<std::string, Ground> grounds;
        for (StagedVolume* const staged : volumes_) {
            const Volume& volume = staged->enrolled.volume;
            if (!staged->is_listed) {
                added.push_back(volume);
            } else if (staged->has_new_ground) {
                grounds.insert_or_assign(volume.name, *volume.ground);
            } else {
                continue;
            }
            staged->enrolled.files.push_back(store_.paths().manifest().string());
        }
        if (!added.empty() || !grounds.empty()) {
            session_.write_manifest(added, grounds);
        }
    }

    EnrollSession& session_;
    const Store& store_;
    std::span<StagedVolume* const> volumes_;
    std::set<std::string> written_masters_;
    std::vector<std::string> new_keys_;
};

/// Of an attempt before, in another group.
void forget_outcome(Enrolled& enrolled) {
    enrolled.new_master = false;
    enrolled.new_srk = false;
    enrolled.srk.reset();
    enrolled.recovery_slot.reset();
    enrolled.guarded = false;
    enrolled.files.clear();
    enrolled.warnings.clear();
}

} // namespace

std::optional<WriteFailure> write_group(EnrollSession& session,
                                        const std::span<StagedVolume* const> volumes) {
    for (StagedVolume* const volume : volumes) {
        forget_outcome(volume->enrolled);
    }
    std::deque<GuardedMountpoint> mountpoints;
    GroupFiles files{session, volumes};
    try {
        check_paths_of(session, volumes, false);
        guard_mountpoints(session.store().paths(), volumes, mountpoints);
        check_paths_of(session, volumes, true);
        files.write();
        return std::nullopt;
    } catch (const Error& error) {
        const auto on_disk = manifest_on_disk(session.store());
        const bool is_committed = files.is_committed(on_disk);
        if (!is_committed) {
            files.take_back(*on_disk);
            for (const GuardedMountpoint& mountpoint : mountpoints) {
                mountpoint.take_back();
            }
        }
        return WriteFailure{.error = error, .is_committed = is_committed};
    }
}

} // namespace sealmount
