// random-volumes SEED COUNT MANIFEST MEANT: writes a manifest of random volumes, and what systemd must report
// for their mount units, one setting a line as tests/vm/tools/settings-of-dump prints it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "random_volumes.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <set>
#include <sstream>

using namespace sealmount;
using namespace sealmount::test;

namespace {

/// All that a path needs to be mounted: itself and its parents, without the root directory.
std::set<std::string> with_parents(std::string path) {
    std::set<std::string> paths;
    for (; !path.empty(); path.resize(path.rfind('/'))) {
        paths.insert(path);
    }
    return paths;
}

std::string meant_lines(const Volume& volume, const std::set<std::string>& mountpoints) {
    const std::string unit = meant_unit_name(volume.mountpoint);
    const std::string unlock = "sealmount-unlock@" + volume.master + ".service";
    const std::string load = "sealmount-load@" + volume.name + ".service";
    const std::string keys = "sealmount-keys@" + volume.name + ".service";
    std::ostringstream lines;
    const auto say = [&](std::string_view setting, std::string_view value) {
        lines << unit << '\t' << setting << ": " << value << '\n';
    };
    say("Description", "eCryptfs volume " + volume.name);
    say("Source Path", "/etc/sealmount/manifest.json");
    if (volume.automount) {
        const std::string look = "sealmount-look@" + volume.name + ".service";
        say("Wants", unit.substr(0, unit.rfind('.')) + ".automount");
        say("Wants", look);
        say("After", look);
    } else {
        if (!volume.noauto) {
            say("Wants", unlock);
        }
        say("Wants", load);
        say("Wants", keys);
        say("PropagatesStopTo", load);
        say("PropagatesStopTo", keys);
        say("Upholds", keys);
    }
    for (const std::string& earlier : {unlock, load, keys}) {
        say("After", earlier);
    }
    for (const std::string& needed : volume.needs) {
        say("Requires", needed);
        say("After", needed);
    }
    for (const std::string& later : volume.before) {
        say("Before", later);
    }
    if (volume.mountpoint.starts_with("/home/") || volume.mountpoint == "/home") {
        say("Before", "systemd-user-sessions.service");
    }
    if (!volume.noauto && !volume.automount) {
        say("Before", "sealmount-manifest.service");
    }
    say("After", "local-fs-pre.target");
    say("Before", "umount.target");
    say("Conflicts", "umount.target");
    if (!volume.nofail) {
        say("Before", "local-fs.target");
    }
    if (!volume.noauto && !volume.automount) {
        say(volume.nofail ? "WantedBy" : "RequiredBy", "local-fs.target");
    }
    const std::string parent = volume.mountpoint.substr(0, volume.mountpoint.rfind('/'));
    std::set<std::string> needed = with_parents(volume.lower);
    needed.merge(with_parents(parent));
    needed.erase(volume.mountpoint); // where it lies over its own lower directory
    for (const std::string& path : needed) {
        if (mountpoints.contains(path)) {
            say("Requires", meant_unit_name(path));
            say("After", meant_unit_name(path));
        }
    }
    for (const std::string& path : std::set<std::string>{volume.lower, parent.empty() ? "/" : parent}) {
        say("RequiresMountsFor", path);
    }
    say("IgnoreOnIsolate", "yes");
    say("What", volume.lower);
    say("Where", volume.mountpoint);
    say("File System Type", "ecryptfs");
    say("Options", meant_options(volume, true));
    say("KeyringMode", "shared");
    return lines.str();
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("random-volumes SEED COUNT MANIFEST MEANT\n", stderr);
        return 64;
    }
    try {
        const auto seed = std::strtoull(argv[1], nullptr, 10);
        const std::vector<Volume> volumes = random_volumes(seed, std::strtoull(argv[2], nullptr, 10));
        Dice dice{seed};
        std::ofstream manifest{argv[3]};
        manifest << manifest_text(volumes, dice);
        std::ofstream meant{argv[4]};
        std::set<std::string> mountpoints;
        for (const Volume& volume : volumes) {
            mountpoints.insert(volume.mountpoint);
        }
        for (const Volume& volume : volumes) {
            meant << meant_lines(volume, mountpoints);
        }
        manifest.close();
        meant.close();
        return manifest && meant ? 0 : 73;
    } catch (const std::exception& accident) {
        std::fprintf(stderr, "random-volumes: %s\n", accident.what());
        return 70;
    }
}
