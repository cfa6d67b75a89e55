// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mount_table.hpp"

#include "base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

namespace sealmount {

namespace {

/// The kernel writes blanks, tabs, newlines and backslashes as three octal digits (fs/proc_namespace.c,
/// mangle).
std::string without_escapes(const std::string_view text) {
    const auto digit = [&](const std::size_t i) {
        return i < text.size() && text[i] >= '0' && text[i] <= '7' ? text[i] - '0' : -1;
    };
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0 && digit(i + 3) >= 0) {
            result += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::string_view take_field(std::string_view& rest) {
    const std::size_t end = rest.find(' ');
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return field;
}

std::optional<std::uint64_t> mount_number(const std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// "ro" is the first of the options, if it is among them (fs/proc_namespace.c, show_mountinfo).
bool begins_with_ro(const std::string_view options) {
    return options == "ro" || options.starts_with("ro,");
}

/// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" (proc(5)); any number of
/// optional fields stands before the dash.
std::optional<MountLine> parse_mount_line(std::string_view rest) {
    const auto id = mount_number(take_field(rest));
    const auto parent = mount_number(take_field(rest));
    if (!id || !parent) {
        return std::nullopt;
    }
    MountLine line;
    line.id = *id;
    line.parent = *parent;
    line.device = take_field(rest);
    line.root = without_escapes(take_field(rest));
    line.mountpoint = without_escapes(take_field(rest));
    const bool read_only_mount = begins_with_ro(take_field(rest));
    for (bool is_dash = false; !rest.empty() && !is_dash;) {
        is_dash = take_field(rest) == "-";
    }
    line.type = without_escapes(take_field(rest));
    line.source = without_escapes(take_field(rest));
    line.read_only = read_only_mount || begins_with_ro(rest);
    if (line.type.empty() || !line.mountpoint.starts_with('/')) {
        return std::nullopt;
    }
    return line;
}

} // namespace

bool is_in(const std::string_view path, const std::string_view directory) {
    return directory == "/" || path == directory ||
           (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

Nearness nearness(const std::string_view first, const std::string_view second) {
    if (first == second) {
        return Nearness::same;
    }
    if (is_in(second, first)) {
        return Nearness::above;
    }
    return is_in(first, second) ? Nearness::below : Nearness::apart;
}

Nearness nearness(const FilePlace& first, const FilePlace& second) {
    return first.device == second.device ? nearness(first.path, second.path) : Nearness::apart;
}

MountTable MountTable::parsed(std::string_view text) {
    MountTable table;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (auto line = parse_mount_line(text.substr(0, end))) {
            table.lines_.push_back(std::move(*line));
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return table;
}

const MountLine* MountTable::covering(const std::string_view path) const {
    // The root of the process: the first mount on "/"; what is mounted on that is found below.
    const MountLine* current = nullptr;
    for (const MountLine& line : lines_) {
        if (line.mountpoint == "/") {
            current = &line;
            break;
        }
    }
    // Down the tree of mounts: of those on the present one the path meets the one that is nearest to the root
    // first.
    const MountLine* next = current;
    for (std::size_t steps = 0; next != nullptr && steps <= lines_.size(); ++steps) {
        current = next;
        next = nullptr;
        for (const MountLine& line : lines_) {
            const bool is_next =
                line.parent == current->id && line.id != current->id && is_in(path, line.mountpoint);
            if (is_next && (next == nullptr || line.mountpoint.size() < next->mountpoint.size())) {
                next = &line;
            }
        }
    }
    return current;
}

const MountLine* MountTable::mounted_at(const std::string_view path) const {
    const MountLine* const line = covering(path);
    return line != nullptr && line->mountpoint == path ? line : nullptr;
}

std::optional<FilePlace> MountTable::place_of(const std::string_view path) const {
    const MountLine* const line = covering(path);
    if (line == nullptr) {
        return std::nullopt;
    }
    std::string_view rest = path.substr(line->mountpoint == "/" ? 0 : line->mountpoint.size());
    if (rest == "/") {
        rest = {};
    }
    FilePlace place{.device = line->device, .path = line->root == "/" ? std::string{} : line->root};
    place.path += rest;
    if (place.path.empty()) {
        place.path = "/";
    }
    return place;
}

std::optional<std::string> read_proc_file(const std::filesystem::path& file) {
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        return std::nullopt;
    }
    std::string text;
    std::array<char, 16384> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): read(2) fills it
    while (true) {
        const ::ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return std::nullopt;
        }
        if (size == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

} // namespace sealmount
