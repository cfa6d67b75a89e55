// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/private_setup.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/wrapped_passphrase.hpp"
#include "core/import/private_layout.hpp"
#include "core/volume/volume_name.hpp"

#include <algorithm>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_text = 8192; // of a file with a path in it

/// What was found, or the problem as an Error.
template<typename T>
T found_or_refused(std::expected<T, UserTreeProblem> found) {
    if (!found) {
        throw Error{Reason::refused, found.error()};
    }
    return std::move(*found);
}

std::string text_of(const UserDirectory& directory, const char* const name, const std::string& otherwise) {
    return found_or_refused(directory.read(name, longest_text)).value_or(otherwise);
}

PrivateSignatures signatures_in(const UserDirectory& directory) {
    const auto text = found_or_refused(directory.read(private_file::signatures, longest_text));
    const std::string file = (directory.path() / private_file::signatures).string();
    if (!text) {
        throw Error{Reason::no_input,
                    formatted("{} is not there: ecryptfs-setup-private did not finish", file)};
    }
    try {
        return private_signatures(*text);
    } catch (const Error& error) {
        throw error.in(file);
    }
}

std::string wrapped_in(const UserDirectory& directory) {
    auto contents = found_or_refused(directory.read(private_file::wrapped_passphrase, longest_wrapped_file));
    if (!contents) {
        throw Error{Reason::no_input,
                    formatted("{} is not there: ecryptfs-migrate-home leaves it to the user's first login",
                              (directory.path() / private_file::wrapped_passphrase).string()),
                    {.kind = AdviceKind::enroll_with_passphrase}};
    }
    return std::move(*contents);
}

fs::path mountpoint_in(const UserDirectory& directory, const User& user, const fs::path& root) {
    const std::string file = (directory.path() / private_file::mountpoint).string();
    fs::path mountpoint;
    try {
        mountpoint = private_mountpoint(text_of(directory, private_file::mountpoint, ""), user.home);
    } catch (const Error& error) {
        throw error.in(file);
    }
    if (const auto opened = UserDirectory::open(root, mountpoint, user.id); !opened) {
        throw Error{Reason::refused,
                    formatted("{}: the mount point that {} names must be a directory of the user's own",
                              opened.error(), file)};
    }
    return mountpoint;
}

std::string in_ascii(std::string name) {
    std::ranges::replace_if(
        name, [](const char c) { return c <= ' ' || c >= '\x7f'; }, '?');
    return name;
}

std::vector<std::string> aliases_in(const UserDirectory& directory) {
    std::vector<std::string> aliases = directory.names_with_end(private_file::alias_end);
    for (std::string& alias : aliases) {
        alias = in_ascii(alias.substr(0, alias.size() - std::string_view{private_file::alias_end}.size()));
    }
    return aliases;
}

User known_user(const Paths& paths, const std::string& name) {
    auto user = user_called(paths.below_root("/"), name);
    if (!user || !private_store(name)) {
        throw Error{Reason::no_input, "there is no such user"};
    }
    return std::move(*user);
}

} // namespace

PrivateSetup private_setup(const Paths& paths, const std::string& name, const std::set<std::string>& taken) {
    const fs::path root = paths.below_root("/");
    const User user = known_user(paths, name);
    const fs::path store = private_store(name).value();
    const auto home = found_or_refused(UserDirectory::open(root, user.home, user.id));
    const auto directory = found_or_refused(home.child(".ecryptfs", store / ".ecryptfs"));
    if (!directory) {
        throw Error{Reason::no_input, formatted("{} is not there: ecryptfs-setup-private has set up nothing",
                                                (user.home / ".ecryptfs").string())};
    }
    const auto lower = found_or_refused(home.child(".Private", store / ".Private"));
    if (!lower) {
        throw Error{Reason::no_input,
                    formatted("{}, the encrypted files, is not there", (user.home / ".Private").string())};
    }
    const PrivateSignatures signatures = signatures_in(*directory);
    const fs::path mountpoint = mountpoint_in(*directory, user, root);

    PrivateSetup setup;
    setup.user = user;
    setup.whole_home = mountpoint == user.home;
    setup.directory = directory->path().string();
    setup.wrapped = wrapped_in(*directory);
    setup.own_wrapping = directory->has(private_file::own_wrapping);
    setup.auto_mount = directory->has(private_file::auto_mount);
    setup.auto_umount = directory->has(private_file::auto_umount);
    setup.other_aliases = aliases_in(*directory);
    setup.request.expected = {.signature = signatures.content,
                              .filename_signature = signatures.filename,
                              .said_by = setup.file(private_file::signatures)};
    setup.request.owner = user.id;
    setup.request.filename_encryption = signatures.filename.has_value();
    Volume& volume = setup.request.volume;
    volume.name = volume_name_for(formatted("{}-{}", setup.whole_home ? "home" : "private", name), taken);
    volume.lower = lower->path().string();
    volume.mountpoint = mountpoint.string();
    volume.options = {"nosuid", "nodev"};
    return setup;
}

} // namespace sealmount
