// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/fstab.hpp"

#include "base/error.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <mntent.h>

namespace sealmount {

namespace {

struct CloseStream {
    void operator()(std::FILE* const stream) const noexcept { std::fclose(stream); }
};

/// The mount of one line, if it is one: line by line, because getmntent(3) does not count them.
bool read_line(std::string line, FstabLine& result) {
    if (line.empty()) {
        return false;
    }
    const std::unique_ptr<std::FILE, CloseStream> stream{::fmemopen(line.data(), line.size(), "r")};
    if (!stream) {
        throw_errno(errno, "fmemopen");
    }
    ::mntent entry{};
    std::vector<char> buffer(line.size() + 1);
    if (::getmntent_r(stream.get(), &entry, buffer.data(), static_cast<int>(buffer.size())) == nullptr) {
        return false;
    }
    result.source = entry.mnt_fsname;
    result.mountpoint = entry.mnt_dir;
    while (result.mountpoint.size() > 1 && result.mountpoint.back() == '/') { // as systemd reads it
        result.mountpoint.pop_back();
    }
    result.type = entry.mnt_type;
    result.options = entry.mnt_opts;
    return true;
}

} // namespace

std::vector<FstabLine> read_fstab(std::string_view text) {
    std::vector<FstabLine> lines;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t size = text.find('\n');
        FstabLine line{.number = number, .source = {}, .mountpoint = {}, .type = {}, .options = {}};
        if (read_line(std::string{text.substr(0, size)}, line)) {
            lines.push_back(std::move(line));
        }
        text = size == std::string_view::npos ? std::string_view{} : text.substr(size + 1);
    }
    return lines;
}

} // namespace sealmount
