// load_env and save_env.
//
// Source: commands/loadenv.c: what is loaded is measured unless the signature is to be skipped; what is
// saved is read without being measured, and written in place.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/command_options.hpp"
#include "core/grub/commands.hpp"
#include "core/grub/environment_block.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

constexpr std::array block_options = {
    CommandOption{.name = "file", .letter = 'f', .takes_value = true},
    CommandOption{.name = "skip-sig", .letter = 's'},
};

std::string block_name(const GrubRun& run, const ParsedOptions& parsed) {
    return parsed.value("file").value_or(run.environment.text("prefix") + "/grubenv");
}

} // namespace

GrubStatus load_env_command(GrubRun& run, const GrubCall& call) {
    const auto parsed = parse_options(block_options, call.arguments, false);
    if (!parsed) {
        return grub_failure(GrubError::bad_argument);
    }
    const std::string name = block_name(run, *parsed);
    const bool is_measured = !parsed->has("skip-sig");
    const auto file = is_measured                            ? run.open(name)
                      : run.kind(name) == GrubFileKind::file ? run.resolve(name)
                                                             : std::nullopt;
    if (!file) {
        return grub_failure(GrubError::file_not_found);
    }
    run.result().environments.insert(*file);
    const std::string block = run.read(*file);
    if (!is_environment_block(block)) {
        return grub_status(GrubError::bad_file_type);
    }
    for (auto& [variable, value] : variables_of_block(block)) {
        const auto& wanted = parsed->arguments;
        if (wanted.empty() || std::ranges::find(wanted, variable) != wanted.end()) {
            run.set_variable(variable, std::move(value));
        }
    }
    return grub_success;
}

GrubStatus save_env_command(GrubRun& run, const GrubCall& call) {
    const auto parsed = parse_options(block_options, call.arguments, false);
    if (!parsed || parsed->arguments.empty()) {
        return grub_failure(GrubError::bad_argument);
    }
    const std::string name = block_name(run, *parsed);
    const auto file = run.kind(name) == GrubFileKind::file ? run.resolve(name) : std::nullopt;
    if (!file) {
        return grub_failure(GrubError::file_not_found);
    }
    run.result().environments.insert(*file);
    std::string block = run.read(*file);
    const GrubDevice* const device = run.device(file->device);
    if (!is_environment_block(block) || device == nullptr || !device->writable) {
        return grub_failure(GrubError::bad_file_type);
    }
    for (const std::string& variable : parsed->arguments) {
        if (const std::string* const value = run.environment.get(variable)) {
            if (!set_in_block(block, variable, *value)) {
                // Nothing is written then.
                return grub_status(GrubError::bad_argument);
            }
        } else {
            unset_in_block(block, variable);
        }
    }
    run.write(*file, std::move(block));
    return grub_success;
}

} // namespace sealmount
