// The table of commands, and those that take a line or two.
//
// Source: kern/corecmd.c, commands/minicmd.c, commands/true.c, commands/echo.c, commands/boot.c,
// commands/configfile.c, script/execute.c (break, shift, setparams, return), normal/context.c (export),
// normal/main.c (normal), commands/efi/efifwsetup.c, and which module has what from the modules' own
// registrations.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/commands.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

/// Shows something, or changes what no event depends on.
GrubStatus no_effect(GrubRun& /*run*/, const GrubCall& /*call*/) {
    return grub_success;
}

GrubStatus fail_always(GrubRun& /*run*/, const GrubCall& /*call*/) {
    return grub_status(GrubError::test_failure);
}

GrubStatus not_followed(GrubRun& run, const GrubCall& call) {
    run.stop("what \"" + call.name + "\" finds out is not known before");
}

GrubStatus ends_grub(GrubRun& run, const GrubCall& call) {
    run.stop("GRUB ends with \"" + call.name + "\"");
}

GrubStatus set_value(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty()) {
        return grub_success;
    }
    const std::string& assignment = call.arguments.front();
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
        return grub_status(GrubError::bad_argument);
    }
    run.set_variable(assignment.substr(0, equals), assignment.substr(equals + 1));
    return grub_success;
}

GrubStatus unset_value(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty()) {
        return grub_status(GrubError::bad_argument);
    }
    run.unset_variable(call.arguments.front());
    return grub_success;
}

GrubStatus export_names(GrubRun& run, const GrubCall& call) {
    for (const std::string& name : call.arguments) {
        run.environment.export_name(name);
    }
    return call.arguments.empty() ? grub_status(GrubError::bad_argument) : grub_success;
}

GrubStatus insert_module(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty()) {
        return grub_status(GrubError::bad_argument);
    }
    const std::string& module = call.arguments.front();
    if (module.starts_with('/') || module.starts_with('(') || module.starts_with('+')) {
        (void)run.load_module_file(module);
    } else {
        (void)run.load_module(module);
    }
    return grub_success; // whether there is one or not
}

GrubStatus source_file(GrubRun& run, const GrubCall& call) {
    if (call.arguments.size() != 1) {
        return grub_status(GrubError::bad_argument);
    }
    run.run_configuration(call.arguments.front(), true, true);
    return grub_success;
}

GrubStatus other_configuration(GrubRun& run, const GrubCall& call) {
    if (call.arguments.size() != 1) {
        return grub_status(GrubError::bad_argument);
    }
    run.open_context();
    run.run_configuration(call.arguments.front(), true, false);
    run.close_context();
    return grub_success;
}

GrubStatus enter_normal(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty()) {
        run.stop("the menu is entered from a script");
    }
    run.run_configuration(call.arguments.front(), false, false);
    run.stop("the configuration has no entry, and GRUB waits at its prompt");
}

GrubStatus boot_now(GrubRun& run, const GrubCall& /*call*/) {
    run.boot();
}

/// How many; nothing when it is not one number.
std::optional<unsigned long> counted(const GrubCall& call, const unsigned long standard) {
    if (call.arguments.empty()) {
        return standard;
    }
    std::string_view rest;
    const auto number = grub_number(call.arguments.front(), &rest, 10);
    return number && rest.empty() && call.arguments.size() == 1 ? std::optional<unsigned long>{*number}
                                                                : std::nullopt;
}

GrubStatus leave_loops(GrubRun& run, const GrubCall& call) {
    const auto count = counted(call, 1);
    if (!count || *count == 0) {
        return grub_failure(GrubError::bad_argument);
    }
    run.is_continue = call.name == "continue";
    run.breaks = std::min(*count, run.loops);
    return grub_success;
}

GrubStatus shift_parameters(GrubRun& run, const GrubCall& call) {
    const auto count = counted(call, 1);
    if (!run.has_parameters) {
        return grub_success;
    }
    if (!count || *count > run.parameters.size()) {
        return grub_status(GrubError::bad_argument);
    }
    run.parameters.erase(run.parameters.begin(),
                         run.parameters.begin() + static_cast<std::ptrdiff_t>(*count));
    return grub_success;
}

GrubStatus set_parameters(GrubRun& run, const GrubCall& call) {
    if (run.has_parameters) {
        run.parameters = call.arguments;
    }
    return run.has_parameters ? grub_success : grub_failure(GrubError::bad_argument);
}

GrubStatus return_from_function(GrubRun& run, const GrubCall& call) {
    if (!run.has_parameters || call.arguments.size() > 1) {
        return grub_status(GrubError::bad_argument);
    }
    std::optional<unsigned long> number = counted(call, 0);
    if (call.arguments.empty()) {
        number = grub_number(run.environment.text("?"), nullptr, 10);
    }
    if (!number) {
        return grub_failure(GrubError::bad_number);
    }
    run.is_returning = true;
    return {.code = static_cast<int>(*number), .is_exact = !call.arguments.empty() || run.is_status_exact};
}

GrubStatus firmware_setup(GrubRun& run, const GrubCall& call) {
    const bool asks = !call.arguments.empty() && call.arguments.front().ends_with("is-supported") &&
                      run.start().setup_can_be_asked;
    if (!asks && run.start().setup_supported) {
        run.stop("GRUB enters the firmware's setup");
    }
    if (!asks) {
        return grub_failure(GrubError::bad_argument);
    }
    return run.start().setup_supported ? grub_success : grub_status(GrubError::test_failure);
}

GrubStatus show_file(GrubRun& run, const GrubCall& call) {
    for (const std::string& name : call.arguments) {
        if (!name.starts_with('-')) {
            return run.open(name) ? grub_success : grub_status(GrubError::file_not_found);
        }
    }
    return grub_status(GrubError::bad_argument);
}

GrubStatus wait_seconds(GrubRun& run, const GrubCall& call) {
    const bool listens = std::ranges::any_of(
        call.arguments, [](const std::string& argument) { return argument.ends_with("interruptible"); });
    return listens ? not_followed(run, call) : grub_success;
}

constexpr std::array known_commands = {
    KnownCommand{".", "configfile", source_file},
    KnownCommand{"[", "test", test_command},
    KnownCommand{"authenticate", "normal", not_followed},
    KnownCommand{"background_color", "gfxterm_background", no_effect},
    KnownCommand{"background_image", "gfxterm_background", background_command},
    KnownCommand{"bls_import", "blscfg", blscfg_command},
    KnownCommand{"blscfg", "blscfg", blscfg_command},
    KnownCommand{"boot", "boot", boot_now},
    KnownCommand{"break", "", leave_loops},
    KnownCommand{"cat", "cat", show_file},
    KnownCommand{"chainloader", "chain", chainloader_command},
    KnownCommand{"clear", "", no_effect},
    KnownCommand{"cmosdump", "cmosdump", no_effect},
    KnownCommand{"cmostest", "cmostest", not_followed},
    KnownCommand{"configfile", "configfile", other_configuration},
    KnownCommand{"continue", "", leave_loops},
    KnownCommand{"cpuid", "cpuid", not_followed},
    KnownCommand{"cryptomount", "cryptodisk", not_followed},
    KnownCommand{"date", "date", not_followed},
    KnownCommand{"decrement", "increment", increment_command},
    KnownCommand{"echo", "echo", no_effect},
    KnownCommand{"exit", "minicmd", ends_grub},
    KnownCommand{"export", "", export_names},
    KnownCommand{"false", "true", fail_always},
    KnownCommand{"fwsetup", "efifwsetup", firmware_setup},
    KnownCommand{"gettext", "gettext", no_effect},
    KnownCommand{"halt", "halt", ends_grub},
    KnownCommand{"help", "help", no_effect},
    KnownCommand{"hwmatch", "hwmatch", not_followed},
    KnownCommand{"increment", "increment", increment_command},
    KnownCommand{"initrd", "linux", initrd_command},
    KnownCommand{"initrdefi", "linuxefi", initrd_command},
    KnownCommand{"insmod", "", insert_module},
    KnownCommand{"keystatus", "keystatus", not_followed},
    KnownCommand{"linux", "linux", linux_command},
    KnownCommand{"linuxefi", "linuxefi", linux_command},
    KnownCommand{"load_env", "loadenv", load_env_command},
    KnownCommand{"loadfont", "font", loadfont_command},
    KnownCommand{"loopback", "loopback", not_followed},
    KnownCommand{"ls", "", no_effect},
    KnownCommand{"lsefi", "lsefi", no_effect},
    KnownCommand{"lsefimmap", "lsefimmap", no_effect},
    KnownCommand{"lsefisystab", "lsefisystab", no_effect},
    KnownCommand{"lsfonts", "font", no_effect},
    KnownCommand{"lsmod", "minicmd", no_effect},
    KnownCommand{"menuentry", "", menuentry_command},
    KnownCommand{"normal", "", enter_normal},
    KnownCommand{"normal_exit", "", ends_grub},
    KnownCommand{"password", "password", no_effect},
    KnownCommand{"password_pbkdf2", "password_pbkdf2", no_effect},
    KnownCommand{"play", "play", no_effect},
    KnownCommand{"probe", "probe", probe_command},
    KnownCommand{"read", "read", not_followed},
    KnownCommand{"reboot", "reboot", ends_grub},
    KnownCommand{"regexp", "regexp", regexp_command},
    KnownCommand{"return", "", return_from_function},
    KnownCommand{"save_env", "loadenv", save_env_command},
    KnownCommand{"search", "search", search_command},
    KnownCommand{"search.file", "search_fs_file", search_by_file},
    KnownCommand{"search.fs_label", "search_label", search_by_label},
    KnownCommand{"search.fs_uuid", "search_fs_uuid", search_by_uuid},
    KnownCommand{"serial", "serial", no_effect},
    KnownCommand{"set", "", set_value},
    KnownCommand{"setparams", "", set_parameters},
    KnownCommand{"shift", "", shift_parameters},
    KnownCommand{"sleep", "sleep", wait_seconds},
    KnownCommand{"smbios", "smbios", not_followed},
    KnownCommand{"source", "configfile", source_file},
    KnownCommand{"submenu", "", menuentry_command},
    KnownCommand{"terminal_input", "terminal", terminal_command},
    KnownCommand{"terminal_output", "terminal", terminal_command},
    KnownCommand{"test", "test", test_command},
    KnownCommand{"true", "true", no_effect},
    KnownCommand{"unset", "", unset_value},
    KnownCommand{"videoinfo", "videoinfo", no_effect},
};

static_assert(std::ranges::is_sorted(known_commands, {}, &KnownCommand::name));

} // namespace

const KnownCommand* known_command(const std::string_view name) {
    const auto found = std::ranges::lower_bound(known_commands, name, {}, &KnownCommand::name);
    return found != known_commands.end() && found->name == name ? &*found : nullptr;
}

} // namespace sealmount
