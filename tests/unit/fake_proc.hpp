// A directory that looks like /proc, with processes in mount namespaces of their own, and the roots that they
// see.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace sealmount::testing {

class FakeProc {
  public:
    FakeProc() {
        std::string name =
            (std::filesystem::canonical(std::filesystem::temp_directory_path()) / "sealmount-proc.XXXXXX")
                .string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"no temporary directory"};
        }
        top_ = name;
        std::filesystem::create_directories(proc());
        std::filesystem::create_directories(sysfs() / "module/ecryptfs");
    }
    FakeProc(const FakeProc&) = delete;
    FakeProc& operator=(const FakeProc&) = delete;
    ~FakeProc() { std::filesystem::remove_all(top_); }

    [[nodiscard]] std::filesystem::path proc() const { return top_ / "proc"; }
    [[nodiscard]] std::filesystem::path sysfs() const { return top_ / "sys"; }
    /// The root that a process sees: a directory beside.
    [[nodiscard]] std::filesystem::path root(const std::string& name) const { return top_ / "roots" / name; }

    /// `id` may be "self". Its namespace is known by that name; its root has the same name, and is made.
    void process(const std::string& id, const std::string& command, const std::string& mounts,
                 const std::string& space) const {
        const std::filesystem::path directory = proc() / id;
        std::filesystem::create_directories(directory / "ns");
        std::filesystem::create_directories(directory / "fd");
        std::filesystem::create_directories(root(space));
        std::ofstream{directory / "mountinfo"} << mounts;
        std::ofstream{directory / "comm"} << command << '\n';
        link(directory / "ns/mnt", "mnt:[" + space + "]");
        link(directory / "root", root(space));
    }

    static void link(const std::filesystem::path& place, const std::filesystem::path& target) {
        std::filesystem::remove(place);
        std::filesystem::create_symlink(target, place);
    }

    /// References to the module ecryptfs.
    void held_by_kernel(const std::string& count) const {
        std::ofstream{sysfs() / "module/ecryptfs/refcnt"} << count << '\n';
    }

  private:
    std::filesystem::path top_;
};

} // namespace sealmount::testing
