// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/verbs/renewal_report.hpp"

#include "app/output/print.hpp"
#include "core/slots/slots.hpp"

#include <nlohmann/json.hpp>

namespace sealmount {

void report_renewal(const std::string& master, const Renewed& renewed, const Globals& globals) {
    if (globals.json) {
        print_json({{"master", master},
                    {"slots", renewed.slots},
                    {"left_out", renewed.left_out},
                    {"keys", renewed.keys},
                    {"recovery", renewed.recovery},
                    {"notes", renewed.notes}});
        return;
    }
    print_warnings(renewed.notes);
    print("master key {}: new, with slot {}; {} {} encrypted again under it\n", master,
          to_string(renewed.slots), renewed.keys.size(), renewed.keys.size() == 1 ? "key" : "keys");
    if (!renewed.left_out.empty()) {
        print("  left out: slot {}\n", to_string(renewed.left_out));
    }
    print("Old copies of /etc/sealmount hold the old master key and, under it, the same volume keys: whoever "
          "has such a copy, and gets this TPM to release it or has a recovery key of that time, still opens "
          "the volumes' files. Make a new backup.\n");
}

} // namespace sealmount
