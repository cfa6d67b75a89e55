// Who has eCryptfs mounts, in every mount namespace that a process is in. Two mounts of one lower directory
// have two page caches over the same files, and lose what is written through them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/files/mount_view.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sealmount {

/// A process, as people know it.
struct ProcessName {
    unsigned id = 0;
    std::string command; ///< proc(5), /proc/PID/comm
};

/// One eCryptfs mount.
struct EcryptfsMount {
    ProcessName process; ///< in whose mount namespace it is; 0 for that of the view
    std::string mountpoint;
    std::string source; ///< the lower directory, as whoever mounted it wrote it
    std::string device; ///< of the mount itself, the same for its copies in other namespaces
    std::vector<FilePlace>
        places; ///< where `source` leads; both, where it may have been meant in two namespaces
};

/// A look at all of them. What it cannot see: a namespace that only an open file or a bind mount of it keeps;
/// mounts out of reach of a process that is in a chroot(2); processes that /proc does not show (proc(5),
/// hidepid=).
class EcryptfsMounts {
  public:
    /// `proc` is where proc(5) is mounted; `view` is that in which volumes are mounted. A mount that is there
    /// in it is not listed again for its copies in other namespaces. A namespace is read once, however many
    /// processes are in it; none is, where `held`, held_by_kernel(), shows that there can be no mount that
    /// the view does not have: as at a boot.
    [[nodiscard]] static EcryptfsMounts look(const std::filesystem::path& proc, const MountView& view,
                                             std::optional<std::size_t> held);

    [[nodiscard]] const std::vector<EcryptfsMount>& list() const { return list_; }
    /// The devices of all of them.
    [[nodiscard]] const std::set<std::string>& devices() const { return devices_; }
    /// How many eCryptfs mounts the kernel holds, in every namespace and in none (lazily unmounted ones that
    /// are still in use): each has a backing device of its own, "ecryptfs-NUMBER" in /sys/class/bdi
    /// (fs/ecryptfs/main.c, super_setup_bdi()). Where those are not listed, the references to the module,
    /// which may be more. Nothing where there is neither.
    [[nodiscard]] static std::optional<std::size_t>
    held_by_kernel(const std::filesystem::path& sysfs = "/sys");

  private:
    void add_ours(const MountView& view);
    void add_namespace_of(const std::filesystem::path& process, unsigned id, const MountView& view);

    std::vector<EcryptfsMount> list_;
    std::set<std::string> devices_;
    std::set<std::string> namespaces_;
};

/// The numbers of the processes that a /proc shows, in no order.
[[nodiscard]] std::vector<unsigned> processes_in(const std::filesystem::path& proc);

/// The process with its command; "?" when it has ended meanwhile.
[[nodiscard]] ProcessName named_process(const std::filesystem::path& proc, unsigned id);

} // namespace sealmount
