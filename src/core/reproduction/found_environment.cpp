// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/found_environment.hpp"

#include "base/bytes.hpp"
#include "core/grub/environment_block.hpp"
#include "core/grub/grub_boot.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace sealmount {

namespace {

/// What a variable may have been before: nothing is that it was not there.
struct Earlier {
    std::string_view variable;
    std::vector<std::optional<std::string>> values;
};

/// What `default` was set to, which an entry for one boot or a saved one may have been.
std::set<std::string> defaults_in(const EventLog& log) {
    constexpr std::string_view command = "grub_cmd: set default=";
    std::set<std::string> values;
    for (const LogEvent& event : log.events) {
        std::string text{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
        text.resize(std::min(text.find('\0'), text.size()));
        if (event.pcr == grub_command_pcr && text.starts_with(command)) {
            values.insert(text.substr(command.size()));
        }
    }
    return values;
}

class EarlierBlocks {
  public:
    EarlierBlocks(const EventLog& log, const PcrBank bank) : bank_(bank) {
        for (const LogEvent& event : log.events) {
            if (event.pcr == grub_file_pcr && event.is_measured()) {
                digests_.insert(event.digests.at(bank));
            }
        }
        std::vector<std::optional<std::string>> entries;
        for (const std::string& value : defaults_in(log)) {
            entries.emplace_back(value);
        }
        earlier_.push_back({.variable = "next_entry", .values = entries});
        entries.emplace_back(std::nullopt); // GRUB may have saved one for the first time
        for (const char* const variable : {"saved_entry", "prev_saved_entry"}) {
            earlier_.push_back({.variable = variable, .values = entries});
        }
        for (const char* const variable : {"recordfail", "initrdfail"}) {
            earlier_.push_back({.variable = variable, .values = {std::nullopt, "1"}});
        }
        for (const char* const variable : {"boot_success", "boot_indeterminate"}) {
            earlier_.push_back({.variable = variable, .values = {"0", "1", std::nullopt}});
        }
    }

    std::optional<std::string> search(const std::string& block) { return search_from(block, 0); }

  private:
    std::optional<std::string> search_from(const std::string& block, const std::size_t at) {
        if (at == earlier_.size()) {
            const bool is_logged = --tries_left_ > 0 && digests_.contains(digest(bank_, {as_bytes(block)}));
            return is_logged ? std::optional{block} : std::nullopt;
        }
        if (auto found = search_from(block, at + 1)) {
            return found;
        }
        for (const auto& value : earlier_[at].values) {
            std::string changed = block;
            if (change(changed, earlier_[at].variable, value) && changed != block && tries_left_ > 0) {
                if (auto found = search_from(changed, at + 1)) {
                    return found;
                }
            }
        }
        return std::nullopt;
    }

    /// GRUB empties the entry of one boot, and sets only what is in the block or is a mark.
    static bool change(std::string& block, const std::string_view variable,
                       const std::optional<std::string>& value) {
        const std::string name{variable};
        const auto variables = variables_of_block(block);
        const bool is_there =
            std::ranges::any_of(variables, [&](const auto& one) { return one.first == variable; });
        if (!value) {
            unset_in_block(block, name);
            return is_there;
        }
        return (is_there || name.ends_with("fail")) && set_in_block(block, name, *value);
    }

    PcrBank bank_;
    std::set<Bytes> digests_;
    std::vector<Earlier> earlier_;
    int tries_left_ = 5000;
};

} // namespace

std::optional<std::string> found_environment(const std::string_view now, const EventLog& log,
                                             const PcrBank bank) {
    return EarlierBlocks{log, bank}.search(std::string{now});
}

} // namespace sealmount
