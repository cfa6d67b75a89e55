// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/grub_image.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/grub/elf_section.hpp"
#include "core/grub/fat_disk.hpp"
#include "core/grub/run.hpp"
#include "core/grub/squash_disk.hpp"
#include "core/prediction/pe_image.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr std::uint32_t module_magic = 0x676d696d;

enum class ImageObject : std::uint32_t { elf = 0, memdisk = 1, configuration = 2, prefix = 3 };

std::string up_to_nul(const BytesView bytes) {
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    return std::string{text.substr(0, text.find('\0'))};
}

/// A squashfs gives names only, so that a configuration on it is not known.
void add_disk(GrubImage& image, const BytesView disk) {
    image.memdisk = fat_files(disk);
    const auto names = squash_names(disk);
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
        image.memdisk[name] = "";
        image.has_unread_disk = image.has_unread_disk || name.ends_with(".cfg");
    }
    image.has_unread_disk = image.has_unread_disk || image.memdisk.empty();
}

void add_object(GrubImage& image, const std::uint32_t type, const BytesView content) {
    switch (static_cast<ImageObject>(type)) {
    case ImageObject::elf:
        if (const auto name = elf_section(content, ".modname")) {
            image.modules.insert(up_to_nul(as_bytes(*name)));
        }
        break;
    case ImageObject::memdisk:
        add_disk(image, content);
        break;
    case ImageObject::configuration:
        image.script = up_to_nul(content);
        break;
    case ImageObject::prefix:
        image.prefix = up_to_nul(content);
        break;
    }
}

/// "COMPONENT,GENERATION,VENDOR,PACKAGE,VERSION,URL", a line each.
void read_sbat(GrubImage& image, const std::string& text) {
    for (const ScriptLine& line : configuration_lines(text)) {
        std::vector<std::string> fields;
        for (std::size_t at = 0; at <= line.text.size();) {
            const std::size_t end = std::min(line.text.find(',', at), line.text.size());
            fields.push_back(line.text.substr(at, end - at));
            at = end + 1;
        }
        constexpr std::string_view vendor_mark = "grub.";
        if (fields.size() > 4 && fields[0] == "grub") {
            image.version = fields[4];
        } else if (fields[0].starts_with(vendor_mark)) {
            image.vendors.insert(fields[0].substr(vendor_mark.size()));
        }
    }
}

bool is_at_least(const std::string& version, const unsigned minor) {
    constexpr std::string_view major = "2.";
    if (!version.starts_with(major)) {
        return false;
    }
    return grub_number(std::string_view{version}.substr(major.size()), nullptr, 10).value_or(0) >= minor;
}

} // namespace

std::optional<GrubImage> read_grub_image(const BytesView file) {
    const auto pe = PeImage::parse(file);
    const auto modules = pe ? pe->section("mods") : std::nullopt;
    if (!modules) {
        return std::nullopt;
    }
    ByteReader header{*modules};
    const auto magic = header.u32();
    (void)header.u32();
    const auto offset = header.u64();
    const auto size = header.u64();
    if (magic != module_magic || !offset || !size || *offset > modules->size()) {
        return std::nullopt;
    }
    GrubImage image;
    const std::size_t end = static_cast<std::size_t>(std::min<std::uint64_t>(*size, modules->size()));
    for (std::size_t at = static_cast<std::size_t>(*offset); at < end;) {
        ByteReader object{BytesView{*modules}.subspan(at, end - at)};
        const auto type = object.u32();
        const auto length = object.u32();
        constexpr std::size_t own_size = 8;
        const auto content = length && *length >= own_size ? object.take(*length - own_size) : std::nullopt;
        if (!type || !content) {
            break;
        }
        add_object(image, *type, *content);
        at += (*length + own_size - 1) / own_size * own_size;
    }
    if (const auto sbat = pe->section(".sbat")) {
        read_sbat(image, up_to_nul(*sbat));
    }
    return image;
}

GrubStart start_of(const GrubImage& image, const std::string& device, const std::string& directory,
                   const bool secure_boot) {
    if (image.has_unread_disk) {
        throw Error{Reason::bad_data, "the disk in GRUB's image is of a kind that cannot be read here"};
    }
    GrubStart start;
    start.root = device;
    start.cmdpath = "(" + device + ")" + directory;
    start.prefix = image.prefix.starts_with('(') ? image.prefix : "(" + device + ")" + image.prefix;
    start.modules = image.modules;
    start.memdisk = image.memdisk;
    if (image.script) {
        constexpr std::string_view normal = "normal ";
        std::string script = *image.script;
        script.resize(script.find_last_not_of(" \t\n") + 1);
        if (!script.starts_with(normal) ||
            script.find_first_of(" \t\n;", normal.size()) != std::string::npos) {
            throw Error{Reason::bad_data,
                        formatted("the configuration in GRUB's image is {}, which is not one file to start "
                                  "with",
                                  in_quotes(printable(script)))};
        }
        start.configuration = script.substr(normal.size());
    }
    const bool is_new = is_at_least(image.version, 12);
    start.setup_can_be_asked = is_new;
    start.stub_measures = is_new;
    start.looks_first = is_new;
    start.names_first = std::ranges::any_of(image.vendors, [](const std::string& vendor) {
        return vendor == "fedora" || vendor == "rh" || vendor.starts_with("rhel") || vendor == "centos";
    });
    start.looks_first = start.looks_first || start.names_first;
    start.secure_boot = secure_boot;
    if (secure_boot) {
        start.variables = {{"lockdown", "y"}, {"shim_lock", "y"}};
    }
    return start;
}

} // namespace sealmount
