// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "random_volumes.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <set>
#include <tuple>
#include <utility>

namespace sealmount::test {

namespace {

using namespace std::string_view_literals;

constexpr std::array pieces = {
    "a"sv, "Z"sv, "0"sv, "_"sv, ":"sv, "-"sv, "--"sv, "."sv, ".."sv, "..."sv, " "sv, "  x"sv, "%"sv, "%%"sv,
    "%n"sv, "%i"sv, "%h"sv, "$"sv, "$HOME"sv, "${a}"sv, "$$"sv, "\""sv, "'"sv, "\\"sv, "\\\\"sv, "\\n"sv,
    "\\x2f"sv, "\\040"sv, "#"sv, ";"sv, "="sv, ","sv, "["sv, "]"sv, "[Mount]"sv, "[Unit]"sv, "What="sv,
    "ExecStart=/bin/sh"sv, "Options=suid"sv, "(origin-file)"sv, "@"sv, "*"sv, "?"sv, "~"sv, "!"sv, "|"sv,
    "&"sv, "<"sv, ">"sv, "`"sv, "^"sv, "{"sv, "+"sv,
    // U+0080, U+0085 (next line), no-break space, a letter, combining, U+2028 (line separator), right-to-left
    // override, private use, byte order mark, U+FFFD, next to the code points that are not characters,
    // outside the first plane.
    "\u0080"sv, "\u0085"sv, "\u00a0"sv, "\u00c4"sv, "e\u0301"sv, "\u2028"sv, "\u2029"sv, "\u202e"sv,
    "\ue000"sv, "\ufeff"sv, "\ufffd"sv, "\ufdcf"sv, "\ufdf0"sv, "\U0001f511"sv, "\U0010fffd"sv,
    "\u65e5\u672c"sv};

constexpr std::array options = {"nosuid"sv,
                                "nodev"sv,
                                "noexec"sv,
                                "noatime"sv,
                                "ro"sv,
                                "context=system_u:object_r:%t:s0"sv,
                                "x-gvfs-name=%n$HOME#;"sv,
                                "comment=[Mount]"sv,
                                "ecryptfs_xattr_metadata"sv,
                                "ecryptfs_passthrough"sv,
                                "a=\u00c4"sv,
                                "x-%%i"sv,
                                "="sv,
                                "-"sv,
                                "#x"sv,
                                ";x"sv,
                                "nofail2"sv,
                                "\u2028"sv};

// What starts before volumes, and what after them: no order of several volumes is a circle.
constexpr std::array earlier_units = {"getty@tty1.service"sv, "a.b:c_d-e.target"sv};
constexpr std::array later_units = {"smbd.service"sv, "srv-a\\x20b.mount"sv, "x@y.socket"sv};

constexpr std::array<std::pair<std::string_view, unsigned>, 14> ciphers = {{{"aes", 16},
                                                                            {"aes", 24},
                                                                            {"aes", 32},
                                                                            {"blowfish", 16},
                                                                            {"blowfish", 32},
                                                                            {"blowfish", 56},
                                                                            {"des3_ede", 24},
                                                                            {"twofish", 16},
                                                                            {"twofish", 24},
                                                                            {"twofish", 32},
                                                                            {"cast6", 16},
                                                                            {"cast6", 24},
                                                                            {"cast6", 32},
                                                                            {"cast5", 16}}};

std::string random_signature(Dice& dice) {
    std::string signature;
    for (int i = 0; i < 16; ++i) {
        signature += dice.pick("0123456789abcdef"sv);
    }
    return signature;
}

/// Without the rare things that no path may be: "." and "..", and an end that unit files cannot express.
std::string random_component(Dice& dice) {
    std::string component;
    const std::size_t length = 1 + dice.roll(6);
    for (std::size_t i = 0; i < length; ++i) {
        component += dice.pick(pieces);
    }
    const char last = component.back();
    if (component == "." || component == ".." || last == ' ' || last == '\\') {
        component += "x";
    }
    return component;
}

std::string random_path(Dice& dice) {
    std::string path;
    const std::size_t depth = 1 + dice.roll(3);
    for (std::size_t i = 0; i < depth; ++i) {
        path += "/" + random_component(dice);
    }
    return path;
}

std::string random_name(Dice& dice, std::size_t number) {
    constexpr std::string_view letters = "abcxyz0189._-";
    std::string name{letters[dice.roll(10)]};
    const std::size_t length = dice.roll(dice.chance(20) ? 58 : 10);
    for (std::size_t i = 0; i < length; ++i) {
        name += dice.pick(letters);
    }
    return name + "-" + std::to_string(number); // never twice
}

Volume random_volume(Dice& dice, std::size_t number, std::set<std::string>& mountpoints) {
    Volume volume;
    volume.name = random_name(dice, number);
    do {
        volume.lower = random_path(dice);
        // Some lie in another volume, as mount point or as lower directory.
        volume.mountpoint = random_path(dice);
        if (!mountpoints.empty() && dice.chance(8)) {
            const auto other = mountpoints.lower_bound(volume.mountpoint);
            (dice.chance(2) ? volume.lower : volume.mountpoint)
                .insert(0, other == mountpoints.end() ? *mountpoints.begin() : *other);
        }
    } while (meant_unit_name(volume.mountpoint).size() > 240 || mountpoints.contains(volume.mountpoint) ||
             volume.lower.starts_with(volume.mountpoint + "/"));
    mountpoints.insert(volume.mountpoint);
    volume.signature = random_signature(dice);
    std::tie(volume.cipher, volume.key_bytes) = dice.pick(ciphers);
    std::tie(volume.filename_cipher, volume.filename_key_bytes) = std::pair{volume.cipher, volume.key_bytes};
    if (dice.chance(2)) {
        volume.filename_signature = dice.chance(3) ? volume.signature : random_signature(dice);
        if (dice.chance(3)) {
            std::tie(volume.filename_cipher, volume.filename_key_bytes) = dice.pick(ciphers);
        }
    }
    for (std::size_t i = dice.chance(2) ? 0 : dice.roll(4); i > 0; --i) {
        volume.options.emplace_back(dice.pick(options));
    }
    volume.nofail = dice.chance(2);
    volume.noauto = dice.chance(3);
    volume.headless = dice.chance(3);
    if (dice.chance(3)) {
        volume.timeout = std::chrono::seconds{1 + dice.roll(86400)};
    }
    if (dice.chance(4)) {
        volume.before.emplace_back(dice.pick(later_units));
    }
    if (dice.chance(6)) {
        volume.needs.emplace_back(dice.pick(earlier_units));
        volume.required_by.emplace_back(dice.pick(later_units));
    }
    volume.automount = dice.chance(6);
    if (volume.automount && dice.chance(2)) {
        volume.idle_timeout = std::chrono::seconds{1 + dice.roll(86400)};
    }
    if (dice.chance(3)) {
        volume.master = random_name(dice, dice.roll(3));
    }
    return volume;
}

} // namespace

std::vector<Volume> random_volumes(std::uint64_t seed, std::size_t count) {
    Dice dice{seed};
    std::vector<Volume> volumes;
    std::set<std::string> mountpoints;
    for (std::size_t i = 0; i < count; ++i) {
        volumes.push_back(random_volume(dice, i, mountpoints));
    }
    return volumes;
}

std::string random_bytes(Dice& dice) {
    constexpr std::array nasty = {"\n"sv,
                                  "\r"sv,
                                  "\t"sv,
                                  "\0"sv,
                                  "\v"sv,
                                  "\f"sv,
                                  "\x1b"sv,
                                  "\x7f"sv,
                                  "\\\n"sv,
                                  "\nWhat=/x\n"sv,
                                  "\n[Service]\nExecStart=/bin/sh\n"sv,
                                  " \\"sv,
                                  "/"sv,
                                  "//"sv,
                                  "/../"sv,
                                  "\xff"sv,
                                  "\xc0\xaf"sv,
                                  "\xed\xa0\x80"sv,
                                  "\ufffe"sv,
                                  "\uffff"sv,
                                  "\ufdd0"sv,
                                  "\ufdef"sv,
                                  "\U0001fffe"sv,
                                  "\U0010ffff"sv,
                                  ",nofail"sv,
                                  "\x01"sv};
    std::string bytes;
    for (std::size_t i = dice.roll(6); i > 0; --i) {
        switch (dice.roll(5)) {
        case 0:
            bytes += dice.pick(nasty);
            break;
        case 1:
            bytes += static_cast<char>(dice.roll(256));
            break;
        default:
            bytes += dice.pick(pieces);
        }
    }
    return bytes;
}

std::string manifest_text(const std::vector<Volume>& volumes, Dice& dice) {
    nlohmann::ordered_json document = {{"version", 1}, {"volumes", nlohmann::ordered_json::array()}};
    const Volume usual;
    for (const Volume& volume : volumes) {
        nlohmann::ordered_json json = {{"name", volume.name},
                                       {"lower", volume.lower},
                                       {"mountpoint", volume.mountpoint},
                                       {"signature", volume.signature},
                                       {"key_bytes", volume.key_bytes}};
        const auto put = [&](const char* member, const auto& value, const auto& default_value) {
            if (value != default_value || dice.chance(2)) {
                json[member] = value;
            }
        };
        put("cipher", volume.cipher, usual.cipher);
        if (volume.filename_signature) {
            json["filename_signature"] = *volume.filename_signature;
            put("filename_cipher", volume.filename_cipher, volume.cipher);
            put("filename_key_bytes", volume.filename_key_bytes, volume.key_bytes);
        }
        put("master", volume.master, usual.master);
        put("options", volume.options, usual.options);
        put("nofail", volume.nofail, usual.nofail);
        put("noauto", volume.noauto, usual.noauto);
        put("headless", volume.headless, usual.headless);
        put("timeout_seconds", volume.timeout.count(), usual.timeout.count());
        put("before", volume.before, usual.before);
        put("requires", volume.needs, usual.needs);
        put("required_by", volume.required_by, usual.required_by);
        put("automount", volume.automount, usual.automount);
        if (volume.idle_timeout) {
            json["idle_timeout_seconds"] = volume.idle_timeout->count();
        }
        document["volumes"].push_back(std::move(json));
    }
    return document.dump(dice.chance(2) ? -1 : 1, ' ', dice.chance(2));
}

std::string meant_unit_name(std::string_view path) {
    std::string name;
    for (const char c : path.substr(1)) {
        const bool is_plain =
            std::string_view{"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:_."}.find(c) !=
            std::string_view::npos;
        if (c == '/') {
            name += '-';
        } else if (is_plain && (c != '.' || !name.empty())) {
            name += c;
        } else {
            char escaped[5];
            std::snprintf(escaped, sizeof escaped, "\\x%02x",
                          static_cast<unsigned>(static_cast<unsigned char>(c)));
            name += escaped;
        }
    }
    return name + ".mount";
}

std::string meant_options(const Volume& volume, bool with_helper) {
    std::vector<std::string> words = {"sig=" + volume.signature, "ecryptfs_cipher=" + volume.cipher,
                                      "ecryptfs_key_bytes=" + std::to_string(volume.key_bytes)};
    if (volume.filename_signature) {
        words.push_back("ecryptfs_fnek_sig=" + *volume.filename_signature);
        words.push_back("ecryptfs_fn_cipher=" + volume.filename_cipher);
        words.push_back("ecryptfs_fn_key_bytes=" + std::to_string(volume.filename_key_bytes));
    }
    words.emplace_back("ecryptfs_mount_auth_tok_only");
    if (with_helper) {
        words.emplace_back("verbosity=0");
    }
    for (const std::string& option : volume.options) {
        words.push_back(with_helper && option == "ecryptfs_xattr_metadata" ? "ecryptfs_xattr" : option);
    }
    if (volume.nofail) {
        words.emplace_back("nofail");
    }
    if (volume.noauto) {
        words.emplace_back("noauto");
    }
    std::string joined;
    for (const std::string& word : words) {
        joined += (joined.empty() ? "" : ",") + word;
    }
    return joined;
}

} // namespace sealmount::test
