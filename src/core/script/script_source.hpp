// The lines of a script as GRUB's readers get them.
//
// Source: lib/getline.c (carriage returns are dropped), normal/main.c, read_config_file_getline() (a line
// that begins with # is not there at all, not even inside a block), script/execute.c,
// grub_script_execute_sourcecode_getline() (in the body of an entry it is).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

struct ScriptLine {
    std::string text{}; ///< without the newline
    unsigned number = 0;
};

using ScriptLines = std::vector<ScriptLine>;

/// Of a configuration file.
[[nodiscard]] ScriptLines configuration_lines(std::string_view text);

/// Gives its lines one after the other. Refers to nothing.
class ScriptSource {
  public:
    ScriptSource(std::string file, ScriptLines lines) : file_(std::move(file)), lines_(std::move(lines)) {}

    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    [[nodiscard]] const ScriptLine* next() noexcept { return at_ < lines_.size() ? &lines_[at_++] : nullptr; }

  private:
    std::string file_;
    ScriptLines lines_;
    std::size_t at_ = 0;
};

} // namespace sealmount
