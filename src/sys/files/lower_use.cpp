// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/lower_use.hpp"

#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <memory>
#include <string_view>
#include <system_error>

namespace sealmount {

namespace {

struct DirectoryStreamCloser {
    void operator()(::DIR* const stream) const { ::closedir(stream); }
};
using DirectoryStream = std::unique_ptr<::DIR, DirectoryStreamCloser>;

/// Nothing when they are not listed.
std::optional<std::size_t> backing_devices_of_ecryptfs(const std::filesystem::path& list) {
    const DirectoryStream stream{::opendir(list.c_str())};
    if (!stream) {
        return std::nullopt;
    }
    std::size_t count = 0;
    errno = 0;
    while (const ::dirent* const entry = ::readdir(stream.get())) {
        count += std::string_view{entry->d_name}.starts_with("ecryptfs-") ? 1 : 0;
    }
    return errno == 0 ? std::optional{count} : std::nullopt;
}

std::optional<unsigned> unsigned_in(std::string_view text) {
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size() && !text.empty();
    return is_whole ? std::optional{number} : std::nullopt;
}

/// What distinguishes the mount namespace of a process: the link's text (namespaces(7)); where that may not
/// be read, the number of its first mount, as no other namespace has a mount of that number. "" when the
/// process has ended.
std::string mount_namespace_of(const std::filesystem::path& process) {
    std::error_code failed;
    const auto link = std::filesystem::read_symlink(process / "ns/mnt", failed);
    if (!failed) {
        return link.string();
    }
    const auto table = read_proc_file(process / "mountinfo");
    return table ? table->substr(0, table->find(' ')) : std::string{};
}

EcryptfsMount mount_of_line(const MountLine& line) {
    return {.process = {},
            .mountpoint = line.mountpoint,
            .source = line.source,
            .device = line.device,
            .places = {}};
}

} // namespace

void EcryptfsMounts::add_ours(const MountView& view) {
    for (const MountLine& line : view.table().lines()) {
        if (line.type != "ecryptfs") {
            continue;
        }
        EcryptfsMount mount = mount_of_line(line);
        if (const auto place = view.place_of(line.source)) {
            mount.places.push_back(*place);
        }
        devices_.insert(line.device);
        list_.push_back(std::move(mount));
    }
}

void EcryptfsMounts::add_namespace_of(const std::filesystem::path& process, const unsigned id,
                                      const MountView& view) {
    const std::string name = mount_namespace_of(process);
    if (name.empty() || !namespaces_.insert(name).second) {
        return;
    }
    const auto text = read_proc_file(process / "mountinfo");
    if (!text || text->find(" - ecryptfs ") == std::string::npos) {
        return;
    }
    const MountView theirs{process, MountTable::parsed(*text)};
    for (const MountLine& line : theirs.table().lines()) {
        if (line.type != "ecryptfs" || devices_.contains(line.device)) {
            continue; // a copy of a mount that is in the list
        }
        EcryptfsMount mount = mount_of_line(line);
        mount.process = named_process(process.parent_path(), id);
        // The source is what whoever mounted it wrote: there, or where this namespace was copied from.
        const bool is_there = theirs.resolved(line.source).has_value();
        if (is_there || !theirs.reaches_root()) {
            if (const auto place = theirs.place_of(line.source)) {
                mount.places.push_back(*place);
            }
        }
        if (!is_there) {
            if (const auto place = view.place_of(line.source)) {
                mount.places.push_back(*place);
            }
        }
        devices_.insert(line.device);
        list_.push_back(std::move(mount));
    }
}

EcryptfsMounts EcryptfsMounts::look(const std::filesystem::path& proc, const MountView& view,
                                    const std::optional<std::size_t> held) {
    EcryptfsMounts mounts;
    mounts.add_ours(view);
    if (held && *held <= mounts.devices_.size()) {
        return mounts;
    }
    for (const unsigned id : processes_in(proc)) {
        mounts.add_namespace_of(proc / std::to_string(id), id, view);
    }
    return mounts;
}

std::optional<std::size_t> EcryptfsMounts::held_by_kernel(const std::filesystem::path& sysfs) {
    if (const auto devices = backing_devices_of_ecryptfs(sysfs / "class/bdi")) {
        return devices;
    }
    const auto text = read_proc_file(sysfs / "module/ecryptfs/refcnt");
    return text ? std::optional<std::size_t>{unsigned_in(*text)} : std::nullopt;
}

std::vector<unsigned> processes_in(const std::filesystem::path& proc) {
    std::vector<unsigned> processes;
    const DirectoryStream stream{::opendir(proc.c_str())};
    if (!stream) {
        return processes;
    }
    while (const ::dirent* const entry = ::readdir(stream.get())) {
        if (const auto id = unsigned_in(entry->d_name)) {
            processes.push_back(*id);
        }
    }
    return processes;
}

ProcessName named_process(const std::filesystem::path& proc, const unsigned id) {
    std::string command = read_proc_file(proc / std::to_string(id) / "comm").value_or("?");
    while (command.ends_with('\n')) {
        command.pop_back();
    }
    return {.id = id, .command = std::move(command)};
}

} // namespace sealmount
