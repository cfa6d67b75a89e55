// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_state.hpp"

#include "sys/raw/raw_file.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

constexpr const char* how_is_not_known = "-";
constexpr char word_separator = ':';
constexpr const char* loaded_directory = "/loaded";
constexpr const char* stopped_directory = "/stopped";

/// The signatures are behind the first word, which says how.
std::vector<std::string> signatures_in_note(const std::string& text) {
    std::vector<std::string> signatures;
    for (std::size_t at = text.find(word_separator); at != std::string::npos;) {
        const std::size_t end = text.find(word_separator, at + 1);
        signatures.push_back(text.substr(at + 1, end == std::string::npos ? end : end - at - 1));
        at = end;
    }
    return signatures;
}

std::string text_of_note(const Volume& volume, const std::string_view how) {
    std::string text{how};
    for (const std::string& signature : volume.signatures()) {
        text.append(1, word_separator).append(signature);
    }
    return text;
}

/// Blanks and their like are three octal digits there (fs/proc_namespace.c, mangle).
std::string without_escapes(const std::string_view text) {
    const auto is_octal = [&](const std::size_t i) {
        return i < text.size() && text[i] >= '0' && text[i] <= '7';
    };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
            result.push_back(
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
            i += 3;
        } else {
            result.push_back(text[i]);
        }
    }
    return result;
}

std::string_view take_field(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view field = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return field;
}

/// ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS [OPTIONAL...] - TYPE SOURCE OPTIONS
std::optional<PlainMount> mount_of_line(std::string_view line) {
    PlainMount mount;
    for (unsigned skipped = 0; skipped < 4; ++skipped) {
        take_field(line);
    }
    const std::string_view mountpoint = take_field(line);
    take_field(line);
    while (!line.empty() && take_field(line) != "-") {
    }
    mount.is_ecryptfs = take_field(line) == "ecryptfs";
    take_field(line);
    if (line.empty()) {
        return std::nullopt;
    }
    mount.mountpoint = without_escapes(mountpoint);
    if (mount.is_ecryptfs) {
        mount.options = without_escapes(take_field(line));
    }
    return mount;
}

} // namespace

std::string PlainNotes::loaded_note(const std::string_view volume) const {
    return (places_.runtime + loaded_directory + "/").append(volume);
}

std::string PlainNotes::stopped_note(const std::string_view volume) const {
    return (places_.runtime + stopped_directory + "/").append(volume);
}

bool PlainNotes::prepare() const {
    return make_raw_directory(places_.runtime) && make_raw_directory(places_.runtime + loaded_directory) &&
           make_raw_directory(places_.runtime + stopped_directory);
}

bool PlainNotes::write(const char* const directory, const std::string_view name,
                       const std::string& text) const {
    const std::string place = places_.runtime + directory;
    return write_raw_link(place, name, text) || (prepare() && write_raw_link(place, name, text));
}

PlainState PlainNotes::state(const std::string_view volume) const {
    if (read_raw_link(loaded_note(volume))) {
        return PlainState::loaded;
    }
    return read_raw_link(stopped_note(volume)) ? PlainState::stopped : PlainState::untouched;
}

std::vector<std::string> PlainNotes::loaded_signatures(const std::string_view volume) const {
    return signatures_in_note(read_raw_link(loaded_note(volume)).value_or(""));
}

std::optional<std::vector<std::string>>
PlainNotes::signatures_of_others(const std::string_view volume) const {
    const auto names = names_in_raw_directory(places_.runtime + loaded_directory);
    if (!names) {
        return std::nullopt;
    }
    std::vector<std::string> all;
    for (const std::string& name : *names) {
        if (name != volume) {
            for (std::string& signature : loaded_signatures(name)) {
                all.push_back(std::move(signature));
            }
        }
    }
    return all;
}

bool PlainNotes::mark_loaded(const Volume& volume, const std::string_view how) const {
    const std::string note = loaded_note(volume.name);
    const std::string stopped = stopped_note(volume.name);
    const auto before = read_raw_link(note);
    const auto before_stop = read_raw_link(stopped);
    std::string known{how};
    if (known.empty()) {
        known = before ? before->substr(0, before->find(word_separator)) : how_is_not_known;
    }
    const std::string text = text_of_note(volume, known);
    if (before_stop == text && rename_raw_file(stopped, note)) {
        return true;
    }
    if (before != text && !write(loaded_directory, volume.name, text)) {
        return false;
    }
    if (before_stop) {
        forget_stopped(volume.name);
    }
    return true;
}

bool PlainNotes::mark_stopped(const std::string_view volume) const {
    const std::string note = loaded_note(volume);
    const std::string stopped = stopped_note(volume);
    if (rename_raw_file(note, stopped)) {
        return true;
    }
    if (prepare()) {
        if (read_raw_link(note)) {
            static_cast<void>(rename_raw_file(note, stopped));
        } else if (!read_raw_link(stopped)) {
            static_cast<void>(write(stopped_directory, volume, how_is_not_known));
        }
    }
    return remove_raw_file(note);
}

void PlainNotes::forget_loaded(const std::string_view volume) const noexcept {
    static_cast<void>(remove_raw_file(loaded_note(volume)));
}

void PlainNotes::forget_stopped(const std::string_view volume) const noexcept {
    static_cast<void>(remove_raw_file(stopped_note(volume)));
}

void PlainNotes::note_booting() const {
    static_cast<void>(prepare() && write("", "booting", how_is_not_known));
    static_cast<void>(remove_raw_file(places_.runtime + "/tpm-missing"));
}

std::optional<std::vector<PlainMount>> plain_mounts() {
    const auto list = read_raw_stream("/proc/self/mountinfo");
    if (!list) {
        return std::nullopt;
    }
    std::vector<PlainMount> mounts;
    for (std::string_view rest{*list}; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        if (auto mount = mount_of_line(rest.substr(0, end))) {
            mounts.push_back(std::move(*mount));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return mounts;
}

bool is_ecryptfs_at(const std::vector<PlainMount>& mounts, const std::string_view mountpoint) {
    bool is_ecryptfs = false;
    for (const PlainMount& mount : mounts) {
        if (mount.mountpoint == mountpoint) {
            is_ecryptfs = mount.is_ecryptfs;
        }
    }
    return is_ecryptfs;
}

} // namespace sealmount
