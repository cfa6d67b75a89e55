// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/ephemeral_master.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/master_unlock.hpp"
#include "sys/crypto/crypto.hpp"

namespace sealmount {

std::expected<void, Refusal> load_under_ephemeral_master(Keyring& keyring, const std::vector<Fekek>& keys) {
    const SecretBytes master = random_secret(master_key_size);
    const std::string name = formatted("sealmount-{}", to_hex(random_bytes(8)));
    const LoadedMaster unlinked_at_the_end{keyring, name};
    keyring.load_user_master(name, master);
    for (const Fekek& key : keys) {
        if (keyring.has_volume_key(key.signature)) {
            continue;
        }
        const std::string text =
            compose_encrypted_key(formatted("user:{}", name), master, key.key, random_bytes(16));
        if (auto loaded = keyring.load_volume_key(key.signature, text); !loaded) {
            return loaded;
        }
    }
    return {};
}

} // namespace sealmount
