// The units of 10,000 random volumes mean what was meant; and no string of any bytes adds a line, a section
// or a setting. The test has its own reader of units.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/manifest_rules.hpp"
#include "core/volume/unit_text.hpp"
#include "random_volumes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>

namespace sealmount::test {

namespace {

constexpr std::uint64_t seed = 20261124;
constexpr std::size_t how_many = 10000;

/// "[Section] Key" and its value, each of them once.
using Settings = std::map<std::string, std::string>;

std::string_view stripped(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos ? ""
                                           : text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

/// The value as systemd takes it: "%%" is a percent sign, no other specifier may occur.
std::string expanded(std::string_view value) {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '%' && (++i == value.size() || value[i] != '%')) {
            throw std::runtime_error("a specifier in: " + std::string{value});
        }
        text += value[i];
    }
    return text;
}

/// systemd.syntax(7), and nothing that it merely tolerates.
Settings read_unit(std::string_view text) {
    Settings settings;
    std::string section;
    if (!text.ends_with('\n')) {
        throw std::runtime_error("the last line does not end");
    }
    while (!text.empty()) {
        const std::string_view raw = text.substr(0, text.find('\n'));
        text.remove_prefix(raw.size() + 1);
        const std::string_view line = stripped(raw);
        if (std::ranges::any_of(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
            throw std::runtime_error("a control character in: " + std::string{line});
        }
        if (raw.ends_with('\\')) {
            throw std::runtime_error("a continued line: " + std::string{raw});
        }
        if (line.empty() || line.front() == '#' || line.front() == ';') {
            continue;
        }
        if (line.front() == '[') {
            section = std::string{line};
            continue;
        }
        const std::size_t equals = line.find('=');
        if (section.empty() || equals == std::string_view::npos) {
            throw std::runtime_error("neither section nor setting: " + std::string{line});
        }
        const std::string key = section + " " + std::string{stripped(line.substr(0, equals))};
        if (!settings.emplace(key, expanded(stripped(line.substr(equals + 1)))).second) {
            throw std::runtime_error("twice: " + key);
        }
    }
    return settings;
}

std::string words(const std::vector<std::string>& all) {
    std::string joined;
    for (const std::string& word : all) {
        joined += (joined.empty() ? "" : " ") + word;
    }
    return joined;
}

Settings meant_mount(const Volume& volume, const MountPlace& place) {
    const std::string unlock = "sealmount-unlock@" + volume.master + ".service";
    const std::string load = "sealmount-load@" + volume.name + ".service";
    const std::string keys = "sealmount-keys@" + volume.name + ".service";
    const std::string look = "sealmount-look@" + volume.name + ".service";
    std::vector<std::string> after = {unlock, load, keys};
    if (volume.automount) {
        after.push_back(look);
    }
    after.insert(after.end(), volume.needs.begin(), volume.needs.end());
    std::vector<std::string> before = volume.before;
    Settings meant = {
        {"[Unit] SourcePath", "/etc/sealmount/manifest.json"},
        {"[Unit] Description", "eCryptfs volume " + volume.name},
        {"[Unit] Documentation", "man:sealmount(8) man:sealmount-manifest(5)"},
        {"[Unit] After", words(after)},
        {"[Unit] AssertPathIsSymbolicLink", "/run/sealmount/loaded/" + volume.name},
        {"[Unit] StartLimitIntervalSec", "0"},
        {"[Mount] What", volume.lower},
        {"[Mount] Where", volume.mountpoint},
        {"[Mount] Type", "ecryptfs"},
        {"[Mount] Options", meant_options(volume, place.with_helper)},
        {"[Mount] KeyringMode", "shared"},
    };
    if (volume.automount) {
        const std::string mount = meant_unit_name(volume.mountpoint);
        meant["[Unit] Wants"] = words({mount.substr(0, mount.rfind('.')) + ".automount", look});
    } else {
        meant["[Unit] Wants"] =
            words(volume.noauto ? std::vector{load, keys} : std::vector{unlock, load, keys});
        meant["[Unit] PropagatesStopTo"] = words({load, keys});
        meant["[Unit] Upholds"] = keys;
    }
    if (!place.is_inside && !volume.automount) {
        meant["[Unit] AssertPathIsDirectory"] = volume.mountpoint;
    }
    if (place.is_home) {
        before.emplace_back("systemd-user-sessions.service");
    }
    if (!volume.noauto && !volume.automount) {
        before.emplace_back("sealmount-manifest.service");
    }
    if (!before.empty()) {
        meant["[Unit] Before"] = words(before);
    }
    if (!volume.needs.empty()) {
        meant["[Unit] Requires"] = words(volume.needs);
    }
    return meant;
}

Settings meant_automount(const Volume& volume) {
    const std::string unlock = "sealmount-unlock@" + volume.master + ".service";
    const std::string load = "sealmount-load@" + volume.name + ".service";
    const std::string keys = "sealmount-keys@" + volume.name + ".service";
    Settings meant = {
        {"[Unit] SourcePath", "/etc/sealmount/manifest.json"},
        {"[Unit] Description", "eCryptfs volume " + volume.name + ", on demand"},
        {"[Unit] Documentation", "man:sealmount(8) man:sealmount-manifest(5)"},
        {"[Unit] Wants", words(volume.noauto ? std::vector{load, keys} : std::vector{unlock, load, keys})},
        {"[Unit] PropagatesStopTo", words({load, keys})},
        {"[Unit] After", unlock},
        {"[Unit] AssertPathIsDirectory", volume.mountpoint},
        {"[Unit] StartLimitIntervalSec", "0"},
        {"[Automount] Where", volume.mountpoint},
    };
    if (volume.idle_timeout) {
        meant["[Automount] TimeoutIdleSec"] = std::to_string(volume.idle_timeout->count());
    }
    return meant;
}

/// What comes first; three questions, and two minutes.
Settings meant_drop_in(const Volume& volume) {
    Settings meant{{"[Unit] SourcePath", "/etc/sealmount/manifest.json"}};
    if (!volume.needs.empty()) {
        meant["[Unit] Requires"] = meant["[Unit] After"] = words(volume.needs);
    }
    if (volume.timeout != Volume{}.timeout) {
        meant["[Service] TimeoutStartSec"] = std::to_string(9 * volume.timeout.count() + 120);
    }
    return meant;
}

/// All units of the volume say what was meant.
void expect_meant(const Volume& volume) {
    for (const MountPlace& place : all_mount_places()) {
        EXPECT_EQ(read_unit(mount_unit(volume, place)), meant_mount(volume, place));
    }
    EXPECT_EQ(mount_unit_name(volume.mountpoint), meant_unit_name(volume.mountpoint));
    EXPECT_EQ(unlock_unit_name(volume), "sealmount-unlock@" + volume.master + ".service");
    EXPECT_EQ(load_unit_name(volume), "sealmount-load@" + volume.name + ".service");
    EXPECT_EQ(keys_unit_name(volume), "sealmount-keys@" + volume.name + ".service");
    if (volume.automount) {
        EXPECT_EQ(read_unit(automount_unit(volume, {})), meant_automount(volume));
    }
    const std::optional<std::string> drop_in = load_drop_in(volume, "");
    ASSERT_EQ(drop_in.has_value(), volume.timeout != std::chrono::seconds{90} || !volume.needs.empty());
    if (drop_in) {
        EXPECT_EQ(read_unit(*drop_in), meant_drop_in(volume));
    }
}

TEST(UnitProperties, TheReaderOfThisTestSeesWhatItMust) {
    EXPECT_THROW(static_cast<void>(read_unit("[Mount]\nWhat=/a\nWhat=/b\n")), std::runtime_error);
    EXPECT_THROW(static_cast<void>(read_unit("[Mount]\nWhat=/a\\\nWhere=/b\n")), std::runtime_error);
    EXPECT_THROW(static_cast<void>(read_unit("[Mount]\nWhat=/%n\n")), std::runtime_error);
    EXPECT_THROW(static_cast<void>(read_unit("[Mount]\nWhat\n")), std::runtime_error);
    EXPECT_EQ(read_unit("[Mount]\nWhat= /a%% \n"), (Settings{{"[Mount] What", "/a%"}}));
}

TEST(UnitProperties, RandomVolumesAreReadBackAsMeant) {
    RecordProperty("seed", std::to_string(seed));
    const std::vector<Volume> volumes = random_volumes(seed, how_many);
    Dice dice{seed};
    const Manifest manifest = read_manifest(manifest_text(volumes, dice));
    for (const Error& problem : manifest.problems) {
        ADD_FAILURE() << "seed " << seed << ": " << problem.what();
    }
    ASSERT_EQ(manifest.volumes, volumes);
    for (const Volume& volume : volumes) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", volume " + volume.name);
        ASSERT_NO_THROW(expect_meant(volume));
        ASSERT_FALSE(HasFailure());
    }
}

/// Whatever the bytes, in whatever place: refused, or read back as they are. Here past the manifest's rules.
TEST(UnitProperties, NoBytesAddALineOrASetting) {
    Dice dice{seed};
    std::size_t written = 0;
    for (std::size_t i = 0; i < how_many; ++i) {
        Volume volume;
        volume.name = "vault";
        volume.lower = "/srv/.vault";
        volume.mountpoint = "/srv/vault";
        volume.signature = "7f475b5d20a645dc";
        volume.key_bytes = 32;
        const std::string bytes = random_bytes(dice);
        switch (dice.roll(5)) {
        case 0:
            volume.name = bytes;
            break;
        case 1:
            volume.lower += bytes;
            break;
        case 2:
            volume.mountpoint += bytes;
            break;
        case 3:
            volume.cipher = bytes;
            break;
        default:
            volume.options = {bytes};
        }
        std::string text;
        try {
            text = mount_unit(volume, {});
        } catch (const Error&) {
            continue;
        }
        ++written;
        SCOPED_TRACE("seed " + std::to_string(seed) + ", number " + std::to_string(i));
        ASSERT_NO_THROW(ASSERT_EQ(read_unit(text), meant_mount(volume, {})));
    }
    EXPECT_GT(written, how_many / 4);
    EXPECT_LT(written, how_many);
}

/// Refused by the manifest's rules with a sentence that fits in one line; or fit for systemd, which ignores a
/// line with a code point that is not a character.
TEST(UnitProperties, TheManifestLetsNothingPassThatSystemdWouldNotTake) {
    Dice dice{seed};
    std::size_t accepted = 0;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < how_many; ++i) {
        const std::string path = "/srv/" + random_bytes(dice);
        const std::optional<std::string> problem = problem_with_path(path);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", number " + std::to_string(i));
        if (problem) {
            ++refused;
            ASSERT_EQ(std::ranges::count_if(*problem, [](unsigned char c) { return c < 0x20; }), 0)
                << *problem;
            continue;
        }
        ++accepted;
        for (const std::string_view no_character :
             {"\ufffe", "\uffff", "\ufdd0", "\ufdef", "\U0001fffe", "\U0010ffff"}) {
            ASSERT_EQ(path.find(no_character), std::string::npos);
        }
        Volume volume;
        volume.name = "vault";
        volume.lower = path;
        volume.mountpoint = path;
        volume.signature = "7f475b5d20a645dc";
        volume.key_bytes = 32;
        ASSERT_NO_THROW(ASSERT_EQ(read_unit(mount_unit(volume, {.with_helper = true})),
                                  meant_mount(volume, {.with_helper = true})));
    }
    EXPECT_GT(accepted, how_many / 10);
    EXPECT_GT(refused, how_many / 10);
}

} // namespace

} // namespace sealmount::test
