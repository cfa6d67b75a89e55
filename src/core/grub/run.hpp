// One run of GRUB's script: what its parts (run_*.cpp, commands_*.cpp, menu.cpp, ...) share. Only for this
// room; grub_boot.hpp is the way in.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/environment.hpp"
#include "core/grub/grub_boot.hpp"
#include "core/script/script_tree.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sealmount {

/// GRUB's error numbers (include/grub/err.h), which a script sees as `$?`.
enum class GrubError {
    none = 0,
    test_failure = 1,
    bad_file_type = 4,
    file_not_found = 5,
    bad_number = 10,
    unknown_device = 12,
    bad_argument = 18,
    bad_font = 23,
    menu = 27,
    access_denied = 30,
};

/// How a command ended. For most failures GRUB's number depends on things that are not followed here: then
/// only that it failed is known, and a script that looks at the number is not.
struct GrubStatus {
    int code = 0;
    bool is_exact = true;

    [[nodiscard]] bool is_success() const noexcept { return code == 0; }
};

inline constexpr GrubStatus grub_success{};
[[nodiscard]] constexpr GrubStatus grub_status(const GrubError error) noexcept {
    return {.code = static_cast<int>(error), .is_exact = true};
}
[[nodiscard]] constexpr GrubStatus grub_failure(const GrubError likely) noexcept {
    return {.code = static_cast<int>(likely), .is_exact = false};
}

/// A simple command whose arguments are known.
struct GrubCall {
    std::string name{};
    std::vector<std::string> arguments{};
    ScriptLines body{}; ///< of its block, if it has one: then that is the last argument as well
    bool has_block = false;
};

struct GrubFunction {
    std::string file{}; ///< that it is defined in
    ScriptCommands body{};
};

struct MenuEntry {
    std::string title{};
    std::string id{};
    bool is_restricted = false;
    bool is_submenu = false;
    std::vector<std::string> parameters{};
    ScriptLines body{};
    std::string file{}; ///< that the body's lines are of
};

using GrubMenu = std::vector<MenuEntry>;

/// A file of /loader/entries (loader_entries.cpp).
struct LoaderEntry {
    std::string name{}; ///< without ".conf"
    std::string file{};
    std::vector<std::pair<std::string, std::string>> fields{};
    bool is_shown = false;
};

/// What ends a run: everything is in its result.
struct RunEnded {};

class GrubRun {
  public:
    GrubRun(const GrubStart& start, const GrubMachine& machine);

    /// Until a kernel starts, or it is not known what happens.
    void run();
    [[nodiscard]] GrubBoot take_result() { return std::move(result_); }

    // --- results (run.cpp)

    /// Nothing is known of what comes now.
    [[noreturn]] void stop(std::string reason);
    /// One PCR is not known from here on; the run goes on.
    void doubt(unsigned pcr, std::string reason);
    void measure_text(GrubEventKind kind, std::string text);
    [[noreturn]] void boot();

    // --- files and what setting variables brings about (run_files.cpp)

    /// The file of a name as scripts write it, "(DEVICE)PATH" or a path on $root; nothing when its device
    /// does not exist.
    [[nodiscard]] std::optional<GrubFile> resolve(const std::string& name);
    /// Opens a file as most commands do: it is measured, unless it is on the image's own disk. Nothing when
    /// it does not exist.
    [[nodiscard]] std::optional<GrubFile> open(const std::string& name);
    [[nodiscard]] GrubFileKind kind(const std::string& name);
    [[nodiscard]] std::string read(const GrubFile& file);
    void write(const GrubFile& file, std::string content);
    /// The device of that name, in another spelling perhaps ("hd0,2" for "hd0,gpt2").
    [[nodiscard]] const GrubDevice* device(std::string_view name) const;
    void set_variable(const std::string& name, std::string value);
    void unset_variable(const std::string& name);

    // --- modules (run_modules.cpp)

    /// Loads a module from the prefix if it is not there yet; its file is measured.
    [[nodiscard]] bool load_module(const std::string& name);
    [[nodiscard]] bool load_module_file(const std::string& file);
    [[nodiscard]] bool has_module(const std::string& name) const { return modules_.contains(name); }
    /// The module that command.lst names for a command, or terminal.lst for a terminal ("o" or "i" and its
    /// name).
    [[nodiscard]] const std::string* module_of_command(const std::string& command) const;
    [[nodiscard]] const std::string* module_of_terminal(const std::string& terminal) const;
    [[nodiscard]] bool knows_all_commands() const noexcept { return !command_modules_.empty(); }
    void read_lists(const std::string& prefix);

    // --- the script (run_script.cpp)

    void run_configuration(const std::string& name, bool is_nested, bool is_sourced);
    void run_lines(const std::string& file, ScriptLines lines);
    GrubStatus run_commands(const ScriptCommands& commands);
    [[nodiscard]] GrubStatus call(const GrubCall& call);
    [[nodiscard]] std::vector<std::string> arguments_of(std::span<const ScriptWord> words);

    // --- the menu (menu.cpp)

    void show_menu(const GrubMenu& menu, bool is_automatic);
    void add_entry(MenuEntry entry);

    GrubEnvironment environment;
    std::vector<std::string> parameters; ///< $1, $2, ...
    bool has_parameters = false;         ///< there is a function, or an entry
    unsigned long breaks = 0;            ///< loops that are still to be left
    bool is_continue = false;
    unsigned long loops = 0;
    bool is_returning = false;
    bool is_status_exact = true;
    std::optional<GrubKernel> kernel; ///< what would be booted
    bool draws_graphics = false;      ///< gfxterm is the terminal
    std::set<std::string> fonts;
    std::vector<LoaderEntry> loader_entries;          ///< in their order in the menu
    std::map<std::string, std::string> found_devices; ///< by searches, "u:UUID": GRUB tries these first

    [[nodiscard]] const GrubStart& start() const noexcept { return start_; }
    [[nodiscard]] const GrubMachine& machine() const noexcept { return machine_; }
    [[nodiscard]] const GrubPlace& place() const noexcept { return place_; }
    [[nodiscard]] const std::vector<GrubDevice>& devices() const noexcept { return devices_; }
    [[nodiscard]] GrubBoot& result() noexcept { return result_; }
    void count_step();
    /// So many bytes were read or put together: all work is bounded.
    void spend(std::size_t bytes);
    void set_place(std::string file, const unsigned line) {
        place_ = {.file = std::move(file), .line = line};
    }
    GrubMenu& menu() noexcept { return menus_.back(); }
    void open_context();
    void close_context();

  private:
    void record_file(const std::string& name, const GrubFile& file);
    void open_catalog(const std::string& language, const std::string& directory, const std::string& prefix);
    [[nodiscard]] bool open_catalog_file(const std::string& base);
    [[nodiscard]] bool is_hooked(const std::string& name) const;

    GrubStatus run_command(const ScriptCommand& command);
    GrubStatus run_simple(const ScriptCommand& command);
    GrubStatus run_choice(const ScriptCommand& command);
    GrubStatus run_for(const ScriptCommand& command);
    GrubStatus run_loop(const ScriptCommand& command);
    GrubStatus call_function(const std::string& name, const std::vector<std::string>& arguments);
    void set_status(GrubStatus status);
    [[nodiscard]] std::vector<std::optional<std::string>> values_of(const std::string& name, bool is_quoted);
    [[nodiscard]] std::string translated(const std::string& text);

    void run_entry(const MenuEntry& entry, bool is_automatic);
    [[nodiscard]] std::optional<std::size_t> entry_number(const GrubMenu& menu, const std::string& wanted);
    [[nodiscard]] std::size_t wait_at_menu(const GrubMenu& menu, bool& is_automatic);
    [[nodiscard]] std::optional<std::size_t> next_fallback();

    const GrubStart& start_;
    const GrubMachine& machine_;
    GrubBoot result_;
    std::map<GrubFile, std::string> contents_; ///< of files that are not as on the disk
    GrubPlace place_;
    std::vector<GrubDevice> devices_;
    std::vector<GrubMenu> menus_ = std::vector<GrubMenu>(1);
    std::set<std::string> modules_;
    std::map<std::string, std::string> command_modules_;
    std::map<std::string, std::string> terminal_modules_;
    std::map<std::string, GrubFunction> functions_;
    std::set<std::string> running_functions_;
    bool is_normal_ = false; ///< the lists are read when the prefix is set
    bool has_catalog_ = false;
    unsigned long steps_ = 0;
    std::size_t measured_ = 0; ///< bytes of text
    std::size_t spent_ = 0;
    unsigned depth_ = 0;
};

/// GRUB's strtoul (kern/misc.c): nothing when there is not a digit; `rest` is what follows.
[[nodiscard]] std::optional<unsigned long long> grub_number(std::string_view text, std::string_view* rest,
                                                            unsigned base = 0) noexcept;

/// grub_isspace (include/grub/misc.h).
[[nodiscard]] constexpr bool is_grub_space(const char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

} // namespace sealmount
