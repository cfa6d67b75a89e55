// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/import_run.hpp"

#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"

#include <cstdio>

namespace sealmount {

namespace {

void confirm_enrolling(const std::size_t count) {
    confirm({.question = formatted("Enroll {} {}? [y/N] ", count, count == 1 ? "volume" : "volumes"),
             .word = {},
             .otherwise = "this is what would be enrolled: give --yes to do it",
             .declined = "not confirmed: nothing was changed"});
}

} // namespace

void add_import_options(Arguments& verb, ImportOptions& options, const std::string& passphrase_help) {
    verb.flag("--show", options.show, "only show what would be enrolled");
    verb.flag("--yes", options.yes, "do not ask");
    if (!passphrase_help.empty()) {
        verb.option("--passphrase-file", "FILE", options.enroll.keys.passphrase_file, passphrase_help);
    }
    verb.option("--master", "NAME", options.enroll.request.volume.master,
                "the master key that protects the volumes' keys");
    add_policy_options(verb, options.enroll.policy);
    add_new_recovery_options(verb, options.enroll.recovery);
}

bool ImportRun::begin(const std::size_t count) const {
    std::fflush(stdout); // before what goes to standard error
    if (options_.show || count == 0) {
        return false;
    }
    if (!options_.yes) {
        confirm_enrolling(count);
    }
    return true;
}

EnrollOptions ImportRun::options_for(const EnrollRequest& request) const {
    EnrollOptions options = options_.enroll;
    options.request = request;
    options.request.volume.master = options_.enroll.request.volume.master;
    options.cipher = request.cipher.value_or("");
    options.key_bytes = request.key_bytes.value_or(0);
    options.one_of_many = true;
    return options;
}

bool ImportRun::enroll(const EnrollOptions& options, const std::string& place) {
    const std::string& name = options.request.volume.name;
    try {
        EnrollOutcome outcome = enroll_volume(options, globals_, machine_);
        enrolled_.push_back(to_json(outcome));
        if (!globals_.json) {
            print("{} is enrolled{}\n", name, outcome.enrolled.files.empty() ? " already" : "");
            print_srk(outcome.enrolled);
        }
        if (outcome.enrolled.new_master || outcome.recovery) {
            report_recovery_key(options, outcome, globals_);
        }
        return true;
    } catch (const Error& error) {
        refuse(name, place.empty() ? error : error.in(place));
        return false;
    }
}

void ImportRun::refuse(const std::string& name, const Error& error) {
    const int code = exit_code(error.reason());
    const std::string message = with_hint(error);
    exit_code_ = exit_code_ == 0 ? code : exit_code_;
    refused_.push_back({{"name", name}, {"message", message}, {"exit_code", code}});
    print_error("sealmount: {}{}{}\n", source_, source_.empty() ? "" : ": ", message);
}

int ImportRun::end(const char* const found_name, Json found) const {
    if (globals_.json) {
        print_json({{found_name, std::move(found)}, {"enrolled", enrolled_}, {"refused", refused_}});
    }
    return exit_code_;
}

void print_options(const Volume& volume, const std::vector<std::string>& dropped) {
    if (!volume.options.empty()) {
        print("  options    {}\n", join(volume.options, ","));
    }
    if (volume.noauto) {
        print("  noauto     not mounted at boot\n");
    }
    if (!dropped.empty()) {
        print("  left out   {}\n", join(dropped, ","));
    }
}

} // namespace sealmount
