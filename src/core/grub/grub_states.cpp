// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/grub_states.hpp"

#include "core/grub/environment_block.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sealmount {

namespace {

std::optional<std::string> variable_of_block(const std::string& block, const std::string_view name) {
    for (const auto& [variable, value] : variables_of_block(block)) {
        if (variable == name) {
            return value;
        }
    }
    return std::nullopt;
}

/// What a service does to a block once the machine is up; the origin is a clause for people.
struct ServiceChange {
    std::string_view variable;
    std::string_view from; ///< the value that it waits for; "" for any
    std::string_view to;   ///< "" when the variable is dropped
    std::string_view origin;
};

constexpr std::array service_changes = {
    ServiceChange{"recordfail", "", "", "with recordfail dropped"},
    ServiceChange{"initrdfail", "", "", "with initrdfail dropped"},
    ServiceChange{"boot_success", "0", "1", "with boot_success set"},
};

bool apply_change(std::string& block, const ServiceChange& change) {
    const std::string name{change.variable};
    const auto value = variable_of_block(block, name);
    if (!value || (!change.from.empty() && *value != change.from)) {
        return false;
    }
    if (change.to.empty()) {
        unset_in_block(block, name);
        return true;
    }
    return set_in_block(block, name, change.to);
}

/// What the services of a machine that came up make of a block: each of them, and all together.
std::vector<std::pair<std::string, std::string>> after_services(const std::string& block) {
    std::vector<std::pair<std::string, std::string>> states;
    std::string all = block;
    for (const ServiceChange& change : service_changes) {
        std::string one = block;
        if (apply_change(one, change)) {
            states.emplace_back(change.origin, std::move(one));
            (void)apply_change(all, change);
        }
    }
    if (states.size() > 1) {
        states.emplace(states.begin(), "as the services of the machine leave it", std::move(all));
    }
    return states;
}

class StateSearch {
  public:
    StateSearch(const GrubStart& start, const GrubMachine& machine, const std::size_t limit)
        : start_(start), machine_(machine), limit_(limit) {}

    std::vector<GrubState> search() {
        GrubBoot now = run_grub(start_, machine_);
        if (now.environments.empty()) {
            return {{.origin = "as it is now", .environment = {}, .boot = std::move(now)}};
        }
        file_ = *now.environments.begin();
        const auto changed = start_.rewritten.find(file_);
        add("as it is now", changed != start_.rewritten.end() ? changed->second : machine_.read(file_));
        for (std::size_t at = 0; at < states_.size(); ++at) {
            GrubStart then = start_;
            then.rewritten[file_] = states_[at].environment;
            states_[at].boot = run_grub(then, machine_);
            const auto written = states_[at].boot.written.find(file_);
            const std::string left =
                written != states_[at].boot.written.end() ? written->second : states_[at].environment;
            add("as GRUB leaves it", left);
            for (auto& [origin, block] : after_services(left)) {
                add(std::move(origin), std::move(block));
            }
        }
        return std::move(states_);
    }

  private:
    void add(std::string origin, std::string environment) {
        if (states_.size() < limit_ &&
            std::ranges::find(states_, environment, &GrubState::environment) == states_.end()) {
            states_.push_back(
                {.origin = std::move(origin), .environment = std::move(environment), .boot = {}});
        }
    }

    const GrubStart& start_;
    const GrubMachine& machine_;
    std::size_t limit_;
    GrubFile file_;
    std::vector<GrubState> states_;
};

} // namespace

std::vector<GrubState> grub_states(const GrubStart& start, const GrubMachine& machine,
                                   const std::size_t limit) {
    return StateSearch{start, machine, limit}.search();
}

} // namespace sealmount
