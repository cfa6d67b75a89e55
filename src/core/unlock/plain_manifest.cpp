// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_manifest.hpp"

#include "core/unlock/plain_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sealmount {

namespace {

/// core/ecryptfs/ciphers.cpp; a test compares.
struct PlainCipher {
    std::string_view name;
    std::array<std::uint32_t, 3> key_bytes;
};
constexpr std::array plain_ciphers = {
    PlainCipher{"aes", {16, 24, 32}},      PlainCipher{"blowfish", {16, 32, 56}},
    PlainCipher{"des3_ede", {24, 24, 24}}, PlainCipher{"twofish", {16, 24, 32}},
    PlainCipher{"cast6", {16, 24, 32}},    PlainCipher{"cast5", {16, 16, 16}},
};

/// Options that most mounts have, and that no rule concerns; others are left to who knows the rules.
constexpr std::array<std::string_view, 12> plain_options = {"nosuid",
                                                            "nodev",
                                                            "noexec",
                                                            "noatime",
                                                            "nodiratime",
                                                            "relatime",
                                                            "strictatime",
                                                            "lazytime",
                                                            "ro",
                                                            "rw",
                                                            "ecryptfs_xattr_metadata",
                                                            "ecryptfs_passthrough"};

enum VolumeMember : std::size_t {
    member_name,
    member_lower,
    member_mountpoint,
    member_signature,
    member_key_bytes,
    member_cipher,
    member_filename_signature,
    member_filename_cipher,
    member_filename_key_bytes,
    member_salt,
    member_master,
    member_form,
    member_options,
    member_nofail,
    member_noauto,
    member_headless,
    member_no_passphrase,
    member_keep_keys,
    member_rebind_after_recovery,
    member_timeout_seconds,
    member_required_by,
    member_before,
    member_requires,
    member_automount,
    member_idle_timeout_seconds,
    volume_members
};
constexpr std::array<std::string_view, volume_members> volume_member_names = {"name",
                                                                              "lower",
                                                                              "mountpoint",
                                                                              "signature",
                                                                              "key_bytes",
                                                                              "cipher",
                                                                              "filename_signature",
                                                                              "filename_cipher",
                                                                              "filename_key_bytes",
                                                                              "salt",
                                                                              "master",
                                                                              "form",
                                                                              "options",
                                                                              "nofail",
                                                                              "noauto",
                                                                              "headless",
                                                                              "no_passphrase",
                                                                              "keep_keys",
                                                                              "rebind_after_recovery",
                                                                              "timeout_seconds",
                                                                              "required_by",
                                                                              "before",
                                                                              "requires",
                                                                              "automount",
                                                                              "idle_timeout_seconds"};

bool is_plain_cipher(const std::string_view cipher, const std::uint32_t key_bytes) {
    const auto* const found = std::ranges::find(plain_ciphers, cipher, &PlainCipher::name);
    return found != plain_ciphers.end() &&
           std::ranges::find(found->key_bytes, key_bytes) != found->key_bytes.end();
}

/// PlainJson::string() has left control characters, backslashes and noncharacters to others.
bool is_plain_path(const std::string_view path) {
    if (path.size() < 2 || path.size() > 4095 || path.front() != '/' || path.ends_with(' ')) {
        return false;
    }
    for (std::size_t start = 1; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view component = path.substr(start, end - start);
        if (component.empty() || component == "." || component == "..") {
            return false;
        }
        start = end + 1;
    }
    return true;
}

/// The name of a unit, without what only some have: an instance, or escapes.
bool is_plain_unit(const std::string_view unit) {
    constexpr std::array<std::string_view, 10> types = {".service",   ".socket", ".device", ".mount",
                                                        ".automount", ".swap",   ".target", ".path",
                                                        ".timer",     ".slice"};
    const auto* const type =
        std::ranges::find_if(types, [&](const std::string_view end) { return unit.ends_with(end); });
    return type != types.end() && unit.size() > type->size() && unit.size() <= 255 &&
           std::ranges::all_of(unit, [](const char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      std::string_view{":-_."}.find(c) != std::string_view::npos;
           });
}

/// One volume being read.
class VolumeReader {
  public:
    explicit VolumeReader(PlainJson& json) : json_(json) {}

    [[nodiscard]] bool read() {
        return json_.object([&](const std::string_view name) { return member(members_.number_of(name)); }) &&
               is_whole();
    }

    [[nodiscard]] const PlainVolume& volume() const { return volume_; }

  private:
    [[nodiscard]] bool member(const std::size_t number) {
        bool ignored_flag = false;
        std::string_view word;
        std::uint32_t seconds = 0;
        switch (number) {
        case member_name:
            return json_.string(volume_.name) && is_plain_name(volume_.name);
        case member_lower:
            return json_.string(volume_.lower) && is_plain_path(volume_.lower);
        case member_mountpoint:
            return json_.string(volume_.mountpoint) && is_plain_path(volume_.mountpoint);
        case member_signature:
            return json_.string(volume_.signature) && is_plain_hex(volume_.signature, 16);
        case member_filename_signature:
            return json_.string(volume_.filename_signature) && is_plain_hex(volume_.filename_signature, 16);
        case member_cipher:
            return json_.string(cipher_);
        case member_key_bytes:
            return json_.number(key_bytes_);
        case member_filename_cipher:
            return json_.string(filename_cipher_);
        case member_filename_key_bytes:
            return json_.number(filename_key_bytes_);
        case member_salt:
            return json_.string(word) && is_plain_hex(word, 16);
        case member_master:
            return json_.string(volume_.master) && is_plain_name(volume_.master);
        case member_form:
            volume_.trusted_only = json_.string(word) && word == "trusted";
            return volume_.trusted_only || word == "auto";
        case member_options:
            return json_.array([&] {
                return json_.string(word) && std::ranges::find(plain_options, word) != plain_options.end();
            });
        case member_required_by:
        case member_before:
        case member_requires:
            return json_.array([&] { return json_.string(word) && is_plain_unit(word); });
        case member_automount:
            return json_.boolean(automount_);
        case member_idle_timeout_seconds:
            return json_.number(seconds) && seconds >= 1 && seconds <= 86400;
        case member_noauto:
            return json_.boolean(volume_.noauto);
        case member_keep_keys:
            return json_.boolean(volume_.keep_keys);
        case member_nofail:
        case member_headless:
        case member_no_passphrase:
        case member_rebind_after_recovery:
            return json_.boolean(ignored_flag);
        case member_timeout_seconds:
            return json_.number(seconds) && seconds >= 1 && seconds <= 86400;
        default:
            return false;
        }
    }

    /// What concerns more than one member.
    [[nodiscard]] bool is_whole() {
        for (const std::size_t required :
             {member_name, member_lower, member_mountpoint, member_signature, member_key_bytes}) {
            if (!members_.has(required)) {
                return false;
            }
        }
        const bool has_names = members_.has(member_filename_signature);
        const bool has_names_cipher = members_.has(member_filename_cipher);
        const bool has_names_size = members_.has(member_filename_key_bytes);
        if ((!has_names && (has_names_cipher || has_names_size)) ||
            (!automount_ && members_.has(member_idle_timeout_seconds))) {
            return false;
        }
        // eCryptfs would hide its own lower directory below the mount.
        const bool is_nested = volume_.lower.starts_with(volume_.mountpoint) &&
                               volume_.lower.size() > volume_.mountpoint.size() &&
                               volume_.lower[volume_.mountpoint.size()] == '/';
        if (volume_.filename_signature == volume_.signature) {
            volume_.filename_signature = {};
        }
        return !is_nested && is_plain_cipher(cipher_, key_bytes_) &&
               (!has_names || is_plain_cipher(has_names_cipher ? filename_cipher_ : cipher_,
                                              has_names_size ? filename_key_bytes_ : key_bytes_));
    }

    PlainJson& json_;
    PlainMembers<volume_members> members_{volume_member_names};
    PlainVolume volume_;
    std::string_view cipher_ = "aes";
    std::string_view filename_cipher_;
    std::uint32_t key_bytes_ = 0;
    std::uint32_t filename_key_bytes_ = 0;
    bool automount_ = false;
};

/// Is each of these texts there once?
bool are_all_different(std::vector<std::string_view> texts) {
    std::ranges::sort(texts);
    return std::ranges::adjacent_find(texts) == texts.end();
}

bool share_nothing(const std::vector<PlainVolume>& volumes) {
    std::vector<std::string_view> names;
    std::vector<std::string_view> places;
    for (const PlainVolume& volume : volumes) {
        names.push_back(volume.name);
        places.push_back(volume.mountpoint);
    }
    return are_all_different(std::move(names)) && are_all_different(std::move(places));
}

enum ManifestMember : std::size_t { member_version, member_schema, member_volumes, manifest_members };
constexpr std::array<std::string_view, manifest_members> manifest_member_names = {"version", "$schema",
                                                                                  "volumes"};

} // namespace

std::optional<std::vector<PlainVolume>> read_plain_manifest(const std::string_view text) {
    PlainJson json{text};
    PlainMembers<manifest_members> members{manifest_member_names};
    std::vector<PlainVolume> volumes;
    const auto read_volume = [&] {
        VolumeReader reader{json};
        if (!reader.read()) {
            return false;
        }
        volumes.push_back(reader.volume());
        return true;
    };
    const bool is_good = json.object([&](const std::string_view name) {
        std::string_view schema;
        std::uint32_t version = 0;
        switch (members.number_of(name)) {
        case member_version:
            return json.number(version) && version == 1;
        case member_schema:
            return json.string(schema);
        case member_volumes:
            return json.array(read_volume);
        default:
            return false;
        }
    });
    if (!is_good || !json.at_end() || !members.has(member_version) || !members.has(member_volumes) ||
        !share_nothing(volumes)) {
        return std::nullopt;
    }
    return volumes;
}

} // namespace sealmount
