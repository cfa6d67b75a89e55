// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/volume_state.hpp"

#include "sys/files.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace sealmount {

namespace {

constexpr mode_t state_file_mode = 0600;
constexpr mode_t runtime_directory_mode = 0700;
constexpr std::string_view extension = ".state";

std::filesystem::path state_file(const Paths& paths, const std::string_view volume) {
    return paths.runtime() / (std::string{volume} + std::string{extension});
}

/// The file's words: "loaded" or "stopped", then the signatures. Empty when there is no such file.
std::vector<std::string> read_state(const std::filesystem::path& file) {
    std::istringstream text{read_trusted_file_if_exists(file).value_or("")};
    return {std::istream_iterator<std::string>{text}, {}};
}

bool is_loaded(const std::vector<std::string>& state) {
    return !state.empty() && state.front() == "loaded";
}

} // namespace

VolumeState volume_state(const Paths& paths, const std::string_view volume) {
    const std::vector<std::string> state = read_state(state_file(paths, volume));
    if (state.empty()) {
        return VolumeState::untouched;
    }
    return is_loaded(state) ? VolumeState::loaded : VolumeState::stopped;
}

void mark_loaded(const Paths& paths, const Volume& volume) {
    make_directory(paths.runtime(), runtime_directory_mode);
    std::string text = "loaded";
    for (const std::string& signature : volume.signatures()) {
        text += " " + signature;
    }
    write_file_atomically(state_file(paths, volume.name), text + "\n", state_file_mode);
}

std::vector<std::string> mark_stopped(const Paths& paths, const std::string_view volume) {
    const std::filesystem::path own_file = state_file(paths, volume);
    std::vector<std::string> signatures = read_state(own_file);
    if (!is_loaded(signatures)) {
        return {};
    }
    signatures.erase(signatures.begin());
    write_file_atomically(own_file, "stopped\n", state_file_mode);
    for (const auto& entry : std::filesystem::directory_iterator{paths.runtime()}) {
        if (entry.path().extension() == extension && entry.path() != own_file) {
            if (const std::vector<std::string> other = read_state(entry.path()); is_loaded(other)) {
                std::erase_if(signatures,
                              [&](const std::string& s) { return std::ranges::count(other, s) > 0; });
            }
        }
    }
    return signatures;
}

} // namespace sealmount
