// Source: script/execute.c (commands, functions, loops and what `$?` is after them), normal/main.c
// (read_config_file(), grub_normal_execute()), script/main.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/commands.hpp"
#include "core/grub/run.hpp"
#include "core/script/script_reader.hpp"

#include <utility>

namespace sealmount {

namespace {

/// Debian's GRUB gives up at 64 (script/execute.c, MAX_RECURSION_DEPTH), where a block counts twice.
constexpr unsigned deepest_run = 28;

std::string directory_of(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    return slash == std::string::npos ? file : file.substr(0, slash);
}

} // namespace

void GrubRun::run_configuration(const std::string& name, const bool is_nested, const bool is_sourced) {
    if (!is_nested) {
        read_lists(environment.text("prefix"));
        is_normal_ = true;
    }
    if (++depth_ > deepest_run) {
        stop("configurations lead to configurations without end");
    }
    if (const auto file = open(name)) {
        const std::string* const old_file = environment.get("config_file");
        const std::string* const old_directory = environment.get("config_directory");
        const auto kept_file = old_file != nullptr ? std::optional{*old_file} : std::nullopt;
        const auto kept_directory = old_directory != nullptr ? std::optional{*old_directory} : std::nullopt;
        const std::string whole = name.starts_with('(') ? name : "(" + environment.text("root") + ")" + name;
        environment.set("config_file", whole);
        environment.set("config_directory", directory_of(whole));
        environment.export_name("config_file");
        environment.export_name("config_directory");
        run_lines(whole, configuration_lines(read(*file)));
        const auto restore = [this](const std::string& variable, const std::optional<std::string>& value) {
            if (value) {
                environment.set(variable, *value);
            } else {
                environment.unset(variable);
            }
        };
        restore("config_file", kept_file);
        restore("config_directory", kept_directory);
    }
    if (!is_sourced && !menu().empty()) {
        show_menu(menu(), false);
        menu().clear();
    }
    --depth_;
}

void GrubRun::run_lines(const std::string& file, ScriptLines lines) {
    const GrubPlace before = place_;
    for (const ScriptLine& line : lines) {
        spend(line.text.size() + 1);
    }
    ScriptSource source{file, std::move(lines)};
    try {
        while (auto group = read_group(source)) {
            for (auto& [name, body] : group->functions) {
                if (running_functions_.contains(name)) {
                    stop("a function is defined while it runs");
                }
                functions_[name] = {.file = file, .body = std::move(body)};
            }
            place_ = {.file = file, .line = place_.line};
            if (!group->commands.empty()) {
                (void)run_commands(group->commands);
            }
        }
    } catch (const ScriptFault& fault) {
        place_ = {.file = file, .line = fault.line};
        stop(fault.reason);
    }
    place_ = before;
}

void GrubRun::set_status(const GrubStatus status) {
    environment.set("?", std::to_string(status.code));
    is_status_exact = status.is_exact;
}

GrubStatus GrubRun::run_commands(const ScriptCommands& commands) {
    if (commands.empty()) {
        return grub_success;
    }
    GrubStatus status = grub_success;
    for (const ScriptCommand& command : commands) {
        if (breaks != 0) {
            break;
        }
        status = run_command(command);
        if (is_returning) {
            break;
        }
    }
    set_status(status);
    return status;
}

GrubStatus GrubRun::run_command(const ScriptCommand& command) {
    count_step();
    place_.line = command.line;
    if (++depth_ > deepest_run) {
        stop("commands within commands, deeper than GRUB allows");
    }
    GrubStatus status;
    switch (command.kind) {
    case CommandKind::simple:
        status = run_simple(command);
        break;
    case CommandKind::choice:
        status = run_choice(command);
        break;
    case CommandKind::for_each:
        status = run_for(command);
        break;
    case CommandKind::while_true:
    case CommandKind::until_true:
        status = run_loop(command);
        break;
    }
    --depth_;
    set_status(status);
    return status;
}

GrubStatus GrubRun::run_choice(const ScriptCommand& command) {
    for (const ScriptBranch& branch : command.branches) {
        const GrubStatus condition = run_commands(branch.condition);
        if (is_returning) {
            return condition;
        }
        if (condition.is_success()) {
            return run_commands(branch.body);
        }
    }
    return run_commands(command.otherwise);
}

GrubStatus GrubRun::run_for(const ScriptCommand& command) {
    if (command.words.empty()) {
        return grub_success;
    }
    GrubStatus status = grub_success;
    const std::vector<std::string> values = arguments_of(command.words);
    ++loops;
    for (const std::string& value : values) {
        if (is_continue && breaks == 1) {
            breaks = 0;
        }
        if (breaks == 0) {
            set_variable(command.name, value);
            status = run_commands(command.branches.front().body);
            if (is_returning) {
                break;
            }
        }
    }
    breaks -= breaks != 0 ? 1 : 0;
    --loops;
    return status;
}

GrubStatus GrubRun::run_loop(const ScriptCommand& command) {
    const bool is_until = command.kind == CommandKind::until_true;
    const ScriptBranch& branch = command.branches.front();
    GrubStatus status = grub_success;
    ++loops;
    for (;;) {
        status = run_commands(branch.condition);
        if (is_returning || status.is_success() == is_until) {
            break;
        }
        status = run_commands(branch.body);
        if (is_returning) {
            break;
        }
        if (breaks == 1 && is_continue) {
            breaks = 0;
        }
        if (breaks != 0) {
            break;
        }
    }
    breaks -= breaks != 0 ? 1 : 0;
    --loops;
    return status;
}

GrubStatus GrubRun::run_simple(const ScriptCommand& command) {
    GrubCall simple;
    simple.arguments = arguments_of(command.words);
    if (simple.arguments.empty()) {
        return grub_success;
    }
    const ScriptWord& last = command.words.back();
    if (!last.empty() && last.back().kind == PieceKind::block) {
        simple.has_block = true;
        simple.body = last.back().body;
    }
    std::string text;
    for (const std::string& argument : simple.arguments) {
        text += (&argument == &simple.arguments.front() ? "" : " ") + argument;
    }
    measure_text(GrubEventKind::command, std::move(text));
    const bool is_inverted = simple.arguments.front() == "!";
    if (is_inverted) {
        simple.arguments.erase(simple.arguments.begin());
        if (simple.arguments.empty()) {
            return grub_status(GrubError::bad_argument);
        }
    }
    simple.name = std::move(simple.arguments.front());
    simple.arguments.erase(simple.arguments.begin());
    const GrubStatus status = call(simple);
    if (!is_inverted) {
        return status;
    }
    return status.is_success() ? grub_status(GrubError::test_failure) : grub_success;
}

GrubStatus GrubRun::call(const GrubCall& simple) {
    const KnownCommand* const known = known_command(simple.name);
    const std::string* const module = module_of_command(simple.name);
    if (known != nullptr && (known->module.empty() || has_module(std::string{known->module}))) {
        return known->run(*this, simple);
    }
    if (module != nullptr) {
        if (!load_module(*module)) {
            return grub_failure(start_.secure_boot ? GrubError::access_denied : GrubError::file_not_found);
        }
        if (known == nullptr) {
            stop("what the command \"" + simple.name + "\" does is not known here");
        }
        return known->run(*this, simple);
    }
    if (functions_.contains(simple.name)) {
        return call_function(simple.name, simple.arguments);
    }
    if (const std::size_t equals = simple.name.find('='); equals != std::string::npos) {
        const std::string variable = simple.name.substr(0, equals);
        if (!is_parameter_name(variable)) {
            set_variable(variable, simple.name.substr(equals + 1));
        }
        return grub_success;
    }
    if (known == nullptr && !knows_all_commands()) {
        stop("the command \"" + simple.name + "\" is not known here");
    }
    // GRUB says that it cannot find it, and goes on as if it had succeeded (script/execute.c).
    return grub_success;
}

GrubStatus GrubRun::call_function(const std::string& name, const std::vector<std::string>& arguments) {
    const auto outer_parameters = std::exchange(parameters, arguments);
    const bool had_parameters = std::exchange(has_parameters, true);
    const unsigned long outer_loops = std::exchange(loops, 0);
    const bool is_outermost = running_functions_.insert(name).second;
    const GrubPlace caller = place_;
    const GrubFunction& function = functions_.at(name);
    place_.file = function.file;
    const GrubStatus status = run_commands(function.body);
    place_ = caller;
    if (is_outermost) {
        running_functions_.erase(name);
    }
    is_returning = false;
    loops = outer_loops;
    parameters = outer_parameters;
    has_parameters = had_parameters;
    return status;
}

} // namespace sealmount
