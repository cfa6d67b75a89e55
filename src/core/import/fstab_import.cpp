// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/fstab_import.hpp"

#include "base/format.hpp"
#include "core/volume/manifest_rules.hpp"
#include "core/volume/volume_name.hpp"
#include "sys/crypto/crypto.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sealmount {

namespace {

constexpr std::string_view comment_mark = "# sealmount: ";

std::vector<std::string> split(std::string_view text, const char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t size = text.find(separator);
        parts.emplace_back(text.substr(0, size));
        text = size == std::string_view::npos ? std::string_view{} : text.substr(size + 1);
    }
    return parts;
}

/// "VALUE" of "NAME=VALUE"; nothing for another name.
std::optional<std::string> value_of(const std::string_view option, const std::string_view name) {
    if (option.size() <= name.size() || !option.starts_with(name) || option[name.size()] != '=') {
        return std::nullopt;
    }
    return std::string{option.substr(name.size() + 1)};
}

std::optional<std::string> value_of_any(const std::string_view option,
                                        const std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        if (auto value = value_of(option, name)) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<unsigned> number_in(const std::string& text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// key=passphrase:NAME=VALUE[:NAME=VALUE...]
void take_key_option(const std::string& value, FstabVolume& volume) {
    for (const std::string& part : split(value, ':')) {
        if (auto file = value_of_any(part, {"passphrase_passwd_file", "passfile"})) {
            volume.passphrase_file = std::move(*file);
        }
    }
}

/// An option about how files are stored, which the enrollment checks against them. False for any other
/// option.
bool take_ecryptfs_option(const std::string& option, FstabVolume& volume) {
    EnrollRequest& request = volume.request;
    if (const auto cipher = value_of_any(option, {"ecryptfs_cipher", "cipher"})) {
        request.cipher = *cipher;
    } else if (const auto bytes = value_of(option, "ecryptfs_key_bytes")) {
        request.key_bytes = number_in(*bytes);
    } else if (value_of(option, "ecryptfs_fnek_sig")) {
        request.filename_encryption = true;
    } else if (const auto names = value_of(option, "ecryptfs_enable_filename_crypto")) {
        request.filename_encryption |= names->starts_with('y');
    } else if (const auto key = value_of(option, "key")) {
        take_key_option(*key, volume);
    } else if (auto file = value_of_any(option, {"passphrase_passwd_file", "passfile"})) {
        volume.passphrase_file = std::move(*file);
    } else {
        return false;
    }
    return true;
}

bool is_yes(const std::string_view option, const std::string_view name) {
    return option == name || (value_of(option, name).value_or("").starts_with('y'));
}

/// Nobody asks at mount time any more, or keeps signatures.
bool has_no_meaning(const std::string_view option) {
    constexpr std::array meaningless = {"ecryptfs_unlink_sigs",
                                        "no_sig_cache",
                                        "no_prompt",
                                        "verbosity",
                                        "ecryptfs_sig",
                                        "sig",
                                        "ecryptfs_passthrough",
                                        "ecryptfs_enable_filename_crypto"};
    const std::string_view name = option.substr(0, option.find('='));
    return std::ranges::find(meaningless, name) != meaningless.end();
}

void take_option(const std::string& option, FstabVolume& volume) {
    Volume& requested = volume.request.volume;
    if (option == "defaults" || option == "auto" || take_ecryptfs_option(option, volume)) {
        return;
    }
    if (option == "noauto") {
        requested.noauto = true;
        return;
    }
    if (option == "nofail") {
        return; // the default for all volumes
    }
    for (const std::string_view flag : {"ecryptfs_passthrough", "ecryptfs_xattr_metadata"}) {
        if (is_yes(option, flag)) {
            requested.options.emplace_back(flag);
            return;
        }
    }
    if (has_no_meaning(option)) {
        return;
    }
    // A password in the table is one that everybody can read; it is asked for instead.
    if (problem_with_option(option) || option.starts_with("passphrase_passwd") ||
        option.starts_with("passwd=")) {
        volume.dropped.push_back(option.substr(0, option.find('=')));
        return;
    }
    requested.options.push_back(option);
}

} // namespace

void take_mount_options(const std::string_view options, FstabVolume& volume) {
    for (const std::string& option : split(options, ',')) {
        take_option(option, volume);
    }
}

std::vector<FstabVolume> fstab_volumes(const std::span<const FstabLine> lines, std::set<std::string> taken,
                                       std::vector<std::string>& problems) {
    std::vector<FstabVolume> volumes;
    for (const FstabLine& line : lines) {
        if (line.type != "ecryptfs") {
            continue;
        }
        FstabVolume volume{.line = line};
        volume.request.volume.lower = line.source;
        volume.request.volume.mountpoint = line.mountpoint;
        auto problem = problem_with_path(line.source);
        if (!problem) {
            problem = problem_with_path(line.mountpoint);
        }
        if (problem) {
            problems.push_back(formatted("line {}: {}", line.number, *problem));
            continue;
        }
        take_mount_options(line.options, volume);
        volume.request.volume.name = volume_name_for(line.mountpoint, taken);
        taken.insert(volume.request.volume.name);
        volumes.push_back(std::move(volume));
    }
    return volumes;
}

std::optional<SecretBytes> passphrase_in_file(const SecretBytes& contents) {
    std::string_view text{reinterpret_cast<const char*>(contents.bytes().data()), contents.size()};
    while (!text.empty()) {
        const std::size_t size = text.find_first_of("\n,");
        const std::string_view word = text.substr(0, size);
        for (const std::string_view name : {"passphrase_passwd=", "passwd="}) {
            if (word.starts_with(name) && word.size() > name.size()) {
                return SecretBytes{as_bytes(word.substr(name.size()))};
            }
        }
        text = size == std::string_view::npos ? std::string_view{} : text.substr(size + 1);
    }
    return std::nullopt;
}

std::string fstab_with_comments(std::string_view text, const std::set<std::size_t>& numbers) {
    std::string result;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t size = text.find('\n');
        const std::size_t whole = size == std::string_view::npos ? text.size() : size + 1;
        if (numbers.contains(number)) {
            result += comment_mark;
        }
        result += text.substr(0, whole);
        text = text.substr(whole);
    }
    return result;
}

} // namespace sealmount
