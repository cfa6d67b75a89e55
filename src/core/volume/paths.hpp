// Where everything lives, below a root that tests, images and rescue systems may choose.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <string_view>

namespace sealmount {

class Paths {
  public:
    /// `root` is "/" or the top of another system's file tree.
    explicit Paths(std::filesystem::path root = "/") : root_(std::move(root)) {}

    [[nodiscard]] std::filesystem::path configuration() const { return root_ / "etc/sealmount"; }
    [[nodiscard]] std::filesystem::path manifest() const { return configuration() / "manifest.json"; }
    [[nodiscard]] std::filesystem::path masters() const { return configuration() / "masters"; }
    [[nodiscard]] std::filesystem::path keys() const { return configuration() / "keys"; }
    /// The record of volumes whose removal has begun; gone when that is complete.
    [[nodiscard]] std::filesystem::path removing() const { return configuration() / "removing.json"; }
    /// A set of files that takes the place of those of the same names in masters() and keys(), as a whole: it
    /// is gone when all have been moved there.
    [[nodiscard]] std::filesystem::path replacement() const { return configuration() / "replacement"; }
    /// The same before it is complete: nobody reads it.
    [[nodiscard]] std::filesystem::path unfinished_replacement() const {
        return configuration() / ".replacement.unfinished";
    }
    /// The renewal of a master key that waits for the passphrases of further volumes.
    [[nodiscard]] std::filesystem::path waiting_renewal(std::string_view master) const {
        return configuration() / ("waiting-" + std::string{master});
    }
    [[nodiscard]] std::filesystem::path runtime() const { return root_ / "run/sealmount"; }
    /// The notes of which volumes are loaded, and which were stopped since (core/store/volume_state.hpp).
    /// Units look for the former (core/volume/unit_text.hpp, units/).
    [[nodiscard]] std::filesystem::path loaded() const { return runtime() / "loaded"; }
    [[nodiscard]] std::filesystem::path stopped() const { return runtime() / "stopped"; }
    /// A note as well: the mounts of this boot are still to come (units/sealmount-load@.service).
    [[nodiscard]] std::filesystem::path booting() const { return runtime() / "booting"; }
    /// Nothing but its presence says that those of this boot had their turn (units/sealmount-booted.service).
    [[nodiscard]] std::filesystem::path booted() const { return root_ / "run/sealmount-booted"; }
    /// A note, too: a TPM that the firmware announces was waited for in vain.
    [[nodiscard]] std::filesystem::path tpm_missing() const { return runtime() / "tpm-missing"; }
    /// For whoever makes that directory.
    static constexpr unsigned runtime_mode = 0700;

    [[nodiscard]] std::filesystem::path master(std::string_view name) const {
        return masters() / (std::string{name} + ".json");
    }
    [[nodiscard]] std::filesystem::path key(std::string_view signature) const {
        return keys() / (std::string{signature} + ".key");
    }

    /// An absolute path of that system, as seen from here.
    [[nodiscard]] std::filesystem::path below_root(const std::filesystem::path& absolute) const {
        return root_ / absolute.relative_path();
    }

    [[nodiscard]] bool is_running_system() const { return root_ == "/"; }

  private:
    std::filesystem::path root_;
};

} // namespace sealmount
