// What `sealmount inspect` prints of a lower directory: for people and for programs.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/survey.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace sealmount {

/// `directory` is its absolute path, printable.
[[nodiscard]] nlohmann::ordered_json survey_json(const std::string& directory, const Survey& survey,
                                                 const SurveyProblems& severity);

/// The lines of the report, without line ends; the last ones say what to do next.
[[nodiscard]] std::vector<std::string> survey_lines(const std::string& directory, const Survey& survey,
                                                    const SurveyProblems& severity);

} // namespace sealmount
