// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/ground.hpp"

#include "base/format.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <memory>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

namespace sealmount {

namespace {

constexpr std::size_t uuid_size = 16;
using UuidBytes = std::array<unsigned char, uuid_size>;

// Numbers of file systems that keep UUID and inode numbers on disk (linux/magic.h and each one's own header).
constexpr unsigned long ext_magic = 0xef53; // ext2, ext3 and ext4
constexpr unsigned long xfs_magic = 0x58465342;
constexpr unsigned long btrfs_magic = 0x9123683e;
constexpr std::array<unsigned long, 9> lasting_magics = {ext_magic,
                                                         xfs_magic,
                                                         btrfs_magic,
                                                         0xf2f52010 /* F2FS */,
                                                         0xca451a4e /* bcachefs */,
                                                         0x2fc12fc1 /* ZFS */,
                                                         0x3153464a /* JFS */,
                                                         0x3434 /* NILFS */,
                                                         0x52654973 /* ReiserFS */};

/// EXT4_IOC_GETFSUUID (fs/ext4/ext4.h), since Linux 6.0; no header of userspace has it.
struct ExtUuid {
    std::uint32_t length;
    std::uint32_t flags;
    UuidBytes uuid;
};
constexpr unsigned long ext_uuid_request = _IOC(_IOC_READ, 'f', 44, 2 * sizeof(std::uint32_t));

/// XFS_IOC_FSGEOMETRY_V1 (fs/xfs/libxfs/xfs_fs.h, struct xfs_fsop_geom_v1).
struct XfsGeometry {
    std::array<std::uint32_t, 8> sizes;
    std::array<std::uint64_t, 4> blocks;
    UuidBytes uuid;
    std::array<std::uint32_t, 7> more;
};
constexpr unsigned long xfs_geometry_request = _IOR('X', 100, XfsGeometry);

/// FS_IOC_GETFSUUID (linux/fs.h since Linux 6.9).
struct AnyUuid {
    std::uint8_t length;
    UuidBytes uuid;
};
constexpr unsigned long any_uuid_request = _IOR(0x15, 0, AnyUuid);

std::string in_groups(const UuidBytes& uuid) {
    constexpr std::string_view digits = "0123456789abcdef";
    if (std::ranges::all_of(uuid, [](const unsigned char byte) { return byte == 0; })) {
        return {};
    }
    std::string text;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text += '-';
        }
        text += digits[uuid[i] >> 4U];
        text += digits[uuid[i] & 0x0fU];
    }
    return text;
}

std::string uuid_by_own_call(const int fd, const unsigned long magic) {
    if (magic == ext_magic) {
        ExtUuid answer{.length = uuid_size, .flags = 0, .uuid = {}};
        return ::ioctl(fd, ext_uuid_request, &answer) == 0 ? in_groups(answer.uuid) : std::string{};
    }
    if (magic == xfs_magic) {
        XfsGeometry answer{};
        return ::ioctl(fd, xfs_geometry_request, &answer) == 0 ? in_groups(answer.uuid) : std::string{};
    }
    if (magic == btrfs_magic) {
        ::btrfs_ioctl_fs_info_args answer{};
        if (::ioctl(fd, BTRFS_IOC_FS_INFO, &answer) == 0) {
            UuidBytes uuid{};
            std::memcpy(uuid.data(), answer.fsid, uuid.size());
            return in_groups(uuid);
        }
    }
    return {};
}

/// The kernel writes an int, whatever the name of the request says (ioctl_iflags(2) has the same of its two).
std::optional<std::uint32_t> generation_of(const int fd) {
    unsigned long answer = 0;
    if (::ioctl(fd, FS_IOC_GETVERSION, &answer) != 0) {
        return std::nullopt;
    }
    std::uint32_t generation = 0;
    std::memcpy(&generation, &answer, sizeof generation);
    return generation;
}

std::string uuid_of(const int fd, const unsigned long magic) {
    std::string uuid = uuid_by_own_call(fd, magic);
    AnyUuid answer{};
    if (uuid.empty() && ::ioctl(fd, any_uuid_request, &answer) == 0 && answer.length == uuid_size) {
        uuid = in_groups(answer.uuid);
    }
    return uuid;
}

/// Of an open directory, which loses its descriptor. Nothing when it cannot be read.
std::optional<bool> has_no_entry(UniqueFd directory) {
    struct Closer {
        void operator()(::DIR* const stream) const { ::closedir(stream); }
    };
    const std::unique_ptr<::DIR, Closer> stream{::fdopendir(directory.get())};
    if (!stream) {
        return std::nullopt;
    }
    static_cast<void>(directory.release());
    errno = 0;
    while (const ::dirent* const entry = ::readdir(stream.get())) {
        const std::string_view name{entry->d_name};
        if (name != "." && name != ".." && name != "lost+found") {
            return false;
        }
    }
    return errno == 0 ? std::optional{true} : std::nullopt;
}

} // namespace

std::expected<GroundLook, int> look_at_ground(const MountView& view, const std::string& directory) {
    // A directory that may not be read, as a user's from a service without that capability, still has its
    // inode.
    UniqueFd fd = view.open(directory, O_RDONLY | O_DIRECTORY);
    const bool is_readable = static_cast<bool>(fd);
    if (!is_readable && (errno == EACCES || errno == EPERM)) {
        fd = view.open(directory, O_PATH | O_DIRECTORY);
    }
    struct ::stat status = {};
    struct ::statfs system = {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || ::fstatfs(fd.get(), &system) != 0) {
        return std::unexpected{errno};
    }
    GroundLook look;
    const auto magic = static_cast<unsigned long>(system.f_type) & 0xffffffffUL;
    if (std::ranges::find(lasting_magics, magic) != lasting_magics.end()) {
        look.ground.inode = status.st_ino;
        if (is_readable) {
            look.ground.uuid = uuid_of(fd.get(), magic);
            look.ground.generation = generation_of(fd.get());
        }
    }
    const auto path = view.resolved(directory);
    if (const MountLine* const line = view.table().covering(path.value_or(directory))) {
        look.type = line->type;
        look.read_only = line->read_only;
    } else {
        look.read_only = (static_cast<unsigned long>(system.f_flags) & ST_RDONLY) != 0;
    }
    if (is_readable) {
        look.is_empty = has_no_entry(std::move(fd));
    }
    look.ground.empty = look.is_empty.value_or(false);
    return look;
}

std::string describe(const Ground& ground) {
    std::string which = ground.inode == 0 ? std::string{"a directory"} : formatted("inode {}", ground.inode);
    if (ground.generation.value_or(0) != 0) {
        which += formatted(" (generation {})", *ground.generation);
    }
    return formatted("{} of {}{}", which,
                     ground.uuid.empty() ? std::string{"a file system without a lasting UUID"}
                                         : formatted("the file system {}", ground.uuid),
                     ground.empty ? ", empty" : "");
}

} // namespace sealmount
