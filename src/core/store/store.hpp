// The store: the directory that holds the whole configuration of a machine, read and written as a whole.
// Masters, keys and manifest (the commit point) are written in this order; they are removed in reverse, with
// a record of what is to go, from before the manifest until after the last file. A master key and its keys
// are replaced together: a complete set in a directory of its own, whose renaming is the commit point; from
// then on it is read in place of the old files, until it has overwritten them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/master_file.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"
#include "sys/files/files.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// All errors name the file. Files that others than root could have written are refused.
class Store {
  public:
    explicit Store(Paths paths) : paths_(std::move(paths)) {}

    [[nodiscard]] const Paths& paths() const { return paths_; }

    /// The manifest; an empty one when the file does not exist. Throws Error{config}.
    [[nodiscard]] Manifest manifest() const;
    /// Its text as it is, "" when the file does not exist.
    [[nodiscard]] std::string manifest_text() const;
    /// The manifest that such a text makes.
    [[nodiscard]] Manifest manifest_from(const std::string& text) const;

    /// The volume of that name. Throws Error{config} when the manifest holds it but it is bad,
    /// Error{no_input} when there is none.
    [[nodiscard]] Volume volume(std::string_view name) const;

    /// Throws Error{config} when the file is missing, Error{bad_data} when damaged.
    [[nodiscard]] MasterFile master(std::string_view name) const;
    [[nodiscard]] bool has_master(std::string_view name) const;
    /// The text of the file as it is, "" when it does not exist.
    [[nodiscard]] std::string master_text(std::string_view name) const;
    /// Does the file have a slot for one? False for a file that is missing or damaged: it opens nothing
    /// either.
    [[nodiscard]] bool has_recovery_key(std::string_view name) const;

    /// Reads the files that policies name, below this system's root. Refers to the store.
    [[nodiscard]] PolicyFileReader policy_files() const;

    /// The text of an encrypted key, without a line end; it has the form of one
    /// (core/ecryptfs/encrypted_key.hpp). Throws like master().
    [[nodiscard]] std::string key(std::string_view signature) const;
    [[nodiscard]] bool has_key(std::string_view signature) const;
    /// Those of all key files that are there, whether a volume uses them or not.
    [[nodiscard]] std::set<std::string> key_signatures() const;

    /// The volume whose removal has begun, if there is one: in the form of a manifest. Throws Error{config}.
    [[nodiscard]] Manifest removal() const;

    /// Throws Error{cannot_create} or {refused} when the three kinds of files could not be written.
    void check_writable() const;

    void write_master(std::string_view name, const MasterFile& master) const;
    void write_key(std::string_view signature, std::string_view text) const;
    /// The texts of several, by signature, which become durable together. When this fails, some may have been
    /// written.
    void write_keys(const std::map<std::string, std::string>& texts) const;
    void write_manifest(std::string_view text) const;
    /// Under lock(). Replaces a master file and key files as a whole: after a power cut at any instant all
    /// are the old ones, or all are the new ones. Waits for the unlock that runs now, if one does.
    void replace(std::string_view master_name, const MasterFile& master,
                 const std::map<std::string, std::string>& keys) const;
    /// Ends a replacement that was killed after its commit point, and clears away one that did not reach it.
    void finish_replacement() const;

    /// A new master key and the keys that are encrypted under it so far, waiting for the others.
    struct WaitingRenewal {
        MasterFile master;
        std::map<std::string, std::string> keys;
    };
    /// Nothing when there is none. Throws Error.
    [[nodiscard]] std::optional<WaitingRenewal> waiting_renewal(std::string_view master_name) const;
    void write_waiting_renewal(std::string_view master_name, const MasterFile& master,
                               const std::map<std::string, std::string>& keys) const;
    void drop_waiting_renewal(std::string_view master_name) const;

    void write_removal(const Volume& volume) const;
    void remove_master(std::string_view name) const;
    void remove_key(std::string_view signature) const;
    void remove_removal() const;

    /// The lock that every change of the store is made under. What a writer that was killed has left is made
    /// durable first, because whoever goes on from it relies on it; then a replacement that was killed is
    /// ended.
    [[nodiscard]] FileLock lock() const;
    /// The same for who can do without: throws Error{try_later} after this time.
    [[nodiscard]] FileLock lock_within(std::chrono::milliseconds limit) const;

    /// The lock of every unlock: one at a time, since the raw TPM device takes only one, and whoever waited
    /// may find its keys loaded.
    [[nodiscard]] FileLock unlock_lock() const;

  private:
    [[nodiscard]] std::filesystem::path current(const std::filesystem::path& file) const;
    void make_durable() const;
    void move_replacement() const;
    void write(const std::filesystem::path& file, std::string_view text, mode_t mode) const;

    Paths paths_;
};

} // namespace sealmount
