// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/plain_volume.hpp"

#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/ecryptfs/ciphers.hpp"
#include "core/volume/manifest_rules.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace sealmount {

namespace {

/// Walks over a JSON text (RFC 8259). Blanks before a token are skipped. What is not there, or not plain, is
/// false or nothing, and the place is of no meaning then.
class PlainText {
  public:
    explicit PlainText(const std::string_view text) : text_(text) {}

    [[nodiscard]] std::size_t place() {
        skip_blanks();
        return at_;
    }
    void back_to(const std::size_t place) { at_ = place; }
    [[nodiscard]] std::string_view since(const std::size_t place) const {
        return text_.substr(place, at_ - place);
    }
    [[nodiscard]] bool is_at_end() { return place() == text_.size(); }

    [[nodiscard]] bool take(const char token) {
        if (is_at_end() || text_[at_] != token) {
            return false;
        }
        ++at_;
        return true;
    }

    /// What is between the quotes. It may not be UTF-8: whoever takes it has rules for it.
    [[nodiscard]] std::optional<std::string_view> take_string() {
        if (!take('"')) {
            return std::nullopt;
        }
        const std::size_t start = at_;
        for (; at_ < text_.size(); ++at_) {
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') {
                return text_.substr(start, at_++ - start);
            }
            if (c == '\\' || c < 0x20) {
                break;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<std::int64_t> take_number() {
        constexpr std::size_t most_digits = 15;
        const std::size_t start = place();
        std::int64_t number = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            if (at_ - start == most_digits) {
                return std::nullopt;
            }
            number = number * 10 + (text_[at_] - '0');
        }
        const std::size_t digits = at_ - start;
        if (digits == 0 || (digits > 1 && text_[start] == '0') || continues_number()) {
            return std::nullopt;
        }
        return number;
    }

    [[nodiscard]] std::optional<bool> take_boolean() {
        const std::string_view rest = text_.substr(place());
        for (const bool value : {true, false}) {
            const std::string_view word = value ? "true" : "false";
            if (rest.starts_with(word)) {
                at_ += word.size();
                return value;
            }
        }
        return std::nullopt;
    }

    /// To the brace that closes the object which begins here. What is between them need not be JSON.
    [[nodiscard]] bool pass_object() {
        std::size_t depth = 0;
        bool in_string = false;
        if (is_at_end() || text_[at_] != '{') {
            return false;
        }
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (in_string) {
                at_ += c == '\\' ? 1 : 0;
                in_string = c != '"';
            } else if (c == '"') {
                in_string = true;
            } else if (c == '{') {
                ++depth;
            } else if (c == '}' && --depth == 0) {
                ++at_;
                return true;
            }
        }
        return false;
    }

  private:
    void skip_blanks() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
            ++at_;
        }
    }
    /// As a fraction, or with an exponent.
    [[nodiscard]] bool continues_number() const {
        return at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E');
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// A volume on the way, with what has a default that depends on other members.
struct DraftVolume {
    Volume volume;
    std::int64_t key_bytes = 0;
    std::optional<std::string_view> filename_cipher;
    std::optional<std::int64_t> filename_key_bytes;
    std::optional<std::int64_t> idle_timeout;
};

using PlainRule = std::optional<std::string> (*)(std::string_view);

template<std::string Volume::*member, PlainRule problem_with>
bool read_text(PlainText& in, DraftVolume& draft) {
    const auto text = in.take_string();
    if (!text || problem_with(*text)) {
        return false;
    }
    draft.volume.*member = *text;
    return true;
}

template<bool Volume::*member>
bool read_flag(PlainText& in, DraftVolume& draft) {
    const auto flag = in.take_boolean();
    draft.volume.*member = flag.value_or(false);
    return flag.has_value();
}

template<std::vector<std::string> Volume::*member, PlainRule problem_with>
bool read_list(PlainText& in, DraftVolume& draft) {
    if (!in.take('[')) {
        return false;
    }
    if (in.take(']')) {
        return true;
    }
    do {
        const auto text = in.take_string();
        if (!text || problem_with(*text)) {
            return false;
        }
        (draft.volume.*member).emplace_back(*text);
    } while (in.take(','));
    return in.take(']');
}

/// One that is among these is right whatever the key size, which is looked at in the end.
std::optional<std::string> problem_with_cipher_name(const std::string_view name) {
    return is_cipher(name) ? std::nullopt : std::optional<std::string>{""};
}

bool read_filename_signature(PlainText& in, DraftVolume& draft) {
    const auto text = in.take_string();
    draft.volume.filename_signature = text;
    return text && !problem_with_signature(*text);
}

bool read_salt(PlainText& in, DraftVolume& draft) {
    const auto text = in.take_string();
    draft.volume.salt = text;
    return text && is_lower_hex(*text, salt_digits);
}

bool read_plain_form(PlainText& in, DraftVolume& draft) {
    const auto form = in.take_string();
    draft.volume.form = form == "trusted" ? FormChoice::trusted : FormChoice::any;
    return form == "trusted" || form == "auto";
}

bool is_timeout(const std::optional<std::int64_t>& seconds) {
    return seconds && *seconds >= 1 && *seconds <= longest_timeout;
}

bool read_plain_timeout(PlainText& in, DraftVolume& draft) {
    const auto seconds = in.take_number();
    draft.volume.timeout = std::chrono::seconds{seconds.value_or(0)};
    return is_timeout(seconds);
}

bool read_key_size(PlainText& in, DraftVolume& draft) {
    const auto size = in.take_number();
    draft.key_bytes = size.value_or(0);
    return size.has_value();
}

bool read_filename_cipher(PlainText& in, DraftVolume& draft) {
    draft.filename_cipher = in.take_string();
    return draft.filename_cipher.has_value();
}

bool read_filename_key_size(PlainText& in, DraftVolume& draft) {
    draft.filename_key_bytes = in.take_number();
    return draft.filename_key_bytes.has_value();
}

bool read_idle_timeout(PlainText& in, DraftVolume& draft) {
    draft.idle_timeout = in.take_number();
    return is_timeout(draft.idle_timeout);
}

bool read_plain_ground(PlainText& in, DraftVolume& draft) {
    std::optional<std::string_view> uuid;
    std::optional<std::int64_t> inode;
    std::optional<std::int64_t> generation;
    std::optional<bool> empty;
    if (!in.take('{')) {
        return false;
    }
    do {
        const auto name = in.take_string();
        if (!name || !in.take(':')) {
            return false;
        }
        bool is_right = false; // also if it is there twice
        if (*name == "uuid" && !uuid) {
            uuid = in.take_string();
            is_right = uuid && (*uuid == unknown_uuid || is_uuid(*uuid));
        } else if (*name == "inode" && !inode) {
            inode = in.take_number();
            is_right = inode && *inode >= 1;
        } else if (*name == "generation" && !generation) {
            generation = in.take_number();
            is_right =
                generation && *generation >= 0 && *generation <= std::numeric_limits<std::uint32_t>::max();
        } else if (*name == "empty" && !empty) {
            empty = in.take_boolean();
            is_right = empty.has_value();
        }
        if (!is_right) {
            return false;
        }
    } while (in.take(','));
    if (!in.take('}') || !uuid) {
        return false;
    }
    Ground& ground = draft.volume.ground.emplace();
    ground.uuid = *uuid == unknown_uuid ? "" : *uuid;
    ground.inode = static_cast<std::uint64_t>(inode.value_or(0));
    if (generation) {
        ground.generation = static_cast<std::uint32_t>(*generation);
    }
    ground.empty = empty.value_or(false);
    return true;
}

struct PlainMember {
    std::string_view name;
    bool (*read)(PlainText&, DraftVolume&);
};

/// The first five are required.
constexpr std::array plain_members = {
    PlainMember{"name", read_text<&Volume::name, problem_with_name>},
    PlainMember{"lower", read_text<&Volume::lower, problem_with_path>},
    PlainMember{"mountpoint", read_text<&Volume::mountpoint, problem_with_path>},
    PlainMember{"signature", read_text<&Volume::signature, problem_with_signature>},
    PlainMember{"key_bytes", read_key_size},
    PlainMember{"filename_signature", read_filename_signature},
    PlainMember{"cipher", read_text<&Volume::cipher, problem_with_cipher_name>},
    PlainMember{"filename_cipher", read_filename_cipher},
    PlainMember{"filename_key_bytes", read_filename_key_size},
    PlainMember{"salt", read_salt},
    PlainMember{"master", read_text<&Volume::master, problem_with_name>},
    PlainMember{"form", read_plain_form},
    PlainMember{"options", read_list<&Volume::options, problem_with_option>},
    PlainMember{"nofail", read_flag<&Volume::nofail>},
    PlainMember{"noauto", read_flag<&Volume::noauto>},
    PlainMember{"headless", read_flag<&Volume::headless>},
    PlainMember{"no_passphrase", read_flag<&Volume::no_passphrase>},
    PlainMember{"keep_keys", read_flag<&Volume::keep_keys>},
    PlainMember{"rebind_after_recovery", read_flag<&Volume::rebind_after_recovery>},
    PlainMember{"timeout_seconds", read_plain_timeout},
    PlainMember{"required_by", read_list<&Volume::required_by, problem_with_unit>},
    PlainMember{"before", read_list<&Volume::before, problem_with_unit>},
    PlainMember{"requires", read_list<&Volume::needs, problem_with_unit>},
    PlainMember{"automount", read_flag<&Volume::automount>},
    PlainMember{"idle_timeout_seconds", read_idle_timeout},
    PlainMember{"ground", read_plain_ground},
};
constexpr std::uint32_t required_members = 0x1f;

/// Fills in what other members decide. False when they do not go together.
bool complete_plain(DraftVolume& draft) {
    Volume& volume = draft.volume;
    if (problem_with_nesting(volume.lower, volume.mountpoint) ||
        problem_with_cipher(volume.cipher, draft.key_bytes) ||
        (!volume.filename_signature && (draft.filename_cipher || draft.filename_key_bytes)) ||
        (draft.idle_timeout && !volume.automount)) {
        return false;
    }
    const std::int64_t filename_key_bytes = draft.filename_key_bytes.value_or(draft.key_bytes);
    volume.key_bytes = static_cast<unsigned>(draft.key_bytes);
    volume.filename_cipher = draft.filename_cipher.value_or(volume.cipher);
    volume.filename_key_bytes = static_cast<unsigned>(filename_key_bytes);
    if (draft.idle_timeout) {
        volume.idle_timeout = std::chrono::seconds{*draft.idle_timeout};
    }
    return !problem_with_cipher(volume.filename_cipher, filename_key_bytes);
}

std::optional<Volume> take_plain_volume(PlainText& in) {
    if (!in.take('{')) {
        return std::nullopt;
    }
    DraftVolume draft;
    std::uint32_t seen = 0;
    do {
        const auto name = in.take_string();
        if (!name || !in.take(':')) {
            return std::nullopt;
        }
        const auto* const member = std::ranges::find(plain_members, *name, &PlainMember::name);
        const std::uint32_t bit = 1U << static_cast<unsigned>(member - plain_members.begin());
        if (member == plain_members.end() || (seen & bit) != 0 || !member->read(in, draft)) {
            return std::nullopt;
        }
        seen |= bit;
    } while (in.take(','));
    if (!in.take('}') || (seen & required_members) != required_members || !complete_plain(draft)) {
        return std::nullopt;
    }
    return std::move(draft.volume);
}

bool take_volume(PlainText& in, std::vector<VolumeText>& volumes) {
    const std::size_t start = in.place();
    auto plain = take_plain_volume(in);
    if (!plain) {
        in.back_to(start);
        if (!in.pass_object()) {
            return false;
        }
    }
    volumes.push_back({.text = in.since(start), .plain = std::move(plain)});
    return true;
}

bool occur_once(std::vector<std::string_view> texts) {
    std::ranges::sort(texts);
    return std::ranges::adjacent_find(texts) == texts.end();
}

bool take_volumes(PlainText& in, std::vector<VolumeText>& volumes) {
    if (!in.take('[')) {
        return false;
    }
    if (in.take(']')) {
        return true;
    }
    do {
        if (!take_volume(in, volumes)) {
            return false;
        }
    } while (in.take(','));
    return in.take(']');
}

} // namespace

std::optional<std::vector<VolumeText>> volumes_of_plain_document(const std::string_view text) {
    PlainText in{text};
    std::vector<VolumeText> volumes;
    bool has_version = false;
    bool has_volumes = false;
    bool has_schema = false;
    if (!in.take('{')) {
        return std::nullopt;
    }
    do {
        const auto name = in.take_string();
        if (!name || !in.take(':')) {
            return std::nullopt;
        }
        if (name == "version" && !has_version) {
            has_version = in.take_number() == 1;
        } else if (name == "volumes" && !has_volumes) {
            has_volumes = take_volumes(in, volumes);
        } else if (name == "$schema" && !has_schema) {
            const auto schema = in.take_string();
            if (!schema || !is_utf8(*schema)) {
                return std::nullopt;
            }
            has_schema = true;
        } else {
            return std::nullopt;
        }
    } while (in.take(','));
    if (!in.take('}') || !in.is_at_end() || !has_version || !has_volumes) {
        return std::nullopt;
    }
    return volumes;
}

std::optional<std::vector<Volume>> volumes_of_plain_manifest(const std::string_view text) {
    auto texts = volumes_of_plain_document(text);
    if (!texts) {
        return std::nullopt;
    }
    std::vector<Volume> volumes;
    volumes.reserve(texts->size());
    for (VolumeText& each : *texts) {
        if (!each.plain) {
            return std::nullopt;
        }
        volumes.push_back(std::move(*each.plain));
    }
    std::vector<std::string_view> names;
    std::vector<std::string_view> mountpoints;
    for (const Volume& volume : volumes) {
        names.push_back(volume.name);
        mountpoints.push_back(volume.mountpoint);
    }
    const bool is_plain = occur_once(std::move(names)) && occur_once(std::move(mountpoints));
    return is_plain ? std::optional{std::move(volumes)} : std::nullopt;
}

} // namespace sealmount
