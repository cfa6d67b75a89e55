// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/store.hpp"

#include "core/encrypted_key.hpp"
#include "sys/files.hpp"

#include <filesystem>

namespace sealmount {

namespace {

constexpr mode_t directory_mode = 0755;
constexpr mode_t private_directory_mode = 0700;
constexpr mode_t manifest_mode = 0644;
constexpr mode_t private_file_mode = 0600;

/// A file that the manifest refers to: its absence is a fault of the configuration.
std::string read_referred_file(const std::filesystem::path& file) {
    std::optional<std::string> text = read_trusted_file_if_exists(file);
    if (!text) {
        throw Error{Reason::config, file.string() + ": is missing: restore it from a backup of " +
                                        file.parent_path().parent_path().string() +
                                        ", or enroll the volume again"};
    }
    return std::move(*text);
}

/// An empty one when the file does not exist.
Manifest manifest_in(const std::filesystem::path& file) {
    const std::string text = read_trusted_file_if_exists(file).value_or("");
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
    return manifest_in(paths_.manifest());
}

Manifest Store::removal() const {
    return manifest_in(paths_.removing());
}

Volume Store::volume(const std::string_view name) const {
    const Manifest all = manifest();
    if (const Volume* const found = all.find(name)) {
        return *found;
    }
    if (!all.problems.empty()) {
        throw Error{Reason::config, paths_.manifest().string() + ": no usable volume \"" + std::string{name} +
                                        "\"; " + all.problems.front().what()};
    }
    throw Error{Reason::no_input,
                paths_.manifest().string() + ": no volume is called \"" + std::string{name} + "\""};
}

MasterFile Store::master(const std::string_view name) const {
    const std::filesystem::path file = paths_.master(name);
    const std::string text = read_referred_file(file);
    try {
        return read_master_file(text);
    } catch (const Error& error) {
        throw error.in(file.string());
    }
}

bool Store::has_master(const std::string_view name) const {
    return std::filesystem::exists(paths_.master(name));
}

std::string Store::key(const std::string_view signature) const {
    const std::filesystem::path file = paths_.key(signature);
    std::string text = read_referred_file(file);
    // Editors add a line end, which the kernel would take for a part of the key (encrypted.c,
    // datablob_parse).
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
    return std::filesystem::exists(paths_.key(signature));
}

void Store::check_writable() const {
    sealmount::check_writable(paths_.configuration());
    sealmount::check_writable(paths_.masters());
    sealmount::check_writable(paths_.keys());
}

void Store::write(const std::filesystem::path& file, const std::string_view text, const mode_t mode) const {
    write_file_atomically(file, text, mode);
    // Whoever writes holds the lock, so what lies there has no owner any more.
    remove_leftovers(file.parent_path());
}

void Store::write_master(const std::string_view name, const MasterFile& master) const {
    make_directory(paths_.configuration(), directory_mode);
    make_directory(paths_.masters(), private_directory_mode);
    write(paths_.master(name), write_master_file(master), private_file_mode);
}

void Store::write_key(const std::string_view signature, const std::string_view text) const {
    make_directory(paths_.configuration(), directory_mode);
    make_directory(paths_.keys(), private_directory_mode);
    // No line end: the file is the exact text that add_key(2) takes.
    write(paths_.key(signature), text, private_file_mode);
}

void Store::write_manifest(const std::string_view text) const {
    make_directory(paths_.configuration(), directory_mode);
    write(paths_.manifest(), text, manifest_mode);
}

void Store::write_removal(const Volume& volume) const {
    write(paths_.removing(), manifest_with("", volume), private_file_mode);
}

void Store::remove_master(const std::string_view name) const {
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
    return FileLock{paths_.runtime() / "store.lock"};
}

} // namespace sealmount
