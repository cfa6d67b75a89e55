// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/environment.hpp"

#include <utility>

namespace sealmount {

const std::string* GrubEnvironment::get(const std::string& name) const {
    const auto found = contexts_.back().find(name);
    return found == contexts_.back().end() ? nullptr : &found->second.value;
}

std::string GrubEnvironment::text(const std::string& name) const {
    const std::string* const value = get(name);
    return value == nullptr ? std::string{} : *value;
}

void GrubEnvironment::set(const std::string& name, std::string value) {
    contexts_.back()[name].value = std::move(value);
}

void GrubEnvironment::unset(const std::string& name) {
    contexts_.back().erase(name);
}

void GrubEnvironment::export_name(const std::string& name) {
    contexts_.back()[name].is_exported = true;
}

void GrubEnvironment::open_context() {
    Context inner;
    for (const auto& [name, variable] : contexts_.back()) {
        if (variable.is_exported) {
            inner.emplace(name, variable);
        }
    }
    contexts_.push_back(std::move(inner));
}

void GrubEnvironment::close_context() {
    contexts_.pop_back();
}

bool is_parameter_name(const std::string& name) noexcept {
    return !name.empty() &&
           ((name.front() >= '0' && name.front() <= '9') || name == "#" || name == "*" || name == "@");
}

} // namespace sealmount
