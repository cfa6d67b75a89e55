// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/verbs.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/volume_json.hpp"
#include "base/strict_json.hpp"
#include "core/store/store.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

int run_list(const Globals& globals) {
    const Store store{globals.paths()};
    const Manifest manifest = store.manifest();
    Json json = {{"volumes", Json::array()}, {"problems", Json::array()}};
    std::size_t widest = 4;
    for (const Volume& volume : manifest.volumes) {
        json["volumes"].push_back(volume_json(volume));
        widest = std::max(widest, volume.name.size());
    }
    for (const Error& problem : manifest.problems) {
        json["problems"].push_back(problem.what());
        std::fprintf(stderr, "sealmount: %s: %s\n", store.paths().manifest().c_str(), problem.what());
    }
    if (globals.json) {
        std::printf("%s\n", json.dump(2).c_str());
    } else {
        for (const Volume& volume : manifest.volumes) {
            std::printf("%-*s  %s  %s on %s\n", static_cast<int>(widest), volume.name.c_str(),
                        volume.signature.c_str(), volume.lower.c_str(), volume.mountpoint.c_str());
        }
    }
    return manifest.problems.empty() ? 0 : exit_code(Reason::config);
}

} // namespace

Run declare_list(CLI::App&, const Globals& globals) {
    return [&globals] { return run_list(globals); };
}

} // namespace sealmount
