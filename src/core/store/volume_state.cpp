// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/store/volume_state.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "sys/files/files.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace sealmount {

namespace {

constexpr mode_t state_file_mode = 0600;
constexpr std::string_view extension = ".state";

std::filesystem::path state_file(const Paths& paths, const std::string_view volume) {
    return paths.runtime() / formatted("{}{}", volume, extension);
}

/// The file's words: "loading", "along" (loaded with another volume), "loaded" or "stopped"; but for the
/// last, how; then the signatures. Empty when there is no such file.
std::vector<std::string> read_state(const std::filesystem::path& file) {
    std::istringstream text{read_trusted_file_if_exists(file).value_or("")};
    return {std::istream_iterator<std::string>{text}, {}};
}

bool says(const std::vector<std::string>& state, const std::string_view word) {
    return !state.empty() && state.front() == word;
}

constexpr const char* not_known = "-";

/// The signatures of a state that has them.
std::vector<std::string> signatures_of(const std::vector<std::string>& state) {
    return {state.begin() + std::min<std::ptrdiff_t>(2, std::ssize(state)), state.end()};
}

void mark(const Paths& paths, const Volume& volume, const std::string_view state,
          const std::string_view how) {
    make_directory(paths.runtime(), Paths::runtime_mode);
    write_file_atomically(state_file(paths, volume.name),
                          formatted("{} {} {}\n", state, how, join(volume.signatures(), " ")),
                          state_file_mode);
}

} // namespace

VolumeState volume_state(const Paths& paths, const std::string_view volume) {
    const std::vector<std::string> state = read_state(state_file(paths, volume));
    if (says(state, "loaded")) {
        return VolumeState::loaded;
    }
    return says(state, "stopped") ? VolumeState::stopped : VolumeState::untouched;
}

std::string loaded_by(const Paths& paths, const std::string_view volume) {
    const std::vector<std::string> state = read_state(state_file(paths, volume));
    return says(state, "loaded") && state.size() > 1 && state[1] != not_known ? state[1] : "";
}

void mark_loading(const Paths& paths, const Volume& volume) {
    mark(paths, volume, "loading", not_known);
}

void mark_also_loaded(const Paths& paths, const Volume& volume, const std::string_view how) {
    mark(paths, volume, "along", how);
}

void mark_loaded(const Paths& paths, const Volume& volume, const std::string_view how) {
    std::string known{how};
    if (known.empty()) {
        const std::vector<std::string> before = read_state(state_file(paths, volume.name));
        known = before.size() > 1 ? before[1] : not_known;
    }
    mark(paths, volume, "loaded", known);
}

std::vector<std::string> mark_stopped(const Paths& paths, const std::string_view volume) {
    const std::filesystem::path own_file = state_file(paths, volume);
    const std::vector<std::string> own = read_state(own_file);
    if (!says(own, "loaded") && !says(own, "loading") && !says(own, "along")) {
        return {};
    }
    std::vector<std::string> signatures = signatures_of(own);
    write_file_atomically(own_file, "stopped\n", state_file_mode);
    std::vector<std::string> in_use;
    for (const auto& entry : std::filesystem::directory_iterator{paths.runtime()}) {
        if (entry.path().extension() != extension || entry.path() == own_file) {
            continue;
        }
        const std::vector<std::string> other = read_state(entry.path());
        const std::vector<std::string> theirs = signatures_of(other);
        if (says(other, "loaded")) {
            in_use.insert(in_use.end(), theirs.begin(), theirs.end());
        } else if (says(other, "along")) {
            signatures.insert(signatures.end(), theirs.begin(), theirs.end());
            remove_file_durably(entry.path());
        }
    }
    std::erase_if(signatures, [&](const std::string& s) { return std::ranges::count(in_use, s) > 0; });
    return signatures;
}

} // namespace sealmount
