// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll.hpp"

#include "base/hex.hpp"
#include "core/encrypted_key.hpp"
#include "core/enroll_checks.hpp"
#include "core/passphrase.hpp"
#include "core/tpm_key.hpp"
#include "sys/crypto.hpp"
#include "sys/files.hpp"
#include "sys/mounts.hpp"

#include <algorithm>
#include <ctime>
#include <map>

namespace sealmount {

namespace {

std::string now_rfc3339() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::string text(sizeof "YYYY-MM-DDTHH:MM:SSZ", '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
    return text;
}

[[noreturn]] void throw_master_refusal(const std::string_view name, const MasterRefusal& refusal) {
    std::string message =
        "the master key \"" + std::string{name} + "\" cannot be unsealed: " + describe(refusal.kind);
    for (const SlotRefusal& slot : refusal.slots) {
        for (const PcrMismatch& mismatch : slot.mismatches) {
            message += "; slot " + std::to_string(slot.slot) + ": PCR " + std::to_string(mismatch.pcr) +
                       " expected " + mismatch.expected + ", found " + mismatch.found;
        }
    }
    if (!refusal.detail.empty()) {
        message += " (" + refusal.detail + ")";
    }
    throw Error{Reason::refused, message + "; choose a new master key with --master"};
}

struct MasterInHand {
    MasterFile file;
    SecretBytes key;
    bool is_new = false;
    bool new_srk = false;
};

MasterInHand make_master(Tpm& tpm, const PcrSelection pcrs) {
    MasterInHand master{.file = {}, .key = random_secret(master_key_size), .is_new = true};
    if (auto name = tpm.srk_name()) {
        master.file.srk_name = std::move(*name);
    } else if (name.error().kind == RefusalKind::srk_missing) {
        master.file.srk_name = tpm.make_srk();
        master.new_srk = true;
    } else {
        throw Error{Reason::unavailable, std::string{"cannot read the storage root key: "} +
                                             describe(name.error().kind) + " " + name.error().detail};
    }
    Slot slot{.id = 1,
              .policy = {.bank = pcrs.bank, .values = tpm.read_pcrs(pcrs).values},
              .sealed = {},
              .created = now_rfc3339(),
              .note = "enrolment"};
    auto sealed = tpm.seal(master.key, policy_digest(slot.policy));
    if (!sealed) {
        throw Error{Reason::unavailable, std::string{"the TPM does not seal the master key: "} +
                                             describe(sealed.error().kind) + " " + sealed.error().detail};
    }
    slot.sealed = std::move(*sealed);
    master.file.slots.push_back(std::move(slot));
    return master;
}

MasterInHand obtain_master(const EnrollWorld& world, Tpm& tpm, const EnrollRequest& request) {
    const std::string& name = request.volume.master;
    if (!world.store.has_master(name)) {
        return make_master(tpm, request.pcrs);
    }
    MasterInHand master{.file = world.store.master(name), .key = {}};
    auto key = unseal_master(tpm, master.file, world.pause);
    if (!key) {
        throw_master_refusal(name, key.error());
    }
    master.key = std::move(*key);
    return master;
}

using KeyTexts = std::map<std::string, std::string>;

/// The key file of a passphrase that another volume uses already stays as it is, if it is what we would have
/// made.
std::string text_for(const Store& store, const std::string& description, const MasterInHand& master,
                     const Fekek& fekek) {
    if (store.has_key(fekek.signature)) {
        const std::string text = store.key(fekek.signature);
        if (const std::string other = master_description_of(text); other != description) {
            throw Error{Reason::refused, store.paths().key(fekek.signature).string() +
                                             ": this passphrase is already enrolled under " + other +
                                             ": use the same --master"};
        }
        if (open_encrypted_key(text, master.key).equals(fekek.key.bytes())) {
            return text;
        }
    }
    return compose_encrypted_key(description, master.key, fekek.key, random_bytes(16));
}

/// Unseals what was sealed and opens what was composed.
void prove(const EnrollWorld& world, Tpm& tpm, const std::string& name, const MasterInHand& master,
           const KeyTexts& texts, const std::vector<Fekek>& keys) {
    const auto unsealed = unseal_master(tpm, master.file, world.pause);
    if (!unsealed) {
        throw_master_refusal(name, unsealed.error());
    }
    if (!unsealed->equals(master.key.bytes())) {
        throw Error{Reason::bad_data,
                    "the TPM released another master key than was sealed: nothing was written"};
    }
    for (const Fekek& fekek : keys) {
        if (!open_encrypted_key(texts.at(fekek.signature), *unsealed).equals(fekek.key.bytes())) {
            throw Error{Reason::internal,
                        "the composed key " + fekek.signature + " does not open again: nothing was written"};
        }
    }
}

/// The whole way that a boot will go, up to the mount. False where this kernel has no trusted keys.
bool prove_in_kernel(const EnrollWorld& world, const std::string& name, const MasterFile& master,
                     const KeyTexts& texts) {
    if (!world.kernel_uses_this_tpm || !world.keyring.has_trusted_keys()) {
        return false;
    }
    const auto tpm = open_tpm(world.tpm, TpmAccess::raw, world.pause);
    if (!tpm) {
        throw Error{Reason::try_later, std::string{"cannot try the key in the kernel: "} +
                                           describe(tpm.error().kind) + " " + tpm.error().detail +
                                           ": nothing was written"};
    }
    const LoadedMaster unlinked_at_the_end{world.keyring, name};
    if (const auto slot = load_trusted_master(**tpm, world.keyring, name, master, world.pause); !slot) {
        throw_master_refusal(name, slot.error());
    }
    bool proved = true;
    for (const auto& [signature, text] : texts) {
        if (const auto result = world.keyring.prove_volume_key(signature, text); !result) {
            if (result.error().kind != RefusalKind::key_type_absent) {
                throw Error{Reason::internal, "the kernel refuses the composed key " + signature + ": " +
                                                  describe(result.error().kind) + ": nothing was written"};
            }
            proved = false;
        }
    }
    return proved;
}

/// Writes in the order of the store's rule. What is new is taken back when a later write fails; the manifest
/// is last, so until then nothing refers to it.
void write_all(const Store& store, const std::string& name, const MasterInHand& master, const KeyTexts& texts,
               const std::string& manifest, Enrolled& enrolled) {
    std::vector<std::string> new_keys;
    try {
        if (master.is_new) {
            store.write_master(name, master.file);
            enrolled.files.push_back(store.paths().master(name).string());
        }
        for (const auto& [signature, text] : texts) {
            if (!store.has_key(signature)) {
                new_keys.push_back(signature);
            } else if (store.key(signature) == text) {
                continue;
            }
            store.write_key(signature, text);
            enrolled.files.push_back(store.paths().key(signature).string());
        }
        store.write_manifest(manifest);
        enrolled.files.push_back(store.paths().manifest().string());
    } catch (const Error&) {
        for (const std::string& signature : new_keys) {
            store.remove_key(signature);
        }
        if (master.is_new) {
            store.remove_master(name);
        }
        throw;
    }
}

} // namespace

EnrollDraft prepare_enrollment(const EnrollWorld& world, EnrollRequest request) {
    check_directories(world.store, request.volume);
    check_against_manifest(world.store, request.volume);
    world.store.check_writable();
    Survey found = survey(
        sample_tree(world.store.paths().below_root(request.volume.lower), survey_limit, lower_header_size));
    complete_from_survey(request, found);
    auto tpm = open_tpm(world.tpm, TpmAccess::managed, world.pause);
    if (!tpm) {
        throw Error{Reason::unavailable,
                    std::string{describe(tpm.error().kind)} +
                        (tpm.error().detail.empty() ? "" : " (" + tpm.error().detail + ")")};
    }
    std::vector<std::string> warnings;
    if (!world.store.has_master(request.volume.master)) {
        warnings = warnings_about({request.pcrs.bank, (*tpm)->read_pcrs(request.pcrs).values});
    }
    return {.request = std::move(request),
            .survey = std::move(found),
            .tpm = std::move(*tpm),
            .warnings = std::move(warnings)};
}

Enrolled enroll(const EnrollWorld& world, EnrollDraft& draft, const SecretBytes& passphrase) {
    Volume& volume = draft.request.volume;
    const std::vector<Fekek> keys = keys_for_volume(world.store, draft.request, draft.survey, passphrase);
    MasterInHand master = obtain_master(world, *draft.tpm, draft.request);
    KeyTexts texts;
    for (const Fekek& fekek : keys) {
        texts[fekek.signature] = text_for(world.store, "trusted:" + volume.master, master, fekek);
    }
    prove(world, *draft.tpm, volume.master, master, texts, keys);
    Enrolled enrolled{.volume = volume,
                      .new_master = master.is_new,
                      .new_srk = master.new_srk,
                      .proved_in_kernel = false,
                      .files = {}};
    enrolled.proved_in_kernel = prove_in_kernel(world, volume.master, master.file, texts);
    write_all(world.store, volume.master, master, texts, manifest_with(world.store.manifest_text(), volume),
              enrolled);
    return enrolled;
}

Removed remove_volume(const Store& store, const std::string_view name) {
    const Volume volume = store.volume(name);
    if (const auto mounted = mount_at(store.paths().below_root(volume.mountpoint));
        mounted && mounted->type == "ecryptfs") {
        throw Error{Reason::refused,
                    volume.mountpoint +
                        " is mounted: run 'systemctl stop \"$(systemd-escape --path --suffix=mount " +
                        volume.mountpoint + ")\"' first"};
    }
    const std::string remaining = manifest_without(store.manifest_text(), name);
    store.check_writable();
    store.write_manifest(remaining);
    Removed removed{{store.paths().manifest().string()}};
    const std::vector<Volume> others = read_manifest(remaining).volumes;
    for (const std::string& signature : volume.signatures()) {
        const bool shared = std::ranges::any_of(others, [&](const Volume& other) {
            return std::ranges::count(other.signatures(), signature) > 0;
        });
        if (!shared && store.has_key(signature)) {
            store.remove_key(signature);
            removed.files.push_back(store.paths().key(signature).string());
        }
    }
    if (std::ranges::none_of(others, [&](const Volume& other) { return other.master == volume.master; }) &&
        store.has_master(volume.master)) {
        store.remove_master(volume.master);
        removed.files.push_back(store.paths().master(volume.master).string());
    }
    return removed;
}

} // namespace sealmount
