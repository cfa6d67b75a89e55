// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/store.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "sys/files/files.hpp"

#include <algorithm>
#include <filesystem>

namespace sealmount {

namespace {

constexpr mode_t directory_mode = 0755;
constexpr mode_t private_directory_mode = 0700;
constexpr mode_t manifest_mode = 0644;
constexpr mode_t private_file_mode = 0600;

/// A file that the manifest refers to: its absence is an error in the configuration.
std::string read_referred_file(const std::filesystem::path& file) {
    std::optional<std::string> text = read_trusted_file_if_exists(file);
    if (!text) {
        throw Error{Reason::config,
                    formatted("{}: is missing: restore it from a backup of {}, or enroll the volume again",
                              file.string(), file.parent_path().parent_path().string())};
    }
    return std::move(*text);
}

/// What cannot be looked at, such as a loop of links, is not: whoever opens it says why.
bool is_there(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
}

/// An empty one when the text is empty.
Manifest manifest_of(const std::string& text, const std::filesystem::path& file) {
    if (text.empty()) {
        return {};
    }
    try {
        return read_manifest(text);
    } catch (const Error& error) {
        throw error.in(file.string());
    }
}

} // namespace

std::string Store::manifest_text() const {
    return read_trusted_file_if_exists(paths_.manifest()).value_or("");
}

Manifest Store::manifest() const {
    return manifest_from(manifest_text());
}

Manifest Store::manifest_from(const std::string& text) const {
    return manifest_of(text, paths_.manifest());
}

Manifest Store::removal() const {
    return manifest_of(read_trusted_file_if_exists(paths_.removing()).value_or(""), paths_.removing());
}

Volume Store::volume(const std::string_view name) const {
    const Manifest all = manifest();
    if (const Volume* const found = all.find(name)) {
        return *found;
    }
    if (!all.problems.empty()) {
        throw Error{Reason::config, formatted("{}: no usable volume \"{}\"; {}", paths_.manifest().string(),
                                              name, all.problems.front().what())};
    }
    throw Error{Reason::no_input,
                formatted("{}: no volume is called \"{}\"", paths_.manifest().string(), name)};
}

/// Where the file is read: in a replacement that has been decided but not moved yet, or at its place.
std::filesystem::path Store::current(const std::filesystem::path& file) const {
    const auto replaced = paths_.replacement() / file.lexically_relative(paths_.configuration());
    return is_there(replaced) ? replaced : file;
}

MasterFile Store::master(const std::string_view name) const {
    const std::filesystem::path file = current(paths_.master(name));
    const std::string text = read_referred_file(file);
    try {
        return read_master_file(text);
    } catch (const Error& error) {
        throw error.in(file.string());
    }
}

PolicyFileReader Store::policy_files() const {
    return [this](const std::string& file) { return read_trusted_file(paths_.below_root(file)); };
}

bool Store::has_master(const std::string_view name) const {
    return is_there(current(paths_.master(name)));
}

std::string Store::master_text(const std::string_view name) const {
    return read_trusted_file_if_exists(current(paths_.master(name))).value_or("");
}

bool Store::has_recovery_key(const std::string_view name) const {
    try {
        return !master(name).recovery.empty();
    } catch (const std::exception&) {
        return false;
    }
}

std::string Store::key(const std::string_view signature) const {
    const std::filesystem::path file = current(paths_.key(signature));
    std::string text = read_referred_file(file);
    // Editors add a line end, which the kernel would read as a part of the key (encrypted.c, datablob_parse).
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    try {
        static_cast<void>(master_description_of(text));
    } catch (const Error& error) {
        throw error.in(file.string());
    }
    return text;
}

bool Store::has_key(const std::string_view signature) const {
    return is_there(current(paths_.key(signature)));
}

std::set<std::string> Store::key_signatures() const {
    std::set<std::string> signatures;
    for (const std::filesystem::path& directory :
         {paths_.keys(), paths_.replacement() / paths_.keys().filename()}) {
        std::error_code failed;
        for (std::filesystem::directory_iterator entry{directory, failed}, end; !failed && entry != end;
             entry.increment(failed)) {
            if (entry->path().extension() == ".key") {
                signatures.insert(entry->path().stem().string());
            }
        }
    }
    return signatures;
}

void Store::check_writable() const {
    sealmount::check_writable(paths_.configuration());
    sealmount::check_writable(paths_.masters());
    sealmount::check_writable(paths_.keys());
}

void Store::write(const std::filesystem::path& file, const std::string_view text, const mode_t mode) const {
    write_file_atomically(file, text, mode);
    // Whoever writes holds the lock, so leftovers there have no owner any more.
    remove_leftovers(file.parent_path());
}

void Store::write_master(const std::string_view name, const MasterFile& master) const {
    make_directory(paths_.configuration(), directory_mode);
    make_directory(paths_.masters(), private_directory_mode);
    write(paths_.master(name), write_master_file(master), private_file_mode);
}

void Store::write_key(const std::string_view signature, const std::string_view text) const {
    write_keys({{std::string{signature}, std::string{text}}});
}

void Store::write_keys(const std::map<std::string, std::string>& texts) const {
    make_directory(paths_.configuration(), directory_mode);
    make_directory(paths_.keys(), private_directory_mode);
    std::vector<NewFile> files;
    for (const auto& [signature, text] : texts) {
        // No line end: the file is the exact text that add_key(2) takes.
        files.push_back({.file = paths_.key(signature), .contents = text});
    }
    write_files_atomically(files, private_file_mode);
    remove_leftovers(paths_.keys()); // as in write()
}

void Store::write_manifest(const std::string_view text) const {
    make_directory(paths_.configuration(), directory_mode);
    write(paths_.manifest(), text, manifest_mode);
}

void Store::replace(const std::string_view name, const MasterFile& master,
                    const std::map<std::string, std::string>& keys) const {
    const std::filesystem::path unfinished = paths_.unfinished_replacement();
    const auto place = [&](const std::filesystem::path& file) {
        return unfinished / file.lexically_relative(paths_.configuration());
    };
    make_directory(unfinished, private_directory_mode);
    make_directory(unfinished / "masters", private_directory_mode);
    make_directory(unfinished / "keys", private_directory_mode);
    write_file_atomically(place(paths_.master(name)), write_master_file(master), private_file_mode);
    for (const auto& [signature, text] : keys) {
        write_file_atomically(place(paths_.key(signature)), text, private_file_mode);
    }
    const FileLock no_unlock = unlock_lock(); // none may read one file before and another after this point
    rename_durably(unfinished, paths_.replacement());
    move_replacement();
}

void Store::finish_replacement() const {
    remove_tree_durably(paths_.unfinished_replacement());
    if (is_there(paths_.replacement())) {
        // No unlock may look for a file in one place and read it in the other.
        const FileLock no_unlock = unlock_lock();
        move_replacement();
    }
}

void Store::move_replacement() const {
    const std::filesystem::path replacement = paths_.replacement();
    for (const std::filesystem::path& place : {paths_.masters(), paths_.keys()}) {
        const auto from = replacement / place.filename();
        if (!is_there(from)) {
            continue;
        }
        make_directory(place, private_directory_mode); // it may have been lost, and the set replaces it
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator{from}) {
            files.push_back(entry.path());
        }
        std::ranges::sort(files);
        for (const std::filesystem::path& file : files) {
            rename_durably(file, place / file.filename());
        }
        remove_tree_durably(from);
    }
    remove_tree_durably(replacement);
}

std::optional<Store::WaitingRenewal> Store::waiting_renewal(const std::string_view name) const {
    const auto text = read_trusted_file_if_exists(paths_.waiting_renewal(name) / "master.json");
    if (!text) {
        return std::nullopt;
    }
    WaitingRenewal waiting{.master = read_master_file(*text), .keys = {}};
    for (const auto& entry : std::filesystem::directory_iterator{paths_.waiting_renewal(name)}) {
        if (entry.path().extension() == ".key") {
            waiting.keys.emplace(entry.path().stem().string(), read_trusted_file(entry.path()));
        }
    }
    return waiting;
}

void Store::write_waiting_renewal(const std::string_view name, const MasterFile& master,
                                  const std::map<std::string, std::string>& keys) const {
    const std::filesystem::path directory = paths_.waiting_renewal(name);
    const std::string text = write_master_file(master);
    const auto before = read_trusted_file_if_exists(directory / "master.json");
    if (before && *before != text) {
        drop_waiting_renewal(name); // its keys are under another master key
    }
    make_directory(directory, private_directory_mode);
    write_file_atomically(directory / "master.json", text, private_file_mode);
    for (const auto& [signature, key] : keys) {
        write_file_atomically(directory / formatted("{}.key", signature), key, private_file_mode);
    }
}

void Store::drop_waiting_renewal(const std::string_view name) const {
    remove_tree_durably(paths_.waiting_renewal(name));
}

void Store::write_removal(const Volume& volume) const {
    write(paths_.removing(), manifest_with("", volume), private_file_mode);
}

void Store::remove_master(const std::string_view name) const {
    drop_waiting_renewal(name);
    remove_file_durably(paths_.master(name));
}

void Store::remove_key(const std::string_view signature) const {
    remove_file_durably(paths_.key(signature));
}

void Store::remove_removal() const {
    remove_file_durably(paths_.removing());
}

FileLock Store::lock() const {
    make_directory(paths_.runtime(), private_directory_mode);
    FileLock held{paths_.runtime() / "store.lock"};
    make_durable();
    finish_replacement();
    return held;
}

/// Each file was durable before it got its name; the name is, once its directory is.
void Store::make_durable() const {
    const std::filesystem::path configuration = paths_.configuration();
    for (const std::filesystem::path& directory :
         {configuration.parent_path(), configuration, paths_.masters(), paths_.keys()}) {
        if (std::filesystem::is_directory(directory)) {
            sync_directory(directory);
        }
    }
}

FileLock Store::lock_within(const std::chrono::milliseconds limit) const {
    make_directory(paths_.runtime(), private_directory_mode);
    FileLock held{paths_.runtime() / "store.lock", limit};
    make_durable();
    finish_replacement();
    return held;
}

FileLock Store::unlock_lock() const {
    make_directory(paths_.runtime(), private_directory_mode);
    return FileLock{paths_.runtime() / "unlock.lock"};
}

} // namespace sealmount
