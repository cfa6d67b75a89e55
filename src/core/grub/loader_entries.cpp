// blscfg: entries of the menu from the files of /loader/entries, as Fedora's GRUB makes them.
//
// Source: rhboot's grub2, fedora-39, grub-core/commands/blscfg.c: read_entry(), bls_cmp() and vercmp(),
// expand_val(), create_entry(); what looks odd here is so there. The order in which the files are measured is
// that of the directory on the disk; that of the menu is by version, so it does not depend on it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/commands.hpp"
#include "core/grub/version_order.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr std::string_view entry_suffix = ".conf";
constexpr std::string_view standard_directory = "/loader/entries/";

bool is_entry_name(const std::string& name) {
    return !name.starts_with('.') && name.size() > entry_suffix.size() && name.ends_with(entry_suffix);
}

std::optional<std::string> field_of(const LoaderEntry& entry, const std::string_view key) {
    const auto found = std::ranges::find(entry.fields, key, &std::pair<std::string, std::string>::first);
    return found == entry.fields.end() ? std::nullopt : std::optional{found->second};
}

std::vector<std::string> fields_of(const LoaderEntry& entry, const std::string_view key) {
    std::vector<std::string> values;
    for (const auto& [name, value] : entry.fields) {
        if (name == key) {
            values.push_back(value);
        }
    }
    return values;
}

void read_fields(LoaderEntry& entry, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        at = end + 1;
        std::erase(line, '\r');
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.starts_with('#')) {
            continue;
        }
        std::size_t separator = line.find(' ');
        separator = separator == std::string::npos ? line.find('\t') : separator;
        if (separator == std::string::npos || separator + 1 == line.size()) {
            // GRUB reads nothing behind such a line, not even behind an empty one.
            break;
        }
        const std::size_t value = std::min(line.find_first_not_of(" \t", separator + 1), line.size());
        entry.fields.emplace_back(line.substr(0, separator), line.substr(value));
    }
}

/// expand_val(): variables in a value; a variable's own value gets a blank behind it.
class ExpandedValue {
  public:
    ExpandedValue(GrubRun& run, const std::string& value) : run_(run), value_(value) {}

    std::optional<std::string> expand() {
        std::size_t end = 0;
        for (std::size_t at = 0; at < value_.size(); ++at) {
            const char c = value_[at];
            const bool is_of_name =
                (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
            if (c == '$') {
                if (begin_ != end && !append(end)) {
                    return std::nullopt;
                }
                is_variable_ = true;
                begin_ = at + 1;
            } else if (is_variable_ && !is_of_name) {
                (void)append(end);
                is_variable_ = false;
                begin_ = at + (c == ' ' ? 1 : 0);
            }
            end = at;
        }
        if (begin_ != end) {
            (void)append(end);
        }
        return text_;
    }

  private:
    /// From where it began up to and with `end`; is there a text now?
    bool append(const std::size_t end) {
        std::string part = end + 1 > begin_ ? value_.substr(begin_, end + 1 - begin_) : std::string{};
        if (is_variable_) {
            const std::string* const value = run_.environment.get(part);
            if (value == nullptr) {
                return text_.has_value();
            }
            part = *value + " ";
        }
        text_ = text_.value_or("") + part;
        if (text_->size() > std::size_t{64} << 10U) {
            run_.stop("an entry grows without limit");
        }
        return true;
    }

    GrubRun& run_;
    const std::string& value_;
    std::size_t begin_ = 0;
    bool is_variable_ = false;
    std::optional<std::string> text_;
};

std::optional<std::string> expanded(GrubRun& run, const std::optional<std::string>& value) {
    return value ? ExpandedValue{run, *value}.expand() : std::nullopt;
}

std::string up_to_slash(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return path.substr(0, slash == std::string::npos ? 0 : slash + 1);
}

/// The line that loads the initrds; "" without any.
std::string initrd_line(const GrubRun& run, const LoaderEntry& entry, const std::string& kernel) {
    const std::vector<std::string> initrds = fields_of(entry, "initrd");
    std::string line;
    if (const std::string* const early = run.environment.get("early_initrd")) {
        const std::string directory = up_to_slash(initrds.empty() ? kernel : initrds.front());
        for (std::size_t at = 0; at <= early->size();) {
            const std::size_t end = std::min(early->find(' ', at), early->size());
            line += " ($root)" + directory + early->substr(at, end - at);
            at = end + 1;
        }
    }
    for (const std::string& initrd : initrds) {
        line += " ($root)" + initrd;
    }
    return line.empty() ? line : "initrd" + line + "\n";
}

void add_loader_entry(GrubRun& run, const LoaderEntry& entry) {
    const auto kernel = field_of(entry, "linux");
    if (!kernel) {
        return;
    }
    if (field_of(entry, "devicetree") || run.environment.get("devicetree") != nullptr) {
        run.stop("a device tree is loaded");
    }
    auto options = expanded(run, field_of(entry, "options"));
    if (!options) {
        const std::string* const standard = run.environment.get("default_kernelopts");
        options = standard != nullptr ? expanded(run, *standard) : std::nullopt;
    }
    std::string script = run.environment.text("save_default") == "true" ? "savedefault\n" : "";
    script += "load_video\nset gfxpayload=keep\ninsmod gzio\nlinux ($root)" + *kernel +
              (options ? " " + *options : "") + "\n" + initrd_line(run, entry, *kernel);
    MenuEntry made{.id = entry.name, .file = entry.file};
    made.title = field_of(entry, "title").value_or(*kernel);
    made.is_restricted = expanded(run, field_of(entry, "grub_users")).has_value();
    made.parameters = fields_of(entry, "grub_arg");
    made.parameters.insert(made.parameters.begin(), made.title);
    for (std::size_t at = 0; at < script.size();) {
        const std::size_t end = std::min(script.find('\n', at), script.size());
        made.body.push_back({.text = script.substr(at, end - at), .number = 0});
        at = end + 1;
    }
    run.add_entry(std::move(made));
}

void add_in_order(std::vector<LoaderEntry>& entries, LoaderEntry entry) {
    const auto place = std::ranges::find_if(
        entries, [&](const LoaderEntry& other) { return compare_entry_names(entry.name, other.name) >= 0; });
    if (place == entries.end() || compare_entry_names(entry.name, place->name) != 0) {
        entries.insert(place, std::move(entry));
    }
}

void read_loader_entries(GrubRun& run) {
    const std::string root = run.environment.text("root");
    std::string directory = run.environment.get("blsdir") != nullptr ? run.environment.text("blsdir")
                                                                     : std::string{standard_directory};
    if (run.kind("(" + root + ")" + directory) != GrubFileKind::directory) {
        directory = "/boot" + std::string{standard_directory};
        if (run.kind("(" + root + ")" + directory) != GrubFileKind::directory) {
            return;
        }
    }
    const auto place = run.resolve("(" + root + ")" + directory);
    GrubNames found = place ? run.machine().names(*place) : GrubNames{};
    std::erase_if(found.names, [](const std::string& name) { return !is_entry_name(name); });
    if (found.names.size() > 1 && !found.in_disk_order) {
        run.doubt(grub_file_pcr, "the order of the loader entries on the disk is not known");
    }
    for (const std::string& name : found.names) {
        const std::string path = "(" + root + ")" + directory + "/" + name;
        if (const auto file = run.open(path)) {
            LoaderEntry entry{.name = name.substr(0, name.size() - entry_suffix.size()), .file = path};
            read_fields(entry, run.read(*file));
            add_in_order(run.loader_entries, std::move(entry));
        }
    }
}

} // namespace

GrubStatus blscfg_command(GrubRun& run, const GrubCall& call) {
    const std::string which = call.arguments.size() == 1 ? call.arguments.front() : "";
    if (which == "default" || which == "non-default" || which.starts_with('(')) {
        run.stop("only some of the loader entries are asked for");
    }
    read_loader_entries(run);
    for (LoaderEntry& entry : run.loader_entries) {
        if (!entry.is_shown && (which.empty() || which == entry.name)) {
            entry.is_shown = true;
            add_loader_entry(run, entry);
        }
    }
    return grub_success;
}

} // namespace sealmount
