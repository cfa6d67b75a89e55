// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/verbs.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/survey_report.hpp"
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

struct Options {
    std::string directory;
    std::size_t files = 1000;
};

/// Absolute and clean, as --lower wants it.
fs::path absolute_path(const std::string& directory) {
    fs::path path = fs::absolute(directory).lexically_normal();
    if (!path.has_filename() && path.has_relative_path()) {
        path = path.parent_path(); // "/srv/.vault/"
    }
    return path;
}

Survey look(const fs::path& place, const std::string& name, const std::size_t files) {
    if (const auto mounted = mount_at(place); mounted && mounted->type == "ecryptfs") {
        throw Error{Reason::refused, name + " is itself a mounted eCryptfs volume: inspect " +
                                         printable(mounted->source) + ", where its encrypted files are"};
    }
    try {
        return survey_of(place, files);
    } catch (const Error& error) {
        const bool is_forbidden = error.reason() == Reason::refused;
        throw Error{Reason::no_input, printable(error.what()) +
                                          (is_forbidden ? ": inspect it as root, or as its owner"
                                                        : ": name the directory with the encrypted files")};
    }
}

int run_inspect(const Options& words, const Globals& globals) {
    const fs::path directory = absolute_path(words.directory);
    const std::string name = printable(directory.native());
    const Survey survey = look(globals.paths().below_root(directory), name, words.files);
    const SurveyProblems severity = judge(name, survey);
    if (globals.json) {
        std::printf("%s\n", survey_json(name, survey, severity).dump(2).c_str());
    } else {
        for (const std::string& line : survey_lines(name, survey, severity)) {
            std::printf("%s\n", line.c_str());
        }
    }
    return severity.problems.empty() ? 0 : exit_code(Reason::bad_data);
}

} // namespace

Run declare_inspect(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    verb.add_option("DIR", words->directory, "the directory with the encrypted files")->required();
    verb.add_option("--files", words->files, "how many files to look at")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    return [words, &globals] { return run_inspect(*words, globals); };
}

} // namespace sealmount
