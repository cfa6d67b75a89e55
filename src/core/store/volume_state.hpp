// What was loaded since boot: one note for each volume in /run/sealmount/loaded or, once it was stopped, in
// /run/sealmount/stopped. Units look for the former before they start a process, or a mount. A note that
// is there keeps a key that two volumes share until the last of them stops, and lets a volume be unloaded
// after it has left the manifest. Nothing depends on one that is missing: what is loaded is asked of the
// kernel.
//
// A note is a symbolic link, whose target is what it says and not a path: tmpfs keeps it in the inode
// (mm/shmem.c, shmem_symlink()), so that it fits in a /run that is full; and a change of state is a rename,
// which takes no room at all.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

enum class VolumeState {
    untouched, ///< not loaded since boot
    loaded,    ///< its keys were loaded
    stopped,   ///< was loaded and unloaded again
};

[[nodiscard]] VolumeState volume_state(const Paths& paths, std::string_view volume);

/// How the keys of a loaded volume came in: "trusted" or "user" (the forms of a master key), "credential",
/// "passphrase" or "recovery-key"; "" when it is not loaded, or that is not known.
[[nodiscard]] std::string loaded_by(const Paths& paths, std::string_view volume);

/// The signatures of a loaded volume's keys; none when there is no note.
[[nodiscard]] std::vector<std::string> loaded_signatures(const Paths& paths, std::string_view volume);

/// Those of all loaded volumes but this one.
[[nodiscard]] std::vector<std::string> signatures_of_others(const Paths& paths, std::string_view volume);

/// Makes the directories of the notes, for whoever waits for one. Throws Error.
void prepare_notes(const Paths& paths);

/// After the keys are in the kernel. `how` as loaded_by() has it; "" when they were there already: as the
/// note has it, then. Throws Error when /run takes no more files.
void mark_loaded(const Paths& paths, const Volume& volume, std::string_view how = "");

/// After the keys have gone. Throws Error when the note that it is loaded cannot be taken away; that it was
/// stopped is forgotten where there is no room for it.
void mark_stopped(const Paths& paths, std::string_view volume);

/// The note that it is loaded is not true: the kernel does not have its keys.
void forget_loaded(const Paths& paths, std::string_view volume) noexcept;

/// The next boot, or what counts as one, begins: whatever was stopped in the last may be loaded again.
void forget_stopped(const Paths& paths, std::string_view volume) noexcept;

/// The mounts of this boot, or of what counts as one, are still to come: until sealmount-manifest.service
/// takes this note away, units believe the others. Without room for it each volume asks the kernel.
void note_booting(const Paths& paths) noexcept;

/// Is the boot over, so that whoever unlocks now does it by hand? What was stopped stays stopped then.
[[nodiscard]] bool is_booted(const Paths& paths) noexcept;

/// A TPM that the firmware announces was waited for in vain: nobody else waits as long, until the next boot.
void note_tpm_missing(const Paths& paths) noexcept;
[[nodiscard]] bool is_tpm_missing_noted(const Paths& paths) noexcept;
void forget_tpm_missing(const Paths& paths) noexcept;

} // namespace sealmount
