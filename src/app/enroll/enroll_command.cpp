// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll/enroll_command.hpp"

#include "app/options/bound_policies.hpp"
#include "app/options/this_machine.hpp"
#include "app/output/hints.hpp"
#include "app/output/volume_json.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/host/backoff.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// "'WORD'" for a shell, where WORD has characters that it would take for its own.
std::string shell_word(const std::string& word) {
    return word.find('\\') == std::string::npos ? word : "'" + word + "'";
}

/// What opens the volume when the TPM cannot.
void print_advice(const Volume& volume, const KeyOptions& keys, const Paths& paths) {
    const std::string backup = paths.configuration().string();
    if (!keys.fekek_file.empty()) {
        std::printf("Keep the key file: no passphrase opens the volume when the TPM cannot. Back up %s.\n",
                    backup.c_str());
        return;
    }
    std::printf("Keep the %s the volume when the TPM cannot. Back up %s.\n",
                keys.filename_passphrase_file.empty() ? "passphrase: it opens"
                                                      : "passphrases: both together open",
                backup.c_str());
    if (!keys.wrapped_passphrase.empty()) {
        std::printf("What is asked for then is the mount passphrase itself, not its wrapping passphrase: "
                    "'ecryptfs-unwrap-passphrase %s' shows it.\n",
                    keys.wrapped_passphrase.c_str());
    }
    if (!keys.from_keyring.empty()) {
        std::printf("Nobody typed the passphrase now. Make sure that it is known: 'ecryptfs-add-passphrase' "
                    "must answer with [%s].\n",
                    volume.signature.c_str());
    }
}

/// To standard error; --json has them in its document.
void print_warnings(const std::vector<std::string>& warnings, const Globals& globals) {
    if (!globals.json) {
        for (const std::string& warning : warnings) {
            std::fprintf(stderr, "sealmount: warning: %s\n", warning.c_str());
        }
    }
}

Enrolled enroll_under_lock(const EnrollOptions& words, const EnrollContext& context, EnrollDraft& draft,
                           NewRecoveryKey* const recovery, const Globals& globals) {
    // A person who thinks holds no lock.
    KeysInHand keys{words.keys, draft.request.volume.lower, draft.survey, globals, context.machine.keyring};
    const FileLock lock = context.store.lock();
    if (recovery != nullptr) {
        recovery->save();
    }
    if (!words.quiet && !words.one_of_many && !globals.json) {
        std::fprintf(stderr, "%s ...\n",
                     takes_passphrase(words.keys) ? "Deriving the keys, sealing and proving them"
                                                  : "Sealing the keys and proving them");
    }
    return enroll(context, draft, keys.source());
}

/// Is the master key that of another volume? Then it keeps its policy and its recovery key.
bool is_used(const Store& store, const std::string& master) {
    const std::vector<Volume> volumes = store.manifest().volumes;
    return std::ranges::any_of(volumes, [&](const Volume& volume) { return volume.master == master; });
}

/// For a new master key.
Policy policy_of(const EnrollOptions& words, const EnrollContext& context) {
    if (is_used(context.store, words.request.volume.master) && names_policy(words.policy) &&
        !words.one_of_many) {
        std::fprintf(stderr,
                     "sealmount: warning: the master key \"%s\" is there already: the options about its "
                     "policy say nothing; 'sealmount reseal' adds a slot to it\n",
                     words.request.volume.master.c_str());
    }
    return policy_from(words.policy, context.store.paths(), context.machine.tpm);
}

EnrollRequest request_of(const EnrollOptions& words) {
    EnrollRequest request = words.request;
    request.from_keyring = keyring_keys(words.keys);
    request.filename_encryption |= names_filename_key(words.keys);
    request.guard = !words.no_guard;
    request.volume.no_passphrase |= !words.keys.fekek_file.empty();
    request.volume.timeout = std::chrono::seconds{words.timeout};
    request.volume.nofail = !words.required;
    if (!words.cipher.empty()) {
        request.cipher = words.cipher;
    }
    if (words.key_bytes != 0) {
        request.key_bytes = words.key_bytes;
    }
    return request;
}

} // namespace

EnrollOutcome enroll_volume(EnrollOptions words, const Globals& globals) {
    check_key_options(words.keys);
    if (words.one_of_many && words.policy.pin && words.policy.pin_file.empty()) {
        throw Error{Reason::usage, "--pin would be asked for with each volume: give --pin-file FILE as well"};
    }
    EnrollRequest request = request_of(words);
    const Store store{globals.paths()};
    const ThisMachine this_machine{globals};
    auto pin = new_pin(words.policy);
    if (!pin && !words.policy.pin_file.empty()) {
        pin = present_pin(words.policy.pin_file); // of a master key that is there
    }
    const EnrollContext context{.machine = this_machine.machine(),
                                .store = store,
                                .kernel_uses_this_tpm = globals.tcti.empty(),
                                .pin = pin ? &*pin : nullptr,
                                .bind = bind_to_present(globals.paths())};
    request.policy = policy_of(words, context);
    auto recovery = is_used(store, request.volume.master)
                        ? nullptr
                        : NewRecoveryKey::make(words.recovery, is_seen(globals) && !words.quiet);
    request.recovery_key = recovery ? &recovery->key() : nullptr;

    EnrollDraft draft = prepare_enrollment(context, std::move(request));
    std::vector<std::string> warnings = with_hints(draft.warnings);
    print_warnings(warnings, globals);
    Enrolled enrolled = enroll_under_lock(words, context, draft, recovery.get(), globals);
    const std::vector<std::string> later = with_hints(enrolled.warnings);
    print_warnings(later, globals);
    warnings.insert(warnings.end(), later.begin(), later.end());
    return {
        .enrolled = std::move(enrolled), .warnings = std::move(warnings), .recovery = std::move(recovery)};
}

Json to_json(const EnrollOutcome& outcome) {
    const Enrolled& enrolled = outcome.enrolled;
    Json json = volume_json(enrolled.volume);
    json.update({{"new_master", enrolled.new_master},
                 {"new_srk", enrolled.new_srk},
                 {"recovery_slot", enrolled.recovery_slot ? Json(*enrolled.recovery_slot) : Json(nullptr)},
                 {"proved_in_kernel", enrolled.proved_in_kernel},
                 {"guarded", enrolled.guarded},
                 {"files", enrolled.files},
                 {"warnings", outcome.warnings}});
    return json;
}

void print_outcome(const EnrollOptions& words, const EnrollOutcome& outcome, const Globals& globals) {
    const Enrolled& enrolled = outcome.enrolled;
    const Volume& volume = enrolled.volume;
    std::printf("Enrolled %s%s: %s on %s\n", volume.name.c_str(),
                enrolled.files.empty() ? " (it was already)" : "", volume.lower.c_str(),
                volume.mountpoint.c_str());
    std::printf("  key        %s (%s, %u bytes)\n", volume.signature.c_str(), volume.cipher.c_str(),
                volume.key_bytes);
    if (volume.filename_signature) {
        std::printf("  file names %s (%s, %u bytes)\n", volume.filename_signature->c_str(),
                    volume.filename_cipher.c_str(), volume.filename_key_bytes);
    }
    if (std::ranges::count(volume.options, "ecryptfs_xattr_metadata") > 0) {
        std::printf("  metadata   in extended attributes (ecryptfs_xattr_metadata)\n");
    }
    std::printf("  master key %s%s\n", volume.master.c_str(),
                enrolled.new_master ? " (new, sealed by the TPM)" : "");
    std::printf("  proved     %s\n", enrolled.proved_in_kernel
                                         ? "unsealed, compared, and loaded by the kernel"
                                         : "unsealed and compared; not by the kernel, which has no "
                                           "encrypted keys or another TPM");
    if (enrolled.guarded) {
        std::printf("  guarded    nothing is written into %s while the volume is not mounted\n",
                    volume.mountpoint.c_str());
    }
    print_advice(volume, words.keys, globals.paths());
    if (globals.paths().is_running_system()) {
        std::printf(
            "It mounts at the next boot. To mount it now:\n  systemctl daemon-reload && systemctl start %s\n",
            shell_word(mount_unit_name(volume.mountpoint)).c_str());
    }
}

void tell_recovery_key(const EnrollOptions& words, EnrollOutcome& outcome, const Globals& globals) {
    const Enrolled& enrolled = outcome.enrolled;
    const std::string& master = enrolled.volume.master;
    if (enrolled.recovery_slot) {
        outcome.recovery->hand_over(master, globals);
    } else if (enrolled.new_master && !words.recovery.none && !words.quiet && !globals.json) {
        std::printf("No recovery key was made, as no terminal would show it: 'sealmount recovery-key %s' "
                    "makes one.\n",
                    master.c_str());
    } else if (!words.recovery.save_file.empty()) {
        std::fprintf(stderr,
                     "sealmount: warning: the master key \"%s\" is there already, with or without a recovery "
                     "key: 'sealmount recovery-key' makes one\n",
                     master.c_str());
    }
}

void add_enroll_options(CLI::App& verb, EnrollOptions& words) {
    add_key_options(verb, words.keys);
    verb.add_flag("--filename-encryption", words.request.filename_encryption,
                  "the volume encrypts file names (detected unless it is empty)");
    verb.add_option("--cipher", words.cipher, "the cipher, for an empty volume (aes)");
    verb.add_option("--key-bytes", words.key_bytes, "its key size, for an empty volume (16)");
    verb.add_option("--master", words.request.volume.master,
                    "the master key to put the volume under (default)")
        ->capture_default_str();
    add_policy_options(verb, words.policy);
    add_new_recovery_options(verb, words.recovery);
    verb.add_option("--option", words.request.volume.options,
                    "a further mount option, such as nosuid; repeatable")
        ->allow_extra_args(false);
    verb.add_flag("--required", words.required, "the boot fails without the volume (default: it goes on)");
    verb.add_flag("--noauto", words.request.volume.noauto, "do not mount at boot");
    verb.add_flag("--headless", words.request.volume.headless, "never ask for the passphrase");
    verb.add_option("--timeout", words.timeout, "seconds to wait for each answer")->capture_default_str();
    verb.add_flag("--no-guard", words.no_guard,
                  "leave the mount point writable while the volume is not mounted");
    verb.add_flag("--quiet", words.quiet, "say nothing when all is well");
}

} // namespace sealmount
