// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/dracut_import.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/import/fstab_import.hpp"
#include "core/volume/manifest_rules.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

namespace sealmount {

namespace {

using Variables = std::map<std::string, std::string>;

constexpr std::string_view blanks = " \t\r";

bool is_name_letter(const char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const std::size_t end = text.find_last_not_of(blanks);
    return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

/// One line, taken apart from its front.
class Assignment {
  public:
    Assignment(const std::string_view line, const Variables& known) : rest_(line), known_(known) {}

    /// The name; the value is next.
    std::string name() {
        const auto end = std::ranges::find_if_not(rest_, is_name_letter);
        const auto size = static_cast<std::size_t>(end - rest_.begin());
        if (size == 0 || end == rest_.end() || *end != '=' || (rest_[0] >= '0' && rest_[0] <= '9')) {
            refuse("is not NAME=VALUE");
        }
        std::string name{rest_.substr(0, size)};
        rest_.remove_prefix(size + 1);
        return name;
    }

    std::string value() {
        std::string value;
        while (!rest_.empty() && !is_end()) {
            const char c = take();
            if (c == '\'') {
                value += until_quote();
            } else if (c == '"') {
                while (!rest_.empty() && rest_.front() != '"') {
                    value += piece(take());
                }
                if (rest_.empty()) {
                    refuse("has a quote that does not end");
                }
                rest_.remove_prefix(1);
            } else {
                value += piece(c);
            }
        }
        return value;
    }

  private:
    [[noreturn]] static void refuse(const std::string& why) { throw Error{Reason::config, why}; }

    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    /// Nothing but a comment may follow a value.
    [[nodiscard]] bool is_end() const {
        if (blanks.find(rest_.front()) == std::string_view::npos) {
            return false;
        }
        const std::string_view behind = trimmed(rest_);
        if (!behind.empty() && behind.front() != '#') {
            refuse("has more than NAME=VALUE: write quotes around a value with blanks");
        }
        return true;
    }

    std::string until_quote() {
        const std::size_t end = rest_.find('\'');
        if (end == std::string_view::npos) {
            refuse("has a quote that does not end");
        }
        std::string text{rest_.substr(0, end)};
        rest_.remove_prefix(end + 1);
        return text;
    }

    /// A letter, or what a variable holds.
    std::string piece(const char c) {
        if (std::string_view{"`\\;&|<>()"}.find(c) != std::string_view::npos) {
            refuse(formatted("has a '{}', and no shell runs it here: write the value as it is", c));
        }
        if (c != '$') {
            return {c};
        }
        const bool has_brace = !rest_.empty() && rest_.front() == '{';
        rest_.remove_prefix(has_brace ? 1 : 0);
        const auto end = std::ranges::find_if_not(rest_, is_name_letter);
        const std::string name{rest_.begin(), end};
        rest_.remove_prefix(name.size());
        const bool is_closed = !has_brace || (!rest_.empty() && rest_.front() == '}');
        if (name.empty() || !is_closed) {
            refuse("has a '$', and no shell runs it here: write the value as it is");
        }
        rest_.remove_prefix(has_brace ? 1 : 0);
        const auto found = known_.find(name);
        return found == known_.end() ? std::string{} : found->second;
    }

    std::string_view rest_;
    const Variables& known_;
};

/// Nothing where it is not set, or set to nothing, which dracut takes for the same.
std::optional<std::string> setting(const Variables& variables, const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() || found->second.empty() ? std::nullopt : std::optional{found->second};
}

/// Of a kernel command line, the last of that name.
std::optional<std::string> argument(const std::string& command_line, const std::string& name) {
    std::optional<std::string> value;
    std::istringstream words{command_line};
    for (std::string word; words >> word;) {
        if (word.starts_with(formatted("{}=", name)) && word.size() > name.size() + 1) {
            value = word.substr(name.size() + 1);
        }
    }
    return value;
}

void check_path(const std::string& what, const std::string& path) {
    if (const auto problem = problem_with_path(path)) {
        throw Error{Reason::config, formatted("{}: {}", what, *problem)};
    }
}

std::string usual_master_file(const DracutSettings& settings, const DracutSetup& setup) {
    const bool one_for_each_kernel = setting(settings.masterkey, "MULTIKERNELMODE") == "YES";
    return one_for_each_kernel
               ? formatted("/etc/keys/kmk-{}-{}.blob", setup.master_type, settings.kernel_release)
               : formatted("/etc/keys/kmk-{}.blob", setup.master_type);
}

} // namespace

std::map<std::string, std::string> shell_variables(const std::string_view text) {
    Variables variables;
    std::istringstream lines{std::string{text}};
    std::size_t number = 0;
    for (std::string whole; std::getline(lines, whole);) {
        ++number;
        std::string_view line = trimmed(whole);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (constexpr std::string_view word = "export "; line.starts_with(word)) {
            line = trimmed(line.substr(word.size()));
        }
        try {
            Assignment assignment{line, variables};
            std::string name = assignment.name();
            variables[std::move(name)] = assignment.value();
        } catch (const Error& error) {
            throw error.in(formatted("line {}", number));
        }
    }
    return variables;
}

DracutSetup dracut_setup(const DracutSettings& settings) {
    DracutSetup setup;
    setup.master_type = argument(settings.command_line, "masterkeytype")
                            .value_or(setting(settings.masterkey, "MASTERKEYTYPE").value_or("trusted"));
    if (setup.master_type != "trusted" && setup.master_type != "user") {
        throw Error{Reason::config,
                    formatted("MASTERKEYTYPE: \"{}\" is not known: a master key is \"trusted\" or \"user\"",
                              setup.master_type)};
    }
    setup.master_file =
        argument(settings.command_line, "masterkey")
            .value_or(setting(settings.masterkey, "MASTERKEY").value_or(usual_master_file(settings, setup)));
    check_path("MASTERKEY", setup.master_file);
    // The manual and the script that reads the variable have different names for it.
    setup.key_file = argument(settings.command_line, "ecryptfskey")
                         .value_or(setting(settings.ecryptfs, "ECRYPTFSKEY")
                                       .value_or(setting(settings.ecryptfs, "ECRYPTFS_KEY")
                                                     .value_or("/etc/keys/ecryptfs-trusted.blob")));
    check_path("ECRYPTFSKEY", setup.key_file);
    FstabVolume volume;
    Volume& requested = volume.request.volume;
    requested.lower = setting(settings.ecryptfs, "ECRYPTFSSRCDIR").value_or("/secret");
    check_path("ECRYPTFSSRCDIR", requested.lower);
    requested.mountpoint = setting(settings.ecryptfs, "ECRYPTFSDSTDIR").value_or(requested.lower);
    check_path("ECRYPTFSDSTDIR", requested.mountpoint);
    take_mount_options(setting(settings.ecryptfs, "ECRYPTFS_EXTRA_MOUNT_OPTS").value_or(""), volume);
    requested.no_passphrase = true;
    setup.request = std::move(volume.request);
    setup.dropped = std::move(volume.dropped);
    return setup;
}

} // namespace sealmount
