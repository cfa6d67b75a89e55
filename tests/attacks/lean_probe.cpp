// The unseal of the lean unlock with a TPM behind a socket, so that attacks can be tried on it.
// Usage: lean_probe ROOT SOCKET MASTER. Prints "unlocked: tpm" when the TPM has released the master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/store/store.hpp"
#include "sys/raw/user_unseal.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

using namespace sealmount;

UniqueFd connected_to(const std::string& path) {
    UniqueFd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::connect(client.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
        throw_errno(errno, path);
    }
    return client;
}

int unseal(const std::string& root, const std::string& socket, const std::string& name) {
    const MasterFile file = Store{Paths{root}}.master(name);
    const Slot& slot = file.slots.front();
    RawTpm tpm{connected_to(socket)};
    const auto secret = unseal_in_one_session(tpm, {.srk_name = to_hex(file.srk_name),
                                                    .public_area = slot.sealed.public_area,
                                                    .private_area = slot.sealed.private_area,
                                                    .selection = slot.policy.pcrs.front().selection()});
    // What the resource manager does when a device is closed.
    for (const std::uint32_t first : {0x80000000U, 0x03000000U}) {
        for (std::uint32_t handle = first; handle < first + 3; ++handle) {
            static_cast<void>(tpm.flush(handle));
        }
    }
    std::printf("%s\n", secret ? "unlocked: tpm" : "not unlocked");
    return secret ? 0 : 1;
}

} // namespace

int main(const int count, char** const values) {
    constexpr int wanted = 4;
    if (count != wanted) {
        return 64;
    }
    try {
        return unseal(values[1], values[2], values[3]);
    } catch (const Error& error) {
        std::printf("%s\n", error.what());
        return 70;
    }
}
