// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll/import_run.hpp"

#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>

namespace sealmount {

namespace {

void confirm(const std::size_t count) {
    if (::isatty(STDIN_FILENO) == 0) {
        throw Error{Reason::usage, "this is what would be enrolled: say --yes to do it"};
    }
    std::fprintf(stderr, "Enrol %zu %s? [y/N] ", count, count == 1 ? "volume" : "volumes");
    std::array<char, 16> line{};
    const bool answered = std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr;
    if (!answered || (line[0] != 'y' && line[0] != 'Y')) {
        throw Error{Reason::usage, "not confirmed: nothing was changed"};
    }
}

} // namespace

void add_import_options(CLI::App& verb, ImportOptions& words, const std::string& passphrase_help) {
    verb.add_flag("--show", words.show, "only show what would be enrolled");
    verb.add_flag("--yes", words.yes, "do not ask");
    if (!passphrase_help.empty()) {
        verb.add_option("--passphrase-file", words.enroll.keys.passphrase_file, passphrase_help);
    }
    verb.add_option("--master", words.enroll.request.volume.master,
                    "the master key to put the volumes under (default)")
        ->capture_default_str();
    add_policy_options(verb, words.enroll.policy);
    add_new_recovery_options(verb, words.enroll.recovery);
}

bool ImportRun::begin(const std::size_t count) const {
    std::fflush(stdout); // before what goes to standard error
    if (words_.show || count == 0) {
        return false;
    }
    if (!words_.yes) {
        confirm(count);
    }
    return true;
}

EnrollOptions ImportRun::words_for(const EnrollRequest& request) const {
    EnrollOptions words = words_.enroll;
    words.request = request;
    words.request.volume.master = words_.enroll.request.volume.master;
    words.cipher = request.cipher.value_or("");
    words.key_bytes = request.key_bytes.value_or(0);
    words.one_of_many = true;
    return words;
}

bool ImportRun::enroll(const EnrollOptions& words, const std::string& place) {
    const std::string& name = words.request.volume.name;
    try {
        EnrollOutcome outcome = enroll_volume(words, globals_);
        enrolled_.push_back(to_json(outcome));
        if (!globals_.json) {
            std::printf("%s is enrolled%s\n", name.c_str(), outcome.enrolled.files.empty() ? " already" : "");
        }
        if (outcome.enrolled.new_master || outcome.recovery) {
            tell_recovery_key(words, outcome, globals_);
        }
        return true;
    } catch (const Error& error) {
        refuse(name, (place.empty() ? "" : place + ": ") + with_hint(error), error.reason());
        return false;
    }
}

void ImportRun::refuse(const std::string& name, const std::string& message, const Reason reason) {
    const int code = exit_code(reason);
    exit_code_ = exit_code_ == 0 ? code : exit_code_;
    refused_.push_back({{"name", name}, {"message", message}, {"exit_code", code}});
    std::fprintf(stderr, "sealmount: %s%s\n", source_.empty() ? "" : (source_ + ": ").c_str(),
                 message.c_str());
}

int ImportRun::end(const char* const found_name, Json found) const {
    if (globals_.json) {
        const Json json = {{found_name, std::move(found)}, {"enrolled", enrolled_}, {"refused", refused_}};
        std::printf("%s\n", json.dump(2).c_str());
    }
    return exit_code_;
}

void print_options(const Volume& volume, const std::vector<std::string>& dropped) {
    if (!volume.options.empty()) {
        std::printf("  options    %s\n", join(volume.options, ",").c_str());
    }
    if (volume.noauto) {
        std::printf("  noauto     not mounted at boot\n");
    }
    if (!dropped.empty()) {
        std::printf("  left out   %s\n", join(dropped, ",").c_str());
    }
}

} // namespace sealmount
