// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/volume_state.hpp"

#include "base/error.hpp"
#include "sys/files/files.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

constexpr const char* not_known = "-";
constexpr char note_separator = ':';

/// What a note says: how, then the signatures. Empty when there is none.
std::vector<std::string> read_note(const fs::path& note) {
    std::error_code no_note;
    const std::string text = fs::read_symlink(note, no_note).string();
    std::vector<std::string> words;
    for (std::size_t start = 0; !no_note && start <= text.size();) {
        const std::size_t end = std::min(text.find(note_separator, start), text.size());
        words.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return words;
}

bool is_note(const fs::path& note) {
    std::error_code ignored;
    return fs::is_symlink(fs::symlink_status(note, ignored));
}

fs::path loaded_note(const Paths& paths, const std::string_view volume) {
    return paths.loaded() / volume;
}

fs::path stopped_note(const Paths& paths, const std::string_view volume) {
    return paths.stopped() / volume;
}

std::vector<std::string> signatures_in(const fs::path& note) {
    std::vector<std::string> words = read_note(note);
    if (!words.empty()) {
        words.erase(words.begin());
    }
    return words;
}

std::string note_text(const Volume& volume, const std::string_view how) {
    std::string text{how};
    for (const std::string& signature : volume.signatures()) {
        text += note_separator;
        text += signature;
    }
    return text;
}

/// Makes or replaces a note at once. Throws Error.
void write_note(const fs::path& note, const std::string& text) {
    std::error_code error;
    fs::create_symlink(text, note, error);
    if (error == std::errc::file_exists) {
        // No volume has such a name; and the lock of all unlocks is held, so nobody else makes it.
        const fs::path next = note.parent_path() / (".next-" + note.filename().string());
        std::error_code ignored;
        fs::remove(next, ignored);
        error.clear();
        fs::create_symlink(text, next, error);
        if (!error) {
            fs::rename(next, note, error);
        }
    }
    if (error) {
        throw_errno(error.value(), note.string());
    }
}

void remove_quietly(const fs::path& note) noexcept {
    std::error_code ignored;
    fs::remove(note, ignored);
}

/// One that only saves processes, or time.
void note_quietly(const Paths& paths, const fs::path& note) noexcept {
    try {
        prepare_notes(paths);
        write_note(note, not_known);
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): everything works without it
    }
}

} // namespace

VolumeState volume_state(const Paths& paths, const std::string_view volume) {
    if (is_note(loaded_note(paths, volume))) {
        return VolumeState::loaded;
    }
    return is_note(stopped_note(paths, volume)) ? VolumeState::stopped : VolumeState::untouched;
}

std::string loaded_by(const Paths& paths, const std::string_view volume) {
    const std::vector<std::string> words = read_note(loaded_note(paths, volume));
    return words.empty() || words.front() == not_known ? "" : words.front();
}

std::vector<std::string> loaded_signatures(const Paths& paths, const std::string_view volume) {
    return signatures_in(loaded_note(paths, volume));
}

std::vector<std::string> signatures_of_others(const Paths& paths, const std::string_view volume) {
    std::vector<std::string> all;
    std::error_code ignored;
    for (fs::directory_iterator entry{paths.loaded(), ignored}, end; entry != end; entry.increment(ignored)) {
        if (entry->path().filename() != volume) {
            const std::vector<std::string> theirs = signatures_in(entry->path());
            all.insert(all.end(), theirs.begin(), theirs.end());
        }
    }
    return all;
}

void prepare_notes(const Paths& paths) {
    make_directory(paths.runtime(), Paths::runtime_mode);
    make_directory(paths.loaded(), Paths::runtime_mode);
    make_directory(paths.stopped(), Paths::runtime_mode);
}

void mark_loaded(const Paths& paths, const Volume& volume, const std::string_view how) {
    prepare_notes(paths);
    const fs::path note = loaded_note(paths, volume.name);
    const fs::path stopped = stopped_note(paths, volume.name);
    std::string known{how};
    if (known.empty()) {
        const std::vector<std::string> before = read_note(note);
        known = before.empty() ? not_known : before.front();
    }
    const std::string text = note_text(volume, known);
    std::error_code no_note;
    if (fs::read_symlink(stopped, no_note) == text) {
        fs::rename(stopped, note, no_note);
    }
    if (fs::read_symlink(note, no_note) != text) {
        write_note(note, text);
    }
    remove_quietly(stopped);
}

void mark_stopped(const Paths& paths, const std::string_view volume) {
    const fs::path note = loaded_note(paths, volume);
    const fs::path stopped = stopped_note(paths, volume);
    std::error_code error;
    fs::rename(note, stopped, error);
    if (!error) {
        return;
    }
    try {
        prepare_notes(paths);
        if (is_note(note)) {
            fs::rename(note, stopped, error);
        } else if (!is_note(stopped)) {
            write_note(stopped, not_known);
        }
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): it is a help, and no more
    }
    if (is_note(note)) {
        fs::remove(note, error);
        if (error) {
            throw_errno(error.value(), note.string());
        }
    }
}

void forget_loaded(const Paths& paths, const std::string_view volume) noexcept {
    remove_quietly(loaded_note(paths, volume));
}

void forget_stopped(const Paths& paths, const std::string_view volume) noexcept {
    remove_quietly(stopped_note(paths, volume));
}

void note_booting(const Paths& paths) noexcept {
    note_quietly(paths, paths.booting());
}

bool is_booted(const Paths& paths) noexcept {
    std::error_code ignored;
    return fs::is_directory(paths.booted(), ignored);
}

void note_tpm_missing(const Paths& paths) noexcept {
    note_quietly(paths, paths.tpm_missing());
}

bool is_tpm_missing_noted(const Paths& paths) noexcept {
    return is_note(paths.tpm_missing());
}

void forget_tpm_missing(const Paths& paths) noexcept {
    remove_quietly(paths.tpm_missing());
}

} // namespace sealmount
