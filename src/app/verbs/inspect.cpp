// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/exit_code.hpp"
#include "app/output/print.hpp"
#include "app/output/survey_report.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "sys/files/mounts.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

struct InspectOptions {
    std::string directory;
    unsigned files = 1000;
};

/// Absolute and normalized, as --lower requires it.
fs::path absolute_path(const std::string& directory) {
    fs::path path = fs::absolute(directory).lexically_normal();
    if (!path.has_filename() && path.has_relative_path()) {
        path = path.parent_path(); // "/srv/.vault/"
    }
    return path;
}

Survey look(const fs::path& place, const std::string& name, const std::size_t files) {
    if (const auto mounted = mount_at(place); mounted && mounted->type == "ecryptfs") {
        throw Error{Reason::refused,
                    formatted("{} is itself a mounted eCryptfs volume", name),
                    {.kind = AdviceKind::inspect_lower, .subject = printable(mounted->source)}};
    }
    try {
        return survey_of(place, files);
    } catch (const Error& error) {
        const bool is_forbidden = error.reason() == Reason::refused;
        throw Error{
            Reason::no_input,
            printable(error.what()),
            {.kind = is_forbidden ? AdviceKind::inspect_with_rights : AdviceKind::name_encrypted_files}};
    }
}

int run_inspect(const InspectOptions& options, const Globals& globals) {
    const fs::path directory = absolute_path(options.directory);
    const std::string name = printable(directory.native());
    const Survey survey = look(globals.paths().below_root(directory), name, options.files);
    const SurveyProblems severity = judge(name, survey);
    if (globals.json) {
        print_json(survey_json(name, survey, severity));
    } else {
        for (const std::string& line : survey_lines(name, survey, severity)) {
            print("{}\n", line);
        }
    }
    return severity.problems.empty() ? 0 : exit_code(Reason::bad_data);
}

} // namespace

Run declare_inspect(Arguments& verb) {
    const auto options = std::make_shared<InspectOptions>();
    verb.required_argument("DIR", options->directory, "the directory with the encrypted files");
    verb.number("--files", {1}, options->files, "how many files to look at");
    return [options](const Globals& globals, const Machine&) { return run_inspect(*options, globals); };
}

} // namespace sealmount
