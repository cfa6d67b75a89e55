// mount.sealmount SPEC DIR [-o OPTIONS]: mount(8) calls it for Type=sealmount of a volume's mount unit, and
// it has the kernel mount. Where mount.ecryptfs of ecryptfs-utils is installed, mount(8) would call that for
// Type=ecryptfs: it loads OpenSSL and tries all its kinds of keys for each mount, which costs more than all
// the rest of it, and nothing of which is needed, as the keys are in the kernel. Whatever is unusual, and
// whatever the kernel refuses, is left to mount(8), without a helper: it knows the words for it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/plain_mount.hpp"

#include <sysexits.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

int main(const int argc, char** const argv) {
    const std::span<char*> given{argv, static_cast<std::size_t>(argc)};
    std::vector<std::string_view> words{given.begin(), given.end()};
    words.erase(words.begin());
    if (const auto plain = sealmount::plain_mount(words); plain && mount_plainly(*plain)) {
        return 0;
    }
    std::vector<std::string> texts = {"mount", "-i", "-t", "ecryptfs"};
    texts.insert(texts.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (std::string& text : texts) {
        arguments.push_back(text.data());
    }
    arguments.push_back(nullptr);
    ::execv("/bin/mount", arguments.data());
    return EX_OSERR;
}
