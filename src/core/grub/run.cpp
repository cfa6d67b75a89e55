// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/run.hpp"

#include "base/format.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sealmount {

namespace {

/// More than any distribution's script takes, by a factor of fifty.
constexpr unsigned long most_steps = 40'000;
constexpr std::size_t most_events = 50'000;
constexpr std::size_t most_measured = std::size_t{16} << 20U;
/// All modules of GRUB together are a tenth of it.
constexpr std::size_t most_spent = std::size_t{128} << 20U;

/// normal/main.c, features[], the same in 2.06 and 2.12.
constexpr std::array known_features = {
    "feature_chainloader_bpb",      "feature_ntldr",
    "feature_platform_search_hint", "feature_default_font_path",
    "feature_all_video_module",     "feature_menuentry_id",
    "feature_menuentry_options",    "feature_200_final",
    "feature_nativedisk_cmd",       "feature_timeout_style",
};

} // namespace

GrubRun::GrubRun(const GrubStart& start, const GrubMachine& machine)
    : start_(start), machine_(machine), contents_(start.rewritten), devices_(machine.devices()),
      modules_(start.modules) {
    const auto exported = [this](const std::string& name, const std::string& value) {
        environment.set(name, value);
        environment.export_name(name);
    };
    exported("prefix", start.prefix);
    exported("root", start.root);
    exported("cmdpath", start.cmdpath);
    exported("grub_cpu", start.cpu);
    exported("grub_platform", start.platform);
    exported("pager", "");
    exported("color_normal", "light-gray/black");
    exported("color_highlight", "black/light-gray");
    if (modules_.contains("gettext")) {
        exported("lang", "");
        exported("locale_dir", "");
        exported("secondary_locale_dir", "");
    }
    for (const char* const feature : known_features) {
        exported(feature, "y");
    }
    for (const auto& [name, value] : start.variables) {
        exported(name, value);
    }
}

void GrubRun::run() {
    try {
        if (!has_module("normal") && !load_module("normal")) {
            stop("GRUB has not got its module for menus");
        }
        const std::string file =
            start_.configuration ? *start_.configuration : environment.text("prefix") + "/grub.cfg";
        if (!start_.configuration && start_.looks_first) {
            (void)open(file);
        }
        run_configuration(file, false, false);
        stop("the configuration has no entry, and GRUB waits at its prompt");
    } catch (const RunEnded&) {
        return;
    }
}

void GrubRun::stop(std::string reason) {
    for (const unsigned pcr : {grub_command_pcr, grub_file_pcr}) {
        doubt(pcr, reason);
    }
    throw RunEnded{};
}

void GrubRun::doubt(const unsigned pcr, std::string reason) {
    result_.unknown.emplace(pcr, GrubUnknown{.place = place_, .reason = std::move(reason)});
}

void GrubRun::count_step() {
    if (++steps_ > most_steps) {
        stop("the script does not come to an end");
    }
}

void GrubRun::spend(const std::size_t bytes) {
    spent_ += bytes;
    if (spent_ > most_spent) {
        stop("the script does not come to an end");
    }
}

void GrubRun::measure_text(const GrubEventKind kind, std::string text) {
    measured_ += text.size();
    if (measured_ > most_measured || result_.events.size() >= most_events) {
        stop("the script measures more than any machine's log holds");
    }
    if (!result_.unknown.contains(grub_command_pcr) && has_module("tpm")) {
        result_.events.push_back(
            {.kind = kind, .pcr = grub_command_pcr, .text = std::move(text), .place = place_});
    }
}

void GrubRun::record_file(const std::string& name, const GrubFile& file) {
    measured_ += name.size();
    if (measured_ > most_measured || result_.events.size() >= most_events) {
        stop("the script opens more files than any machine's log holds");
    }
    if (result_.unknown.contains(grub_file_pcr) || !has_module("tpm")) {
        return;
    }
    GrubEvent event{
        .kind = GrubEventKind::file, .pcr = grub_file_pcr, .text = name, .files = {file}, .place = place_};
    if (const auto content = contents_.find(file); content != contents_.end()) {
        event.rewritten = content->second;
    }
    result_.events.push_back(std::move(event));
}

void GrubRun::boot() {
    if (!kernel) {
        stop("GRUB is to start a kernel, and none is loaded");
    }
    if (kernel->is_linux && start_.stub_measures && !result_.unknown.contains(grub_file_pcr)) {
        result_.events.push_back({.kind = GrubEventKind::stub_options,
                                  .pcr = grub_file_pcr,
                                  .text = kernel->command_line,
                                  .place = place_});
        if (!kernel->initrds.empty()) {
            result_.events.push_back({.kind = GrubEventKind::stub_initrd,
                                      .pcr = grub_file_pcr,
                                      .text = "initrd",
                                      .files = kernel->initrds,
                                      .place = place_});
        }
    }
    result_.kernel = kernel;
    throw RunEnded{};
}

void GrubRun::open_context() {
    environment.open_context();
    menus_.emplace_back();
}

void GrubRun::close_context() {
    environment.close_context();
    menus_.pop_back();
}

void GrubRun::add_entry(MenuEntry entry) {
    menu().push_back(std::move(entry));
}

std::optional<unsigned long long> grub_number(const std::string_view text, std::string_view* const rest,
                                              unsigned base) noexcept {
    std::size_t at = 0;
    while (at < text.size() && is_grub_space(text[at])) {
        ++at;
    }
    const auto character = [&](const std::size_t position) {
        return position < text.size() ? text[position] : '\0';
    };
    if (character(at) == '0' && character(at + 1) == 'x' && (base == 0 || base == 16)) {
        base = 16;
        at += 2;
    } else if (base == 0 && character(at) == '0' && character(at + 1) >= '0' && character(at + 1) <= '7') {
        base = 8;
    }
    base = base == 0 ? 10 : base;
    unsigned long long number = 0;
    bool is_number = false;
    for (; at < text.size(); ++at) {
        const char c =
            text[at] >= 'A' && text[at] <= 'Z' ? static_cast<char>(text[at] - 'A' + 'a') : text[at];
        const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                               : c >= 'a' && c <= 'z' ? static_cast<unsigned>(c - 'a') + 10
                                                      : base;
        if (digit >= base) {
            break;
        }
        is_number = true;
        constexpr auto largest = ~0ULL;
        if (number > (largest - digit) / base) {
            number = largest;
            break;
        }
        number = number * base + digit;
    }
    if (rest != nullptr) {
        *rest = text.substr(std::min(at, text.size()));
    }
    return is_number ? std::optional{number} : std::nullopt;
}

// --- the public functions

GrubBoot run_grub(const GrubStart& start, const GrubMachine& machine) {
    GrubRun run{start, machine};
    run.run();
    return run.take_result();
}

} // namespace sealmount
