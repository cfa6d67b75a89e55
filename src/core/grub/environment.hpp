// GRUB's variables, in contexts that are opened and closed.
//
// Source: kern/env.c (set, unset, export), normal/context.c (what a new context begins with). What setting a
// variable brings about besides (hooks) is in run_files.cpp.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sealmount {

class GrubEnvironment {
  public:
    /// Null when it is not set.
    [[nodiscard]] const std::string* get(const std::string& name) const;
    /// "" when it is not set.
    [[nodiscard]] std::string text(const std::string& name) const;
    void set(const std::string& name, std::string value);
    void unset(const std::string& name);
    /// From now on also in the contexts that are opened; sets it to "" when it is not set.
    void export_name(const std::string& name);

    void open_context();
    void close_context();
    [[nodiscard]] std::size_t depth() const noexcept { return contexts_.size(); }

  private:
    struct Variable {
        std::string value;
        bool is_exported = false;
    };
    using Context = std::map<std::string, Variable>;

    std::vector<Context> contexts_ = std::vector<Context>(1);
};

/// Names that only the parameters of a function have: numbers, "#", "*", "@" (script/execute.c,
/// grub_env_special()).
[[nodiscard]] bool is_parameter_name(const std::string& name) noexcept;

} // namespace sealmount
