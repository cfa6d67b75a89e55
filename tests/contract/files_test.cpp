// Files on a real file system: what a failure leaves behind, and whose files are trusted.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/files/files.hpp"
#include "sys/files/mounts.hpp"
#include "sys/files/sample_tree.hpp"
#include "sys/prompt/secret_input.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <future>
#include <malloc.h>
#include <unistd.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "sealmount-files.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        top_ = name;
        ::chmod(top_.c_str(), 0755);
    }
    void TearDown() override {
        fs::remove_all(top_);
        EXPECT_EQ(SecretBytes::alive(), 0U);
    }

    static void put(const fs::path& file, const std::string_view contents, const mode_t mode = 0600) {
        std::ofstream{file} << contents;
        ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    }
    static std::vector<std::string> names(const fs::path& directory) {
        std::vector<std::string> result;
        for (const auto& entry : fs::directory_iterator{directory}) {
            result.push_back(entry.path().filename().string());
        }
        std::ranges::sort(result);
        return result;
    }
    static mode_t mode_of(const fs::path& file) {
        struct ::stat status = {};
        EXPECT_EQ(::stat(file.c_str(), &status), 0);
        return status.st_mode & 07777U;
    }
    static std::optional<Reason> reason_of(const std::function<void()>& work) {
        try {
            work();
        } catch (const Error& error) {
            return error.reason();
        }
        return std::nullopt;
    }

    fs::path top_;
};

/// Root passes every permission; as nobody they count.
class AsNobody {
  public:
    AsNobody() : root_(::geteuid() == 0) {
        if (root_) {
            EXPECT_EQ(::seteuid(65534), 0);
        }
    }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
    ~AsNobody() {
        if (root_) {
            EXPECT_EQ(::seteuid(0), 0);
        }
    }

  private:
    bool root_;
};

/// Files cannot grow: write(2) fails half-way, as on a full disk.
class NoGrowth {
  public:
    explicit NoGrowth(const rlim_t most) {
        before_handler_ = ::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const ::rlimit limit = {.rlim_cur = most, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    NoGrowth(const NoGrowth&) = delete;
    NoGrowth& operator=(const NoGrowth&) = delete;
    ~NoGrowth() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, before_handler_);
    }

  private:
    ::rlimit before_ = {};
    void (*before_handler_)(int) = SIG_DFL;
};

TEST_F(FilesTest, WrittenFileHasContentsAndModeWhateverTheUmask) {
    const auto before = ::umask(077);
    write_file_atomically(top_ / "file", "new", 0644);
    ::umask(before);
    EXPECT_EQ(read_trusted_file(top_ / "file"), "new");
    EXPECT_EQ(mode_of(top_ / "file"), 0644U);
    write_file_atomically(top_ / "file", "newer", 0600);
    EXPECT_EQ(read_trusted_file(top_ / "file"), "newer");
    EXPECT_EQ(mode_of(top_ / "file"), 0600U);
    EXPECT_EQ(names(top_), std::vector<std::string>{"file"});
}

TEST_F(FilesTest, FullDiskLeavesTheOldContentsAndNoTemporaryFile) {
    write_file_atomically(top_ / "file", "old", 0600);
    {
        const NoGrowth full{10};
        EXPECT_EQ(reason_of([&] { write_file_atomically(top_ / "file", std::string(100, 'x'), 0600); }),
                  Reason::cannot_create);
    }
    EXPECT_EQ(read_trusted_file(top_ / "file"), "old");
    EXPECT_EQ(names(top_), std::vector<std::string>{"file"});
}

TEST_F(FilesTest, TargetThatCannotBeReplacedLeavesNoTemporaryFile) {
    fs::create_directory(top_ / "file");
    EXPECT_EQ(reason_of([&] { write_file_atomically(top_ / "file", "x", 0600); }), Reason::cannot_create);
    EXPECT_EQ(names(top_), std::vector<std::string>{"file"});
}

TEST_F(FilesTest, ForbiddenDirectoryRefuses) {
    write_file_atomically(top_ / "file", "old", 0644);
    ::chmod(top_.c_str(), 0555);
    {
        const AsNobody nobody;
        EXPECT_EQ(reason_of([&] { write_file_atomically(top_ / "file", "x", 0600); }), Reason::refused);
        EXPECT_EQ(reason_of([&] { remove_file_durably(top_ / "file"); }), Reason::refused);
        EXPECT_EQ(reason_of([&] { check_writable(top_); }), Reason::refused);
        EXPECT_EQ(reason_of([&] { check_writable(top_ / "a/b"); }), Reason::refused);
        EXPECT_EQ(reason_of([&] { make_directory(top_ / "a", 0755); }), Reason::refused);
    }
    ::chmod(top_.c_str(), 0755);
    EXPECT_EQ(names(top_), std::vector<std::string>{"file"});
}

TEST_F(FilesTest, MissingDirectoryCannotTakeAFile) {
    EXPECT_EQ(reason_of([&] { write_file_atomically(top_ / "absent/file", "x", 0600); }),
              Reason::cannot_create);
}

TEST_F(FilesTest, ReadOnlyFileSystemCannotTakeAFile) {
    constexpr int cannot_mount = 77;
    const ::pid_t child = ::fork();
    if (child == 0) {
        // A mount that nobody else sees and that goes with the child.
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", top_.c_str(), "tmpfs", MS_RDONLY, nullptr) != 0) {
            ::_exit(cannot_mount);
        }
        const bool refused =
            reason_of([&] { check_writable(top_); }) == Reason::cannot_create &&
            reason_of([&] { check_writable(top_ / "a/b"); }) == Reason::cannot_create &&
            reason_of([&] { make_directory(top_ / "a", 0755); }) == Reason::cannot_create &&
            reason_of([&] { write_file_atomically(top_ / "file", "x", 0600); }) == Reason::cannot_create;
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    if (WEXITSTATUS(status) == cannot_mount) {
        GTEST_SKIP() << "no permission to mount";
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(FilesTest, CheckOfWritabilityLeavesNothing) {
    check_writable(top_);
    check_writable(top_ / "not/yet/there");
    check_writable(top_ / "not/yet/there/");
    EXPECT_TRUE(names(top_).empty());
}

TEST_F(FilesTest, FileThatOthersCanWriteIsNotTrusted) {
    put(top_ / "file", "x", 0620);
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_ / "file")); }), Reason::config);
    ::chmod((top_ / "file").c_str(), 0602);
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_ / "file")); }), Reason::config);
    ::chmod((top_ / "file").c_str(), 0644);
    EXPECT_EQ(read_trusted_file(top_ / "file"), "x");
}

TEST_F(FilesTest, FileOfSomebodyElseIsNotTrusted) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give files away";
    }
    put(top_ / "file", "x");
    ASSERT_EQ(::chown((top_ / "file").c_str(), 12345, 0), 0);
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_ / "file")); }), Reason::config);
}

TEST_F(FilesTest, OnlyRegularFilesAreTrusted) {
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_)); }), Reason::config);
    ASSERT_EQ(::mkfifo((top_ / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_ / "pipe")); }), Reason::config);
    put(top_ / "file", "x");
    fs::create_symlink("file", top_ / "link");
    EXPECT_EQ(read_trusted_file(top_ / "link"), "x");
}

TEST_F(FilesTest, MissingAndOverlongFilesAreTold) {
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_ / "absent")); }), Reason::no_input);
    EXPECT_EQ(read_trusted_file_if_exists(top_ / "absent"), std::nullopt);
    put(top_ / "file", "12345");
    EXPECT_EQ(read_trusted_file(top_ / "file", 5), "12345");
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_trusted_file(top_ / "file", 4)); }), Reason::bad_data);
}

TEST_F(FilesTest, WhatAKilledWriterLeftIsRemovedAndNothingElse) {
    const std::vector<std::string> others = {".file.sealmount-abcde", ".file.swp", ".sealmount-abcdef",
                                             "file", "file.sealmount-abcdef"};
    for (const std::string& name : others) {
        put(top_ / name, "x");
    }
    fs::create_directory(top_ / ".directory.sealmount-abcdef");
    const pid_t child = ::fork();
    if (child == 0) {
        const ::rlimit limit = {.rlim_cur = 10, .rlim_max = 10};
        ::setrlimit(RLIMIT_FSIZE, &limit); // SIGXFSZ kills
        write_file_atomically(top_ / "file", std::string(100, 'x'), 0600);
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(names(top_).size(), others.size() + 2) << "the writer left its temporary file";
    remove_leftovers(top_);
    std::vector<std::string> left = others;
    left.emplace_back(".directory.sealmount-abcdef");
    std::ranges::sort(left);
    EXPECT_EQ(names(top_), left);
    EXPECT_EQ(read_trusted_file(top_ / "file"), "x");
    remove_leftovers(top_ / "absent");
}

TEST_F(FilesTest, RemovedTwiceIsNoError) {
    put(top_ / "file", "x");
    remove_file_durably(top_ / "file");
    remove_file_durably(top_ / "file");
    EXPECT_TRUE(names(top_).empty());
}

TEST_F(FilesTest, MadeDirectoryHasItsModeAndItsParentsTheirs) {
    const auto before = ::umask(077);
    make_directory(top_ / "a/b/c", 0700);
    make_directory(top_ / "a/b/c/", 0755);
    ::umask(before);
    EXPECT_EQ(mode_of(top_ / "a"), 0755U);
    EXPECT_EQ(mode_of(top_ / "a/b"), 0755U);
    EXPECT_EQ(mode_of(top_ / "a/b/c"), 0700U);
    put(top_ / "file", "x");
    EXPECT_EQ(reason_of([&] { make_directory(top_ / "file", 0700); }), Reason::cannot_create);
}

/// Does somebody wait for a lock of this file? proc(5), /proc/locks: those who wait have an arrow, and the
/// file is its device and its inode.
bool is_waited_for(const fs::path& file) {
    struct ::stat status = {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0);
    const std::string inode = ":" + std::to_string(status.st_ino) + " ";
    std::ifstream locks{"/proc/locks"};
    for (std::string line; std::getline(locks, line);) {
        if (line.find(" -> ") != std::string::npos && line.find(inode) != std::string::npos) {
            return true;
        }
    }
    return false;
}

TEST_F(FilesTest, LockIsHeldUntilDestroyed) {
    auto first = std::make_unique<FileLock>(top_ / "lock");
    auto second = std::async(std::launch::async, [this] { const FileLock lock{top_ / "lock"}; });
    const auto has_it = [&] { return second.wait_for(std::chrono::seconds{0}) == std::future_status::ready; };
    while (!has_it() && !is_waited_for(top_ / "lock")) {
        ::usleep(1000);
    }
    EXPECT_FALSE(has_it());
    first.reset();
    second.get();
}

TEST_F(FilesTest, SampleTakesFilesOfEachDirectoryInTurn) {
    fs::create_directories(top_ / "a/deep");
    put(top_ / "a/deep/4", "four");
    put(top_ / "a/3", "three");
    put(top_ / "b", "bb");
    put(top_ / "c", "");
    fs::create_symlink("b", top_ / "aa");
    fs::create_directory_symlink("a", top_ / "loop");
    ASSERT_EQ(::mkfifo((top_ / "pipe").c_str(), 0600), 0);

    std::vector<std::string> files;
    std::vector<std::string> directories;
    std::vector<std::string> others;
    const TreeSample all = sample_tree(top_, {.files = 100, .head_size = 2});
    for (const auto& entry : all.entries) {
        auto& names = entry.kind == EntryKind::file        ? files
                      : entry.kind == EntryKind::directory ? directories
                                                           : others;
        names.push_back(entry.name.string());
        EXPECT_LE(entry.head.size(), 2U);
        EXPECT_EQ(entry.is_empty, entry.name == "c");
        EXPECT_TRUE(entry.is_readable);
    }
    EXPECT_TRUE(all.is_complete);
    EXPECT_EQ(files, (std::vector<std::string>{"b", "a/3", "a/deep/4", "c"}));
    EXPECT_EQ(directories, (std::vector<std::string>{"a", "a/deep"}));
    EXPECT_EQ(others, (std::vector<std::string>{"aa", "loop", "pipe"}));
    EXPECT_EQ(reason_of([&] { static_cast<void>(sample_tree(top_ / "absent", {})); }), Reason::no_input);
}

TEST_F(FilesTest, SampleIsBounded) {
    for (const char* const name : {"1", "2", "3"}) {
        put(top_ / name, "12345");
    }
    const TreeSample two = sample_tree(top_, {.files = 2, .head_size = 3});
    ASSERT_EQ(two.entries.size(), 2U);
    EXPECT_FALSE(two.is_complete);
    EXPECT_EQ(two.entries.at(1).head.size(), 3U);
    EXPECT_TRUE(sample_tree(top_, {.files = 3, .head_size = 3}).is_complete);
}

TEST_F(FilesTest, SampleOfALargeTreeKeepsLittleOfIt) {
    constexpr std::size_t directories = 30;
    constexpr std::size_t files = 2000;
    const std::string long_end(100, 'x');
    // Names of one file, so that there are inodes enough anywhere.
    const fs::path file = top_ / "file";
    const fs::path tree = top_ / "tree";
    put(file, "12345");
    for (std::size_t i = 0; i < directories; ++i) {
        const fs::path directory = tree / std::to_string(100 + i);
        fs::create_directories(directory);
        // Some have fewer files than are read of the others.
        for (std::size_t j = 0; j < (i % 3 == 0 ? 2 : files); ++j) {
            const std::string name = std::to_string(10000 + j) + long_end;
            ASSERT_EQ(::link(file.c_str(), (directory / name).c_str()), 0) << errno;
        }
    }
    const std::size_t before = ::mallinfo2().uordblks;
    std::size_t most = 0;
    std::vector<std::string> names;
    const bool is_complete = visit_sample(tree, {.files = 100, .head_size = 2}, [&](const FileSample& entry) {
        most = std::max(most, ::mallinfo2().uordblks - before);
        if (entry.kind == EntryKind::file) {
            names.push_back(entry.name.string());
        }
    });
    EXPECT_FALSE(is_complete);
    EXPECT_LT(most, 1U << 20U) << "the names alone are 4 MB";
    std::vector<std::string> expected;
    for (std::size_t j = 0; expected.size() < 100; ++j) {
        for (std::size_t i = 0; i < directories && expected.size() < 100; ++i) {
            if (j < (i % 3 == 0 ? 2 : files)) {
                expected.push_back(std::to_string(100 + i) + "/" + std::to_string(10000 + j) + long_end);
            }
        }
    }
    EXPECT_EQ(names, expected);
}

TEST_F(FilesTest, SampleReadsTheAttributeThatWasAskedFor) {
    put(top_ / "with", "x");
    put(top_ / "without", "x");
    put(top_ / "with-more", "x");
    const std::string long_value(20, 'v');
    if (::setxattr((top_ / "with").c_str(), "user.ecryptfs", "value", 5, 0) != 0) {
        GTEST_SKIP() << "the file system of " << top_ << " has no user attributes";
    }
    ASSERT_EQ(
        ::setxattr((top_ / "with-more").c_str(), "user.ecryptfs", long_value.data(), long_value.size(), 0),
        0);
    const TreeSample found = sample_tree(top_, {.files = 9, .head_size = 8, .attribute = "user.ecryptfs"});
    EXPECT_EQ(found.entries.at(0).attribute.size(), 5U);
    EXPECT_TRUE(found.entries.at(1).attribute.empty()) << "longer than asked for is none, as for the kernel";
    EXPECT_TRUE(found.entries.at(2).attribute.empty());
    EXPECT_TRUE(sample_tree(top_, {.files = 9, .head_size = 8}).entries.at(0).attribute.empty());
}

TEST_F(FilesTest, LockWithALimitGivesUp) {
    const std::chrono::milliseconds limit{200};
    {
        const FileLock held{top_ / "lock"};
        EXPECT_EQ(reason_of([&] { const FileLock second{top_ / "lock", limit}; }), Reason::try_later);
    }
    EXPECT_NO_THROW((FileLock{top_ / "lock", limit}));
}

TEST_F(FilesTest, SecretLosesOneLineEndOnly) {
    put(top_ / "secret", "pass word\n\n");
    EXPECT_TRUE(read_secret((top_ / "secret").string(), 64).equals(as_bytes("pass word\n")));
    put(top_ / "secret", "pass word\r\n");
    EXPECT_TRUE(read_secret((top_ / "secret").string(), 9).equals(as_bytes("pass word")));
    put(top_ / "secret", "pass word");
    EXPECT_TRUE(read_secret((top_ / "secret").string(), 9).equals(as_bytes("pass word")));
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_secret((top_ / "secret").string(), 8)); }),
              Reason::usage);
    put(top_ / "secret", "\n");
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_secret((top_ / "secret").string(), 8)); }),
              Reason::usage);
    EXPECT_EQ(reason_of([&] { static_cast<void>(read_secret((top_ / "absent").string(), 8)); }),
              Reason::no_input);
}

TEST(MountsTest, FindsWhatIsMountedAndNothingElse) {
    const auto proc = mount_at("/proc/");
    ASSERT_TRUE(proc);
    EXPECT_EQ(proc->type, "proc");
    EXPECT_TRUE(proc->options.starts_with("rw") || proc->options.starts_with("ro"));
    EXPECT_FALSE(mount_at("/proc/self"));
    EXPECT_FALSE(mount_at("/nonexistent"));
}

} // namespace

} // namespace sealmount
