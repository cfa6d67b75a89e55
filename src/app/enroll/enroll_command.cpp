// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/enroll_command.hpp"

#include "app/enroll/enroll_run.hpp"
#include "app/output/print.hpp"
#include "app/output/volume_json.hpp"
#include "base/format.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/tpm/srk_name.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <expected>
#include <optional>
#include <utility>

namespace sealmount {

namespace {

constexpr unsigned longest_key = 64;
constexpr unsigned longest_timeout = 86400;

/// "'WORD'" for a shell, where WORD has characters that it would take for its own.
std::string shell_word(const std::string& word) {
    return word.find('\\') == std::string::npos ? word : formatted("'{}'", word);
}

/// What opens the volume when the TPM cannot.
void print_advice(const Volume& volume, const KeyOptions& keys, const Paths& paths) {
    const std::string backup = paths.configuration().string();
    if (!keys.fekek_file.empty()) {
        print("Keep the key file: no passphrase opens the volume when the TPM cannot. Back up {}.\n", backup);
        return;
    }
    print("Keep the {} the volume when the TPM cannot. Back up {}.\n",
          keys.filename_passphrase_file.empty() ? "passphrase: it opens" : "passphrases: both together open",
          backup);
    if (!keys.wrapped_passphrase.empty()) {
        print("What is asked for then is the mount passphrase itself, not its wrapping passphrase: "
              "'ecryptfs-unwrap-passphrase {}' shows it.\n",
              keys.wrapped_passphrase);
    }
    if (!keys.from_keyring.empty()) {
        print("Nobody typed the passphrase now. Make sure that it is known: 'ecryptfs-add-passphrase' must "
              "answer with [{}].\n",
              volume.signature);
    }
}

/// Who knows that it is the TPM's.
const char* words_for(const SrkTrust trust) {
    switch (trust) {
    case SrkTrust::pinned:
        return "as for the other master keys";
    case SrkTrust::systemd:
        return "systemd has noted the same";
    case SrkTrust::accepted:
        return "trusted as that of a new TPM";
    case SrkTrust::first_use:
        return "trusted on first use";
    }
    return "";
}

} // namespace

EnrollOutcome enroll_volume(const EnrollOptions& options, const Globals& globals, const Machine& machine) {
    std::optional<std::expected<EnrollOutcome, Error>> result;
    EnrollRun run{globals, machine, [&](const EnrollOptions&, std::expected<EnrollOutcome, Error> outcome) {
                      result.emplace(std::move(outcome));
                  }};
    run.add(std::move(options));
    run.finish();
    if (!result.value()) {
        throw std::move(result->error());
    }
    return std::move(result->value());
}

Json to_json(const EnrollOutcome& outcome) {
    const Enrolled& enrolled = outcome.enrolled;
    Json json = volume_json(enrolled.volume);
    json.update({{"new_master", enrolled.new_master},
                 {"new_srk", enrolled.new_srk},
                 {"srk", enrolled.srk ? Json{{"key", short_form(enrolled.srk->name)},
                                             {"trust", to_string(enrolled.srk->trust)}}
                                      : Json(nullptr)},
                 {"recovery_slot", enrolled.recovery_slot ? Json(*enrolled.recovery_slot) : Json(nullptr)},
                 {"proved_in_kernel", enrolled.proved_in_kernel},
                 {"guarded", enrolled.guarded},
                 {"files", enrolled.files},
                 {"warnings", outcome.warnings}});
    return json;
}

void print_srk(const Enrolled& enrolled) {
    if (enrolled.srk) {
        print("  TPM key    {} ({})\n", short_form(enrolled.srk->name), words_for(enrolled.srk->trust));
    }
}

void print_outcome(const EnrollOptions& options, const EnrollOutcome& outcome, const Globals& globals) {
    const Enrolled& enrolled = outcome.enrolled;
    const Volume& volume = enrolled.volume;
    print("Enrolled {}{}: {} on {}\n", volume.name, enrolled.files.empty() ? " (it was already)" : "",
          volume.lower, volume.mountpoint);
    print("  key        {} ({}, {} bytes)\n", volume.signature, volume.cipher, volume.key_bytes);
    if (volume.filename_signature) {
        print("  file names {} ({}, {} bytes)\n", *volume.filename_signature, volume.filename_cipher,
              volume.filename_key_bytes);
    }
    if (std::ranges::count(volume.options, "ecryptfs_xattr_metadata") > 0) {
        print("  metadata   in extended attributes (ecryptfs_xattr_metadata)\n");
    }
    print("  master key {}{}\n", volume.master, enrolled.new_master ? " (new, sealed by the TPM)" : "");
    print_srk(enrolled);
    print("  proved     {}\n", enrolled.proved_in_kernel
                                   ? "unsealed, compared, and loaded by the kernel"
                                   : "unsealed and compared; not by the kernel, which has no "
                                     "encrypted keys or another TPM");
    if (enrolled.guarded) {
        print("  guarded    nothing is written into {} while the volume is not mounted\n", volume.mountpoint);
    }
    print_advice(volume, options.keys, globals.paths());
    if (globals.paths().is_running_system()) {
        print(
            "It mounts at the next boot. To mount it now:\n  systemctl daemon-reload && systemctl start {}\n",
            shell_word(mount_unit_name(volume.mountpoint)));
    }
}

void report_recovery_key(const EnrollOptions& options, EnrollOutcome& outcome, const Globals& globals) {
    const Enrolled& enrolled = outcome.enrolled;
    const std::string& master = enrolled.volume.master;
    if (enrolled.recovery_slot) {
        outcome.recovery->hand_over(master, globals);
    } else if (enrolled.new_master && !options.recovery.none && !options.quiet && !globals.json) {
        print(
            "No recovery key was made, because no terminal would show it: 'sealmount recovery-key {}' makes "
            "one.\n",
            master);
    } else if (!options.recovery.save_file.empty()) {
        print_warnings({formatted("the master key \"{}\" exists already, with or without a recovery key: "
                                  "'sealmount recovery-key' makes one",
                                  master)});
    }
}

void add_enroll_options(Arguments& verb, EnrollOptions& options) {
    add_key_options(verb, options.keys);
    verb.flag("--filename-encryption", options.request.filename_encryption,
              "the volume encrypts file names (detected unless it is empty)");
    verb.option("--cipher", "CIPHER", options.cipher, "the cipher, for an empty volume (aes)");
    verb.number("--key-bytes", {1, longest_key}, options.key_bytes,
                "its key size in bytes, for an empty volume (16)");
    verb.option("--master", "NAME", options.request.volume.master,
                "the master key that protects the volume's keys");
    add_policy_options(verb, options.policy);
    add_new_recovery_options(verb, options.recovery);
    verb.option("--option", "OPTION", options.request.volume.options, "another mount option, such as nosuid");
    verb.flag("--required", options.required, "the boot fails without the volume; otherwise it continues");
    verb.flag("--noauto", options.request.volume.noauto, "do not mount at boot");
    verb.flag("--headless", options.request.volume.headless, "never ask for the passphrase");
    verb.seconds("--timeout", {1, longest_timeout}, options.timeout,
                 "how long to wait for each answer at boot");
    verb.flag("--no-guard", options.no_guard,
              "leave the mount point writable while the volume is not mounted");
    verb.flag("--empty", options.request.may_be_empty,
              "the lower directory is new: do not warn that it is empty, nor refuse one below a mount of "
              "/etc/fstab "
              "that is not there");
    verb.flag("--quiet", options.quiet, "print nothing when everything is well");
}

} // namespace sealmount
