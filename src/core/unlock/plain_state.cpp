// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_state.hpp"

#include "core/unlock/plain_json.hpp"
#include "sys/raw/raw_file.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

constexpr std::string_view note_ending = ".state";

std::string note_name(const std::string_view volume) {
    return std::string{volume}.append(note_ending);
}

std::vector<std::string> words_of(std::string_view text) {
    constexpr std::string_view spaces = " \t\n\v\f\r";
    std::vector<std::string> words;
    for (;;) {
        const std::size_t begin = text.find_first_not_of(spaces);
        if (begin == std::string_view::npos) {
            return words;
        }
        text.remove_prefix(begin);
        const std::size_t end = std::min(text.find_first_of(spaces), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

} // namespace

std::vector<std::string> PlainNote::signatures() const {
    std::vector<std::string> result;
    for (std::size_t i = 2; i < words.size(); ++i) {
        result.push_back(words[i]);
    }
    return result;
}

std::optional<PlainNote> read_plain_note(const PlainPlaces& places, const std::string_view volume) {
    const auto text = read_raw_file_if_exists(places.runtime + "/" + note_name(volume));
    if (!text) {
        return std::nullopt;
    }
    PlainNote note{.words = words_of(*text)};
    for (std::size_t i = 2; i < note.words.size(); ++i) {
        if (!is_plain_hex(note.words[i], 16)) {
            return std::nullopt;
        }
    }
    return note;
}

bool write_plain_note(const PlainPlaces& places, const PlainVolume& volume, const std::string_view state,
                      const std::string_view how) {
    std::string text{state};
    text.append(" ").append(how);
    static_cast<void>(volume.all_signatures([&](const std::string_view signature) {
        text.append(" ").append(signature);
        return true;
    }));
    text.append("\n");
    return replace_raw_file(places.runtime, note_name(volume.name), text);
}

std::optional<PlainStop> plan_plain_stop(const PlainPlaces& places, const std::string_view volume) {
    PlainStop stop;
    const auto own = read_plain_note(places, volume);
    if (!own) {
        return std::nullopt;
    }
    stop.is_needed = own->says("loaded") || own->says("loading") || own->says("along");
    if (!stop.is_needed) {
        return stop;
    }
    stop.signatures = own->signatures();
    const auto names = names_ending_in(places.runtime, note_ending);
    if (!names) {
        return std::nullopt;
    }
    std::vector<std::string> in_use;
    for (const std::string& name : *names) {
        if (name == volume || name.starts_with('.')) {
            continue;
        }
        const auto other = read_plain_note(places, name);
        if (!other) {
            return std::nullopt;
        }
        const bool is_along = other->says("along");
        if (is_along || other->says("loaded")) {
            for (std::string& signature : other->signatures()) {
                (is_along ? stop.signatures : in_use).push_back(std::move(signature));
            }
        }
        if (is_along) {
            stop.along.push_back(name);
        }
    }
    std::erase_if(stop.signatures, [&](const std::string& signature) {
        return std::ranges::find(in_use, signature) != in_use.end();
    });
    return stop;
}

bool note_plain_stop(const PlainPlaces& places, const std::string_view volume, const PlainStop& stop) {
    bool is_noted = replace_raw_file(places.runtime, note_name(volume), "stopped\n");
    for (const std::string& name : stop.along) {
        is_noted = remove_raw_file(places.runtime + "/" + note_name(name)) && is_noted;
    }
    return is_noted;
}

} // namespace sealmount
