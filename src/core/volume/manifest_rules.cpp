// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/manifest_rules.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

/// Options that the mount unit gets from elsewhere, or that must not be in it. A `text` that ends in = or .
/// is a prefix.
struct ReservedOption {
    std::string_view text;
    std::string_view fix;
};

constexpr std::array reserved_options = {
    ReservedOption{"sig=", "use the member \"signature\""},
    ReservedOption{"ecryptfs_sig=", "use the member \"signature\""},
    ReservedOption{"ecryptfs_fnek_sig=", "use the member \"filename_signature\""},
    ReservedOption{"cipher=", "use the member \"cipher\""},
    ReservedOption{"ecryptfs_cipher=", "use the member \"cipher\""},
    ReservedOption{"ecryptfs_key_bytes=", "use the member \"key_bytes\""},
    ReservedOption{"ecryptfs_fn_cipher=", "use the member \"filename_cipher\""},
    ReservedOption{"ecryptfs_fn_key_bytes=", "use the member \"filename_key_bytes\""},
    ReservedOption{"key=", "remove it, the keys come from the TPM"},
    ReservedOption{"verbosity=", "remove it, the kernel does not know it"},
    ReservedOption{"no_prompt", "remove it, nothing asks at mount time"},
    ReservedOption{"nofail", "use the member \"nofail\""},
    ReservedOption{"noauto", "use the member \"noauto\""},
    ReservedOption{"auto", "use the member \"noauto\""},
    ReservedOption{"x-systemd.", "put it into a drop-in of the mount unit"},
    ReservedOption{"_netdev", "put the dependency into a drop-in of the mount unit"},
};

/// eCryptfs flags that say how files are stored, so that the owner has to choose them.
constexpr std::array<std::string_view, 2> allowed_flags = {"ecryptfs_xattr_metadata", "ecryptfs_passthrough"};

constexpr std::array<std::string_view, 10> unit_types = {".service",   ".socket", ".device", ".mount",
                                                         ".automount", ".swap",   ".target", ".path",
                                                         ".timer",     ".slice"};
/// The directory of its drop-ins has two more, and a file name 255 bytes.
constexpr std::size_t longest_name_of_unit = 253;
constexpr std::string_view names_of_ours = "sealmount-";

/// VALID_CHARS of systemd's src/basic/unit-name.c, and the "@" of instances.
bool may_be_in_unit_name(const char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view{":-_.\\@"}.find(c) != std::string_view::npos;
}

/// U+FDD0 to U+FDEF and the last two code points of each plane, the noncharacters of Unicode: systemd ignores
/// a whole line that holds one, as "not UTF-8 clean". `text` is UTF-8.
bool has_noncharacter(const std::string_view text) {
    const auto byte = [&](const std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool in_block =
            byte(i) == 0xef && byte(i + 1) == 0xb7 && byte(i + 2) >= 0x90 && byte(i + 2) <= 0xaf;
        const bool ends_first_plane = byte(i) == 0xef && byte(i + 1) == 0xbf && byte(i + 2) >= 0xbe;
        const bool ends_plane =
            byte(i) >= 0xf0 && (byte(i + 1) & 0x0fU) == 0x0f && byte(i + 2) == 0xbf && byte(i + 3) >= 0xbe;
        if (in_block || ends_first_plane || ends_plane) {
            return true;
        }
    }
    return false;
}

} // namespace

std::optional<std::string> problem_with_name(const std::string_view name) {
    const auto is_plain = [](const char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const bool is_good = !name.empty() && name.size() <= 64 && is_plain(name.front()) &&
                         std::ranges::all_of(name, [&](const char c) {
                             return is_plain(c) || c == '.' || c == '_' || c == '-';
                         });
    if (is_good) {
        return std::nullopt;
    }
    return formatted(
        "{} is not a name: write 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter "
        "or digit",
        in_quotes(name));
}

std::optional<std::string> problem_with_path(const std::string_view path) {
    const auto problem = [&](const std::string_view what) {
        return formatted("{} {}", in_quotes(path), what);
    };
    if (!path.starts_with('/')) {
        return problem("is not absolute: write the whole path, beginning with /");
    }
    if (path == "/") {
        return problem("is the root directory: name a directory below it");
    }
    if (path.size() > 4095) {
        return "the path is longer than the 4095 bytes that Linux allows: choose a shorter one";
    }
    if (!is_utf8(path) || std::ranges::any_of(path, is_control)) {
        return problem("contains control characters or is not UTF-8: rename the directory");
    }
    if (has_noncharacter(path)) {
        return problem(
            "contains a code point that is not a character, which systemd unit files cannot express: "
            "rename the directory");
    }
    if (path.ends_with('/')) {
        return problem("ends with a slash: remove that");
    }
    if (path.ends_with('\\') || path.ends_with(' ')) {
        return problem(
            "ends with a backslash or white space, which systemd unit files cannot express: rename the "
            "directory");
    }
    for (std::size_t start = 1; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view component = path.substr(start, end - start);
        if (component.empty() || component == "." || component == "..") {
            return problem("contains an empty, \".\" or \"..\" component: write the path without it");
        }
        start = end + 1;
    }
    return std::nullopt;
}

std::optional<std::string> problem_with_nesting(const std::string_view lower,
                                                const std::string_view mountpoint) {
    if (lower.size() <= mountpoint.size() || lower[mountpoint.size()] != '/' ||
        !lower.starts_with(mountpoint)) {
        return std::nullopt;
    }
    return formatted("{} is below the mount point, which would hide it: move it elsewhere", in_quotes(lower));
}

std::optional<std::string> problem_with_unit(const std::string_view unit) {
    const auto* const type =
        std::ranges::find_if(unit_types, [&](const std::string_view end) { return unit.ends_with(end); });
    if (type == unit_types.end()) {
        return formatted("{} is not a unit: write its whole name, such as \"smbd.service\"", in_quotes(unit));
    }
    const std::string_view name = unit.substr(0, unit.size() - type->size());
    const std::size_t at = name.find('@');
    if (name.empty() || at == 0 || unit.size() > longest_name_of_unit ||
        !std::ranges::all_of(name, may_be_in_unit_name)) {
        return formatted("{} is not a name that a unit can have", in_quotes(unit));
    }
    if (unit.starts_with(names_of_ours)) {
        return formatted("{} is a unit of sealmount: name one of another program", in_quotes(unit));
    }
    if (at == name.size() - 1) {
        return formatted("{} is a template: name an instance of it", in_quotes(unit));
    }
    return std::nullopt;
}

std::optional<std::string> problem_with_signature(const std::string_view signature) {
    if (is_lower_hex(signature, 16)) {
        return std::nullopt;
    }
    return formatted("{} is not a signature: write the 16 lower-case hex digits", in_quotes(signature));
}

std::optional<std::string> problem_with_option(const std::string_view option) {
    const auto problem = [&](const std::string_view what) {
        return formatted("{} {}", in_quotes(option), what);
    };
    if (option.empty()) {
        return problem("is empty: remove it");
    }
    const auto breaks_list = [](const char c) {
        return is_control(c) || std::string_view{" ,\\\"'"}.find(c) != std::string_view::npos;
    };
    if (!is_utf8(option) || std::ranges::any_of(option, breaks_list)) {
        return problem(
            "contains a comma, white space, a quote, a backslash or a control character: write each option "
            "as a string of its own");
    }
    if (has_noncharacter(option)) {
        return problem(
            "contains a code point that is not a character, which systemd unit files cannot express: "
            "remove it");
    }
    for (const auto& [text, fix] : reserved_options) {
        const bool is_prefix = text.ends_with('=') || text.ends_with('.');
        if (is_prefix ? option.starts_with(text) : option == text) {
            return problem(formatted("belongs to sealmount: {}", fix));
        }
    }
    if (option.starts_with("ecryptfs_") && std::ranges::find(allowed_flags, option) == allowed_flags.end()) {
        return problem("belongs to sealmount: of the eCryptfs options only ecryptfs_xattr_metadata and "
                       "ecryptfs_passthrough are allowed here");
    }
    return std::nullopt;
}

bool is_uuid(const std::string_view text) {
    constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return std::ranges::equal(text, form, [](const char c, const char wanted) {
        return wanted == '-' ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

} // namespace sealmount
