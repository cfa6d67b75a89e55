// Source: kern/file.c (names of files), kern/verifiers.c and commands/tpm.c (opening measures), kern/main.c
// (the hook of root), normal/main.c (that of prefix), gettext/gettext.c (those of the language).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/run.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sealmount {

namespace {

constexpr std::size_t longest_value = std::size_t{64} << 10U;
constexpr std::size_t largest_script = std::size_t{4} << 20U;
constexpr std::string_view memdisk_name = "memdisk";

/// "hd0,2" is the same as "hd0,gpt2" and "hd0,msdos2" (kern/partition.c, grub_partition_probe()).
std::string without_scheme(const std::string_view device) {
    std::string plain;
    for (std::size_t at = 0; at < device.size(); ++at) {
        plain += device[at];
        if (device[at] == ',') {
            at = std::min(device.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 1), device.size()) - 1;
        }
    }
    return plain;
}

std::string tidy_path(const std::string_view path) {
    std::string tidy;
    for (const char c : path) {
        if (c != '/' || !tidy.ends_with('/')) {
            tidy += c;
        }
    }
    if (tidy.size() > 1 && tidy.ends_with('/')) {
        tidy.pop_back();
    }
    return tidy;
}

} // namespace

const GrubDevice* GrubRun::device(const std::string_view name) const {
    auto found = std::ranges::find(devices_, name, &GrubDevice::name);
    if (found == devices_.end() && !name.empty()) {
        found = std::ranges::find_if(devices_, [plain = without_scheme(name)](const GrubDevice& one) {
            return without_scheme(one.name) == plain;
        });
    }
    return found == devices_.end() ? nullptr : &*found;
}

std::optional<GrubFile> GrubRun::resolve(const std::string& name) {
    std::string on = environment.text("root");
    std::string_view path = name;
    if (name.starts_with('(')) {
        const std::size_t end = name.find(')');
        if (end == std::string::npos) {
            return std::nullopt;
        }
        on = name.substr(1, end - 1);
        path = path.substr(end + 1);
    }
    if (on == memdisk_name) {
        return GrubFile{.device = on, .path = tidy_path(path)};
    }
    const GrubDevice* const found = device(on);
    if (found == nullptr) {
        return std::nullopt;
    }
    if (!path.empty() && !path.starts_with('/')) {
        stop("a list of blocks is read instead of a file");
    }
    GrubFile file{.device = found->name, .path = tidy_path(path)};
    result_.looked_at.insert(file);
    return file;
}

GrubFileKind GrubRun::kind(const std::string& name) {
    const auto file = resolve(name);
    if (!file) {
        return GrubFileKind::missing;
    }
    if (file->device == memdisk_name) {
        return start_.memdisk.contains(file->path) ? GrubFileKind::file : GrubFileKind::missing;
    }
    // The whole device: its root (commands/test.c, get_fileinfo()).
    return file->path.empty() || file->path == "/" ? GrubFileKind::directory : machine_.kind(*file);
}

std::optional<GrubFile> GrubRun::open(const std::string& name) {
    count_step();
    auto file = resolve(name);
    if (!file || kind(name) != GrubFileKind::file) {
        return std::nullopt;
    }
    if (file->device != memdisk_name) {
        record_file(name, *file);
    }
    return file;
}

std::string GrubRun::read(const GrubFile& file) {
    if (const auto content = contents_.find(file); content != contents_.end()) {
        spend(content->second.size());
        return content->second;
    }
    std::string text = file.device == memdisk_name ? start_.memdisk.at(file.path) : machine_.read(file);
    if (text.size() > largest_script) {
        stop("\"" + file.path + "\" is larger than any configuration");
    }
    spend(text.size());
    return text;
}

void GrubRun::write(const GrubFile& file, std::string content) {
    result_.written[file] = content;
    contents_[file] = std::move(content);
}

bool GrubRun::is_hooked(const std::string& name) const {
    constexpr std::array always = {"root", "pager", "color_normal", "color_highlight"};
    constexpr std::array of_language = {"lang", "locale_dir", "secondary_locale_dir"};
    return std::ranges::find(always, name) != always.end() || (name == "prefix" && is_normal_) ||
           (has_module("gettext") && std::ranges::find(of_language, name) != of_language.end());
}

void GrubRun::set_variable(const std::string& name, std::string value) {
    if (value.size() > longest_value) {
        stop("a variable grows without limit");
    }
    if (name == "root" && value.starts_with('(') && value.ends_with(')')) {
        value = value.substr(1, value.size() - 2);
    }
    if (name == "prefix" && is_normal_) {
        read_lists(value);
    }
    if (has_module("gettext")) {
        const std::string prefix = environment.text("prefix");
        if (name == "lang") {
            open_catalog(value, environment.text("locale_dir"), prefix);
            open_catalog(value, environment.text("secondary_locale_dir"), {});
        } else if (name == "locale_dir") {
            open_catalog(environment.text("lang"), value, prefix);
        } else if (name == "secondary_locale_dir") {
            open_catalog(environment.text("lang"), value, {});
        }
    }
    environment.set(name, std::move(value));
}

void GrubRun::unset_variable(const std::string& name) {
    if (environment.get(name) == nullptr) {
        return;
    }
    if (is_hooked(name)) {
        set_variable(name, {});
    } else {
        environment.unset(name);
    }
}

bool GrubRun::open_catalog_file(const std::string& base) {
    constexpr std::string_view magic = "\xde\x12\x04\x95";
    for (const std::string_view suffix : {".mo", ".mo.gz", ".gmo"}) {
        const std::string name = base + std::string{suffix};
        const auto file = open(name);
        if (!file) {
            continue;
        }
        const std::string text = read(*file);
        if (text.starts_with("\x1f\x8b")) {
            doubt(grub_file_pcr, "a compressed catalog of translations is read");
        }
        if (text.starts_with(magic) || text.starts_with("\x1f\x8b")) {
            has_catalog_ = true;
            return true;
        }
    }
    return false;
}

void GrubRun::open_catalog(const std::string& language, const std::string& directory,
                           const std::string& prefix) {
    const std::string base = directory.empty() ? prefix.empty() ? "" : prefix + "/locale" : directory;
    if (language.empty() || base.empty() || open_catalog_file(base + "/" + language)) {
        return;
    }
    if (const std::size_t underscore = language.find('_'); underscore != std::string::npos) {
        (void)open_catalog_file(base + "/" + language.substr(0, underscore));
    }
}

} // namespace sealmount
