// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/boot_window.hpp"

#include "base/format.hpp"
#include "sys/files/files.hpp"

#include <charconv>
#include <string>

namespace sealmount {

namespace {

constexpr mode_t note_mode = 0600;

std::filesystem::path note_of(const Paths& paths, const std::string_view master) {
    return paths.runtime() / formatted("{}.unsealed", master);
}

std::chrono::milliseconds since_boot() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

} // namespace

void note_unseal(const Paths& paths, const std::string_view master) {
    const auto note = note_of(paths, master);
    std::error_code ignored;
    if (!std::filesystem::exists(note, ignored)) {
        make_directory(paths.runtime(), Paths::runtime_mode);
        write_file_atomically(note, formatted("{}\n", since_boot().count()), note_mode);
    }
}

std::optional<std::chrono::milliseconds> time_of_unseal(const Paths& paths, const std::string_view master,
                                                        const TpmClock& now) {
    const auto text = read_trusted_file_if_exists(note_of(paths, master));
    std::chrono::milliseconds::rep noted = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), noted).ec != std::errc{}) {
        return std::nullopt;
    }
    return now.time - (since_boot() - std::chrono::milliseconds{noted});
}

} // namespace sealmount
