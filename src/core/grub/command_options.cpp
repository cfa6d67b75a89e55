// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/command_options.hpp"

#include <algorithm>

namespace sealmount {

namespace {

class OptionParser {
  public:
    OptionParser(const std::span<const CommandOption> known, const std::vector<std::string>& arguments,
                 const bool accepts_dash)
        : known_(known), arguments_(arguments), accepts_dash_(accepts_dash) {}

    std::optional<ParsedOptions> parse() {
        for (; at_ < arguments_.size(); ++at_) {
            const std::string& argument = arguments_[at_];
            if (!argument.starts_with('-') || argument.size() == 1) {
                parsed_.arguments.push_back(argument);
            } else if (argument == "--") {
                parsed_.arguments.insert(parsed_.arguments.end(),
                                         arguments_.begin() + static_cast<std::ptrdiff_t>(at_) + 1,
                                         arguments_.end());
                break;
            } else if (!(argument[1] == '-' ? parse_long(argument) : parse_letters(argument))) {
                return std::nullopt;
            }
        }
        return std::move(parsed_);
    }

  private:
    const CommandOption* named(const std::string_view name) const {
        const auto found = std::ranges::find(known_, name, &CommandOption::name);
        return found == known_.end() ? nullptr : &*found;
    }
    const CommandOption* lettered(const char letter) const {
        const auto found = std::ranges::find(known_, letter, &CommandOption::letter);
        return found == known_.end() ? nullptr : &*found;
    }

    bool add(const CommandOption& option, std::optional<std::string> value) {
        if (option.takes_value ? !value && !option.is_value_optional : value.has_value()) {
            return false;
        }
        parsed_.options[std::string{option.name}].push_back(std::move(value));
        return true;
    }

    bool parse_long(const std::string& argument) {
        const std::size_t equals = argument.find('=');
        const std::size_t end = std::min(equals, argument.size());
        const CommandOption* const option = named(std::string_view{argument}.substr(2, end - 2));
        if (option == nullptr) {
            parsed_.arguments.push_back(argument);
            return accepts_dash_;
        }
        std::optional<std::string> value;
        if (equals != std::string::npos) {
            value = argument.substr(equals + 1);
        } else if (option->takes_value && at_ + 1 < arguments_.size() &&
                   !arguments_[at_ + 1].starts_with('-')) {
            value = arguments_[++at_];
        }
        return add(*option, std::move(value));
    }

    bool parse_letters(const std::string& argument) {
        const auto letters = std::string_view{argument}.substr(1);
        const bool are_known =
            std::ranges::all_of(letters, [this](const char letter) { return lettered(letter) != nullptr; });
        const CommandOption* const last = lettered(letters.back());
        if (!are_known || last == nullptr) {
            parsed_.arguments.push_back(argument);
            return accepts_dash_;
        }
        for (const char letter : letters.substr(0, letters.size() - 1)) {
            if (!add(*lettered(letter), std::nullopt)) {
                return false;
            }
        }
        std::optional<std::string> value;
        if (last->takes_value && at_ + 1 < arguments_.size()) {
            const std::string& next = arguments_[at_ + 1];
            if (!last->is_value_optional || next.size() < 2 || !next.starts_with('-')) {
                value = next;
                ++at_;
            }
        }
        return add(*last, std::move(value));
    }

    std::span<const CommandOption> known_;
    const std::vector<std::string>& arguments_;
    bool accepts_dash_;
    std::size_t at_ = 0;
    ParsedOptions parsed_;
};

} // namespace

std::optional<std::string> ParsedOptions::value(const std::string_view name) const {
    const auto found = options.find(name);
    return found == options.end() ? std::nullopt : found->second.back();
}

std::vector<std::string> ParsedOptions::values(const std::string_view name) const {
    std::vector<std::string> given;
    if (const auto found = options.find(name); found != options.end()) {
        for (const auto& value : found->second) {
            given.push_back(value.value_or(""));
        }
    }
    return given;
}

std::optional<ParsedOptions> parse_options(const std::span<const CommandOption> known,
                                           const std::vector<std::string>& arguments,
                                           const bool accepts_dash) {
    return OptionParser{known, arguments, accepts_dash}.parse();
}

} // namespace sealmount
