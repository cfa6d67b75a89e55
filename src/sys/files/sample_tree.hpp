// A bounded look at a directory tree: its names, and what is at the head of its files.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sealmount {

enum class EntryKind {
    file,      ///< a regular one
    directory, ///< entered, unless another file system is mounted there
    other,     ///< a symbolic link, a socket ...: only its name is looked at
};

/// One entry of a directory tree.
struct FileSample {
    std::filesystem::path name; ///< relative to the tree's top
    EntryKind kind = EntryKind::file;
    bool is_readable = true; ///< the entry, or what is in it, could be read
    bool is_empty = false;   ///< a file of no bytes
    std::vector<std::byte> head;
    std::vector<std::byte> attribute; ///< the extended attribute that was asked for; empty where it has none
};

struct TreeSample {
    std::vector<FileSample> entries;
    bool is_complete = true; ///< there was no more in the tree
};

struct SampleRequest {
    std::size_t files = 0;           ///< how many files to read
    std::size_t head_size = 0;       ///< how many bytes of each file, and of the attribute
    const char* attribute = nullptr; ///< its name, or none
};

/// Gets each entry once. What it keeps of it is its own affair.
using SampleVisitor = std::function<void(FileSample&&)>;

/// Up to `files` regular files of the tree, one of each directory in turn, so that a directory with many does
/// not hide another; and the names of the directories and of other entries, breadth first and sorted, of a
/// bounded number of them. Symbolic links and other file systems are not entered. Throws Error when the top
/// cannot be read. Keeps the names of one directory, and of little more than `files` files, whatever the size
/// of the tree. Returns whether there was no more in the tree.
[[nodiscard]] bool visit_sample(const std::filesystem::path& top, const SampleRequest& request,
                                const SampleVisitor& visit);

/// The same, all of it together.
[[nodiscard]] TreeSample sample_tree(const std::filesystem::path& top, const SampleRequest& request);

} // namespace sealmount
