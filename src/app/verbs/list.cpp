// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/output/volume_json.hpp"
#include "app/verbs/verbs.hpp"
#include "base/strict_json.hpp"
#include "core/store/store.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

Json to_json(const Manifest& manifest) {
    Json json = {{"volumes", Json::array()}, {"problems", Json::array()}};
    for (const Volume& volume : manifest.volumes) {
        json["volumes"].push_back(volume_json(volume));
    }
    for (const Error& problem : manifest.problems) {
        json["problems"].push_back(with_hint(problem));
    }
    return json;
}

void print_volumes(const std::vector<Volume>& volumes) {
    std::size_t widest = 4;
    for (const Volume& volume : volumes) {
        widest = std::max(widest, volume.name.size());
    }
    for (const Volume& volume : volumes) {
        print("{:{}}  {}  {} on {}\n", volume.name, widest, volume.signature, volume.lower,
              volume.mountpoint);
    }
}

int run_list(const Globals& globals, const Machine&) {
    const Store store{globals.paths()};
    const Manifest manifest = store.manifest();
    for (const Error& problem : manifest.problems) {
        print_error("sealmount: {}: {}\n", store.paths().manifest().native(), with_hint(problem));
    }
    if (globals.json) {
        print_json(to_json(manifest));
    } else {
        print_volumes(manifest.volumes);
    }
    return manifest.problems.empty() ? 0 : exit_code(Reason::config);
}

} // namespace

Run declare_list(Arguments&) {
    return run_list;
}

} // namespace sealmount
